"""What the generated pages say about names that the code only knows as words. A test holds the two together."""

from collections.abc import Mapping

COLUMNS: Mapping[str, str] = {
    "id": "unique in the catalog; default `row-` + 12 hex digits of the request: inserting a line renames nothing",
    "operation": "`generate` (default), `edit`, `vision`",
    "model": "an id or alias of the model table, or an [`auto:` word](#auto-models); empty needs `--model`",
    "prompt": "the text; or leave it empty and use `template`",
    "template": "[a named template](#templates); any other column can be one of its variables",
    "art_style": "[a named style](#styles): 油画 水彩 素描 动漫 写实 or its English twin",
    "subject": "variable of the templates",
    "time": "variable of the templates",
    "weather": "variable of the templates",
    "mood": "variable of the templates",
    "environment": "variable of the templates",
    "lighting": "variable of the templates",
    "quality_words": "variable of the templates",
    "size": "`1024x1024`; checked against the model",
    "ratio": "`2:3`; sent the way the model wants it: parameter, `aspect_ratio`, or a tag at the end of the prompt",
    "n": "pictures per request, as far as the model allows; each is a row of the manifest",
    "seed": "request parameter, checked against the model",
    "quality": "request parameter, checked against the model",
    "style": "request parameter, checked against the model",
    "aspect_ratio": "request parameter, checked against the model",
    "safety_tolerance": "request parameter, checked against the model",
    "prompt_upsampling": "request parameter, checked against the model",
    "background": "request parameter, checked against the model",
    "output_format": "request parameter, checked against the model",
    "params": "JSON object of further request parameters; one the model does not list is refused before spending",
    "take": "default 1; raise it to buy another picture of the same request",
    "images": "`;`-separated inputs: a path relative to the catalog, `s3://…`, `https://…`, `row:<id>`, `row:<id>#0`",
    "mask": "where to edit: one input, as above",
    "vision": "for `operation=vision`: `ocr`, `describe`, `compare`, `ask` (the prompt is the question)",
    "ocr": "`true`: the picture is read back",
    "expected_text": "what the picture should read; gives the character error rate",
}

EXAMPLE = (
    "A picture, an edit of a photo, an edit of another row's picture, and a question about what came of it. Whatever\n"
    "feeds on a row waits for it:"
)

AUTO = (
    "The guide's choice for a purpose or a budget, as of {}: the first of its list that is not retired. A row keeps\n"
    "the model with which it was first bought. A dash: the word has no model for that operation, and is refused."
)

TEMPLATES = (
    "`template` names one of these, or is itself a text with a `{column}` in it; the other columns fill it in. A\n"
    "variable without a default must have a value, unless it may be empty: then its part is left out. ⏎ is a new line."
)

STYLES = "`art_style` puts one of these after the prompt, or where the template has it."

REASONS: Mapping[str, tuple[str, str]] = {
    "policy": ("refused", "the gateway's content policy, in whatever disguise; never sent again"),
    "invalid_request": ("failed", "the gateway rejects the request as it stands, or is known to"),
    "model_unavailable": ("failed", "no such model for this key, or no channel serves it"),
    "no_image": ("failed", "a reply without a picture; perhaps charged, so not sent again by default"),
    "bad_image": ("failed", "bytes came that are no PNG, JPEG or WebP we can decode"),
    "url_expired": ("failed", "the picture's URL was dead before its bytes were here"),
    "input_unavailable": ("failed", "an input picture cannot be fetched"),
    "server_error": ("failed", "the gateway failed, more often than we send again"),
    "rate_limited": ("failed", "rate limited for longer than our patience (an hour)"),
    "connection": ("failed", "the gateway could not be reached; nothing was sent"),
    "too_large": ("failed", "request, reply or picture beyond the limits"),
    "internal": ("failed", "a fault of ours; please report it"),
    "timeout": ("unknown", "sent, and no whole reply in time"),
    "connection_lost": ("unknown", "sent, and the connection broke"),
    "gateway_timeout": ("unknown", "the gateway gave up waiting for its upstream"),
    "crash": ("unknown", "this process ended between the request and its answer"),
    "malformed_reply": ("unknown", "a reply that nobody can read; its raw text is in the journal"),
    "attempts_exhausted": ("held", "unknown again after the retries allowed; waits for `--only held`"),
    "on_unknown_hold": ("held", "unknown, and `--on-unknown hold` was asked for"),
    "not_started": ("pending", "not called yet"),
    "budget": ("pending", "the spending limit came first"),
    "provider_stopped": ("pending", "the run stopped: key rejected or balance exhausted"),
    "interrupted": ("pending", "the run was interrupted"),
    "waiting_for_input": ("pending", "feeds on a row that has no picture (yet)"),
}

BILL: Mapping[str, str] = {
    "time": "time (needed)",
    "model": "model (needed)",
    "usd": "amount in USD (needed, or the next)",
    "quota": "amount in quota units, 500,000 to the dollar",
    "request_id": "request id",
    "type": "kind of line; only consumption counts",
    "token": "name of the key",
}

ENVIRONMENT: Mapping[str, str] = {
    "PRINTROOM_PROVIDER": "`apiyi` (default), `openai` or `sandbox`; `--provider` wins",
    "PRINTROOM_BASE_URL": "another address for the provider, with or without the final `/v1`",
    "PRINTROOM_API_KEY": "the key; else the provider's own variable",
    "PRINTROOM_API_KEY_BLOCK": "name of a Prefect Secret block that holds the key, for runs on a server",
    "APIYI_API_KEY": "the key for `apiyi`",
    "OPENAI_API_KEY": "the key for `openai`",
    "PRINTROOM_ALLOW_HOSTS": "comma list of hosts that may be fetched although their address is private",
    "PRINTROOM_SPOOL": "where answers rest until they are recorded (default `~/.local/state/printroom/spool`)",
    "PRINTROOM_APPROVAL_HOURS": "how long a plan waits for approval in the Prefect UI (default 24)",
    "PRINTROOM_DASK_SCHEDULER": "a Dask scheduler, `tcp://host:8786`; without it `--runner dask` starts a cluster",
    "PRINTROOM_HOME": "for `make deploy`: where workers find this repository (default: where it is here)",
    "PRINTROOM_ALERT_BLOCK": "for `make deploy`: `type/name` of the notification block that alerts go to",
    "PRINTROOM_AWS_BLOCK": "for `make deploy`: name of the AWS Credentials block that runs get",
    "PREFECT_API_URL": "a Prefect server to run on; without it an embedded one is started",
    "AWS_*": "the standard variables for S3, `AWS_ENDPOINT_URL_S3` included",
}
