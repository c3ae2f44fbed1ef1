"""Every trouble the sandbox can make, by name: what it does, when in a request, and whether it is billed.

The rows restate protocols.md: sections 13 (check-list), 9.1 (error bodies), 4.2 and 4.4 (chat replies), 8 (vision).
``covers`` says which. A row with ``kind`` is worded by the flavour in force, one with ``wrong`` by the software named
in its source; a row with neither changes how an answer looks or how it is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from deployments.sandbox.flavours import Wrong
from deployments.sandbox.wording import REJECTED, SATURATED

Stage = Literal[
    "auth",
    "rights",
    "rate",
    "channel",
    "validation",
    "balance",
    "prompt",
    "upstream",
    "output",
    "reply",
    "transport",
    "file",
]
AskKind = Literal["images", "edit", "chat", "vision"]
PICTURES: tuple[AskKind, ...] = ("images", "edit", "chat")
IMAGES_API: tuple[AskKind, ...] = ("images", "edit")
CHAT: tuple[AskKind, ...] = ("chat",)
VISION: tuple[AskKind, ...] = ("vision",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One row of the table. ``only`` empty = every paid route; ``billed`` = the call is charged all the same."""

    name: str
    does: str
    covers: str
    stage: Stage
    kind: str | None = None
    wrong: Wrong | None = None
    only: tuple[AskKind, ...] = ()
    billed: bool = False


HTML = "text/html; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"


def _html(title: str, text: str) -> bytes:
    page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n<body><center><h1>{title}</h1></center>"
    return f"{page}<hr><center>{text}</center></body></html>\n".encode()


def _up(status: int, message: str, type_: str, code: str | int | None = None, param: str | None = None) -> Wrong:
    return Wrong(status=status, message=message, type=type_, code=code, param=param)


def _limit(headers: dict[str, str]) -> Wrong:
    message = "Rate limit exceeded for images per minute in organization org-sandbox. Limit: 5/1min. Current: 6/1min."
    return Wrong(status=429, message=message, type="images", code="rate_limit_exceeded", headers=headers)


def _quota(code: str, message: str) -> Wrong:
    return Wrong(status=429, message=message, type="insufficient_quota", code=code)


RETRY_DATE = "{retry_date}"  # filled in when the reply is sent: an HTTP date two seconds ahead
_POLICY = "Your request was rejected as a result of our safety system."
_REWRITTEN = (
    "Image descriptions generated from your prompt may contain text that is not allowed by our safety system. If you "
    "believe this was done in error, your request may succeed if retried, or by adjusting your prompt."
)
_BLOCKED = f"{REJECTED}. If you believe this is an error, contact support. safety_violations=[sexual]."
_QUOTA_TEXT = "You exceeded your current quota, please check your plan and billing details."
_SERVER = "An error occurred while processing your request. You can retry your request."


def _wrong(
    name: str,
    stage: Stage,
    does: str,
    covers: str,
    wrong: Wrong,
    only: tuple[AskKind, ...] = (),
    *,
    billed: bool = False,
) -> Scenario:
    return Scenario(name=name, does=does, covers=covers, stage=stage, wrong=wrong, only=only, billed=billed)


def _kind(name: str, stage: Stage, does: str, covers: str, *, kind: str, only: tuple[AskKind, ...] = ()) -> Scenario:
    return Scenario(name=name, does=does, covers=covers, stage=stage, kind=kind, only=only)


def _answer(name: str, does: str, covers: str, only: tuple[AskKind, ...] = PICTURES) -> Scenario:
    return Scenario(name=name, does=does, covers=covers, stage="reply", only=only, billed=True)


def _sending(name: str, does: str, covers: str, only: tuple[AskKind, ...] = (), *, billed: bool = True) -> Scenario:
    return Scenario(name=name, does=does, covers=covers, stage="transport", only=only, billed=billed)


def _file(name: str, does: str, covers: str) -> Scenario:
    return Scenario(name=name, does=does, covers=covers, stage="file", only=PICTURES, billed=True)


ROWS = (
    # keys and rights
    _kind("bad_key", "auth", "the key is not known", "§13 #12, §9.1", kind="bad_key"),
    _kind("key_expired", "auth", "the key has run out of time", "§9.1", kind="key_expired"),
    _kind("key_exhausted", "auth", "the key's own quota is used up (401)", "§13 #12, §9.1", kind="key_exhausted"),
    _kind("banned", "rights", "the account is banned", "§9.1", kind="banned"),
    _kind("model_forbidden", "rights", "the key may not use this model", "§9.1", kind="model_forbidden"),
    _wrong(
        "azure_blocked",
        "rights",
        "a 403 that only lasts a while",
        "§9.1",
        wrong=_up(
            403,
            "Your resource has been temporarily blocked because we detected unusual behavior.",
            "invalid_request_error",
        ),
    ),
    # rate limits
    _wrong("rate_limit", "rate", "429 with retry-after in seconds", "§13 #14", wrong=_limit({"retry-after": "1"})),
    _wrong(
        "rate_limit_ms",
        "rate",
        "429 with retry-after-ms (and a longer retry-after)",
        "§13 #14",
        wrong=_limit({"retry-after-ms": "400", "retry-after": "30"}),
    ),
    _wrong(
        "rate_limit_date",
        "rate",
        "429 with retry-after as a date",
        "§13 #14",
        wrong=_limit({"retry-after": RETRY_DATE}),
    ),
    _wrong(
        "rate_limit_none",
        "rate",
        "429 in Chinese, no header, no code",
        "§13 #14, §9.1",
        wrong=Wrong(status=429, message="您已达到请求数限制：1分钟内最多请求10次", code="", origin="abort"),
    ),
    _wrong(
        "rate_limit_empty",
        "rate",
        "429 with an empty body and no header",
        "§13 #14, §9.1",
        wrong=Wrong(status=429, body=b""),
    ),
    _wrong(
        "rate_limit_long",
        "rate",
        "Cloudflare 1015, retry-after 54749 seconds",
        "§13 #14, §9.1",
        wrong=Wrong(status=429, body=b"error code: 1015", content_type=PLAIN, headers={"retry-after": "54749"}),
    ),
    _wrong(
        "saturated",
        "rate",
        "429: the group's upstream is saturated",
        "§13 #16, §9.1",
        wrong=_up(429, SATURATED, "rate_limit_error"),
    ),
    _wrong(
        "saturated_503",
        "rate",
        "503: the group's upstream is saturated",
        "§13 #16",
        wrong=_up(503, SATURATED, "upstream_error"),
    ),
    # channels and models
    _wrong(
        "no_channel",
        "channel",
        "503: no channel for the model",
        "§9.1",
        wrong=Wrong(status=503, message="当前分组 default 下对于模型 {model} 无可用渠道", origin="abort"),
    ),
    _wrong(
        "no_channel_code",
        "channel",
        "503 whose code is model_not_found",
        "§9.1",
        wrong=Wrong(
            status=503,
            message="分组 default 下模型 {model} 无可用渠道（distributor）",
            code="model_not_found",
            type="new_api_error",
            origin="abort",
        ),
    ),
    _wrong(
        "model_not_found",
        "channel",
        "404: the model does not exist",
        "§9.1",
        wrong=_up(
            404,
            "The model `{model}` does not exist or you do not have access to it.",
            "invalid_request_error",
            "model_not_found",
        ),
    ),
    _wrong(
        "model_retired",
        "channel",
        "404: the model has been deprecated",
        "§5",
        wrong=_up(
            404,
            "The model `{model}` has been deprecated, learn more in the deprecations page.",
            "invalid_request_error",
            "model_not_found",
        ),
    ),
    _wrong(
        "not_implemented",
        "channel",
        "501: the gateway has no such route",
        "§9.1",
        wrong=Wrong(
            status=501, message="API not implemented", code="api_not_implemented", type="one_api_error", origin="relay"
        ),
    ),
    _wrong(
        "invalid_url",
        "channel",
        "404: the gateway does not know the path",
        "§9.1",
        wrong=_up(404, "Invalid URL (POST /v1/x)", "invalid_request_error"),
    ),
    # validation
    _kind(
        "unknown_parameter",
        "validation",
        "400: response_format is not known",
        "§13 #10, §9.1",
        kind="unknown_parameter",
        only=IMAGES_API,
    ),
    _kind(
        "invalid_image_file",
        "validation",
        "400: a phone picture that is no JPEG",
        "§9.1",
        kind="invalid_image_file",
        only=("edit", "chat", "vision"),
    ),
    _kind("image_required", "validation", "400: image is required", "§13 #23", kind="image_required", only=("edit",)),
    _kind("mask_invalid", "validation", "400: the mask does not fit", "§13 #24", kind="mask_invalid", only=("edit",)),
    _kind("prompt_missing", "validation", "the prompt is missing", "§9.1", kind="prompt_missing", only=IMAGES_API),
    _kind("prompt_too_long", "validation", "the prompt is too long", "§9.1", kind="prompt_too_long", only=IMAGES_API),
    _kind(
        "size_not_supported",
        "validation",
        "the size is not offered",
        "§9.1",
        kind="size_not_supported",
        only=IMAGES_API,
    ),
    _kind("n_not_within_range", "validation", "n is out of range", "§9.1", kind="n_not_within_range", only=IMAGES_API),
    _wrong(
        "invalid_request_500",
        "validation",
        "new-api's validation failure: HTTP 500",
        "§2.5, §9.1",
        wrong=_up(500, "size must be one of 1024x1024", "new_api_error", "invalid_request"),
    ),
    _kind("body_too_large", "validation", "413 of a proxy before the gateway", "§9.1", kind="body_too_large"),
    # money
    _wrong(
        "billing_hard_limit",
        "balance",
        "400: the hard limit of the bill is reached",
        "§13 #11, §9.1",
        wrong=_up(400, "Billing hard limit has been reached", "invalid_request_error", "billing_hard_limit_reached"),
    ),
    _wrong(
        "balance_empty",
        "balance",
        "403: quota is not enough",
        "§13 #13, §9.1",
        wrong=Wrong(
            status=403, message="用户额度不足, 剩余额度: ＄0.000000", code="insufficient_user_quota", origin="relay"
        ),
    ),
    _wrong(
        "balance_units",
        "balance",
        "403: apiyi counts quota units",
        "§9.1",
        wrong=Wrong(
            status=403,
            message="user [1] quota [50264] preConsumedQuota [154753] is not enough",
            code="insufficient_user_quota",
            origin="relay",
        ),
    ),
    _wrong(
        "preconsume_failed",
        "balance",
        "403: the key's quota could not be reserved",
        "§9.1",
        wrong=Wrong(status=403, message="预扣费额度失败", code="pre_consume_token_quota_failed", origin="relay"),
    ),
    _wrong(
        "insufficient_quota",
        "balance",
        "429 that is an empty purse",
        "§13 #15, §9.1",
        wrong=_quota("insufficient_quota", _QUOTA_TEXT),
    ),
    _wrong(
        "credit_exhausted",
        "balance",
        "429: prepaid credit is used up",
        "§9.1",
        wrong=_quota("credit_balance_exhausted", _QUOTA_TEXT),
    ),
    _wrong(
        "spend_limit",
        "balance",
        "429: the organisation's limit is reached",
        "§9.1",
        wrong=_quota("organization_spend_limit_exceeded", "Your organization has reached its spend limit."),
    ),
    _wrong(
        "project_spend_limit",
        "balance",
        "429: the project's limit is reached",
        "§9.1",
        wrong=_quota("project_spend_limit_exceeded", "Your project has reached its spend limit."),
    ),
    _wrong(
        "quota_as_saturated",
        "balance",
        "429: an empty purse under a saturated text",
        "§2.5, §9.1 note 1",
        wrong=_quota("insufficient_quota", SATURATED),
    ),
    # moderation
    _wrong(
        "content_policy",
        "prompt",
        "400: content_policy_violation",
        "§13 #8, §5",
        wrong=_up(
            400,
            f"{_POLICY} Your prompt may contain text that is not allowed by our safety system.",
            "invalid_request_error",
            "content_policy_violation",
        ),
    ),
    _wrong(
        "content_filter",
        "prompt",
        "400: blocked by content filters, same code",
        "§5",
        wrong=_up(
            400,
            "This request has been blocked by our content filters.",
            "invalid_request_error",
            "content_policy_violation",
        ),
    ),
    _wrong(
        "content_policy_rewrite",
        "prompt",
        "400: dall-e-3's own rewriting was refused",
        "§5",
        wrong=_up(400, _REWRITTEN, "invalid_request_error", "content_policy_violation"),
        only=("images",),
    ),
    _wrong(
        "moderation_blocked",
        "prompt",
        "400: moderation_blocked, at once",
        "§13 #8, §7",
        wrong=_up(400, _BLOCKED, "image_generation_user_error", "moderation_blocked", ""),
    ),
    _wrong(
        "flux_moderated",
        "prompt",
        "403: Flux refuses the prompt",
        "§6.1, §9.1",
        wrong=_up(403, "Request Moderated: content policy", "upstream_error", "content_moderated"),
    ),
    _wrong(
        "moderation_output",
        "output",
        "400: moderation_blocked, as late as a success",
        "§7, §13",
        wrong=_up(400, _BLOCKED, "image_generation_user_error", "moderation_blocked", ""),
    ),
    _wrong(
        "reverse_moderation",
        "output",
        "HTTP 500 that is a refusal",
        "§13 #9, §9.1",
        wrong=_up(500, f"{REJECTED}. Please adjust your prompt and try again.", "upstream_error"),
    ),
    _wrong(
        "reverse_moderation_429",
        "output",
        "HTTP 429 that is a refusal (before 2026-05)",
        "§13 #9, §4.4",
        wrong=_up(429, f"{REJECTED}. Please adjust your prompt and try again.", "upstream_error"),
    ),
    # upstream failures
    _wrong(
        "server_error", "upstream", "500: the model stumbled", "§9.1", wrong=_up(500, _SERVER, "invalid_request_error")
    ),
    _wrong(
        "write_response_failed",
        "upstream",
        "500: apiyi could not pass the answer on",
        "§9.1",
        wrong=_up(500, "write_response_body_failed", "shell_api_error", "write_response_body_failed"),
    ),
    _wrong(
        "do_request_failed",
        "upstream",
        "500: the gateway could not reach its upstream",
        "§9.1",
        wrong=_up(500, "do request failed: upstream error", "new_api_error", "do_request_failed"),
    ),
    _wrong(
        "bad_response_body",
        "upstream",
        "500: the upstream's body could not be read",
        "§9.1",
        wrong=_up(500, "bad response body", "new_api_error", "bad_response_body"),
    ),
    _wrong(
        "empty_response",
        "upstream",
        "500: the upstream answered nothing",
        "§9.1",
        wrong=_up(500, "empty response from upstream", "new_api_error", "empty_response"),
    ),
    _wrong(
        "upstream_502",
        "upstream",
        "502 with an empty message",
        "§13 #18, §9.1",
        wrong=_up(502, "", "upstream_error", "bad_response_status_code", "502"),
    ),
    _wrong(
        "upstream_502_json",
        "upstream",
        "502: bad response status code 502",
        "§9.1",
        wrong=_up(502, "bad response status code 502", "upstream_error", "bad_response_status_code", "502"),
    ),
    _wrong(
        "upstream_504",
        "upstream",
        "504 passed on with an empty message, job billed",
        "§9.1",
        wrong=_up(504, "", "upstream_error", "bad_response_status_code", "504"),
        billed=True,
    ),
    _wrong(
        "nginx_504",
        "upstream",
        "504 page of nginx, job billed",
        "§9.1",
        wrong=Wrong(status=504, body=_html("504 Gateway Time-out", "nginx"), content_type=HTML),
        billed=True,
    ),
    _wrong(
        "nginx_502",
        "upstream",
        "502 page of nginx",
        "§9.1",
        wrong=Wrong(status=502, body=_html("502 Bad Gateway", "nginx"), content_type=HTML),
    ),
    _wrong(
        "cloudflare_524",
        "upstream",
        "524 page after a delay (100 s scaled), job billed",
        "§13 #17, §9.1",
        wrong=Wrong(status=524, body=_html("524: A timeout occurred", "cloudflare"), content_type=HTML),
        billed=True,
    ),
    _wrong(
        "error_string",
        "upstream",
        'the error is a plain string: {"error": "text"}',
        "§9.1 shape c",
        wrong=Wrong(status=500, body=b'{"error":"upstream is not available"}'),
    ),
    _wrong(
        "error_top_level",
        "upstream",
        "message, type and code at the top level",
        "§9.1 shape d",
        wrong=Wrong(
            status=500, body=b'{"message":"upstream is not available","type":"server_error","code":"internal_error"}'
        ),
    ),
    _wrong("error_empty_500", "upstream", "500 with an empty body", "§9.1 shape f", wrong=Wrong(status=500, body=b"")),
    _wrong(
        "error_in_200",
        "upstream",
        "200 that holds an error object",
        "reliability §3",
        wrong=Wrong(
            status=200, body=b'{"error":{"message":"upstream error","type":"server_error","param":null,"code":null}}'
        ),
        billed=True,
    ),
    # answers of the Images API
    _answer("empty_data", '200 with "data": []', "§13 #4, §2.3", IMAGES_API),
    _answer("no_data", "200 with nothing but created", "§2.3", IMAGES_API),
    _answer("b64", "pictures as base64 whatever was asked", "§13 #1", IMAGES_API),
    _answer("b64_prefix", "base64 with a data: prefix", "§13 #2, §2.3", IMAGES_API),
    _answer("url_and_b64", "url and base64 in one item", "§13 #3, §2.3", IMAGES_API),
    _answer("usage_missing", "no usage in the reply", "§2.3", IMAGES_API),
    _answer("usage_one", "usage filled in with 1", "§2.5", IMAGES_API),
    _answer("fewer_pictures", "one picture fewer than n (n > 1)", "§2.5", IMAGES_API),
    _answer("extra_pictures", "one picture more than n", "§4.1", PICTURES),
    _answer("ratio_dropped", "aspect_ratio is ignored: a square comes", "§13 #22, §2.5", PICTURES),
    _answer("wrong_size", "1254 pixels where 1024 were asked", "§13 #21, §2.3", PICTURES),
    _answer("jpeg_named_png", "a JPEG under a name that ends in .png", "§13 #21", PICTURES),
    _answer("blank_picture", "a single-colour picture", "issue 3", PICTURES),
    _answer("garbled_words", "the words in the picture are misspelt", "issue 5", PICTURES),
    # pictures in chat
    _answer("chat_plain", "V1: a markdown image and a blank line", "§4.2 V1", CHAT),
    _answer("chat_progress", "V2: Sora's progress, preview, source and download links", "§4.2 V2", CHAT),
    _answer("chat_4o", "V3: 4o's progress in bold and a download link", "§4.2 V3", CHAT),
    _answer("chat_url_alt", "V4: the URL as its own description", "§4.2 V4", CHAT),
    _answer("chat_many", "V5: two pictures in one reply", "§4.2 V5", CHAT),
    _answer("chat_data_uri", "V6: the picture as a data URI", "§4.2 V6", CHAT),
    _answer("chat_base64_uri", "V6: the picture as base64://", "§4.2 V6", CHAT),
    _answer("chat_parts", "V7: content is a list of parts", "§4.2 V7", CHAT),
    _answer("chat_bare_url", "V8: a bare URL", "§4.2 V8", CHAT),
    _answer("chat_escaped", "V9: slashes are escaped", "§4.2 V9", CHAT),
    _answer("chat_images_body", "V10: an Images body without choices", "§4.2 V10", CHAT),
    _answer("chat_paren_url", "the URL holds a pair of parentheses", "§4.2 trap", CHAT),
    _answer("chat_download_only", "nothing but a download link", "§4.2 last resort", CHAT),
    _answer("chat_fence_only", "V11: the fenced request and no picture", "§4.2 V11", CHAT),
    # text instead of a picture
    _answer("text_refusal", "200: may violate our content policies", "§13 #5, §4.4", CHAT),
    _answer("text_refusal_guardrails", "200: guardrails around nudity …", "§4.4", CHAT),
    _answer("text_refusal_third_party", "200: similarity to third-party content", "§4.4", CHAT),
    _answer("text_refusal_zh", "200: 内容安全策略拒绝", "§4.4", CHAT),
    _answer("text_refusal_zh_policy", "200: 违反…内容政策", "§4.4", CHAT),
    _answer("text_failure_reason", "200: failure_reason input_moderation", "§4.4", CHAT),
    _answer("text_failure_output", "200: failure_reason output_moderation", "§4.4", CHAT),
    _answer("text_unavailable", "200: Sora is temporarily unavailable", "§4.4", CHAT),
    _answer("text_queue", "200: many people are creating images", "§13 #5, §4.4", CHAT),
    _answer("text_queue_en", "200: lots of people are creating images", "§4.4", CHAT),
    _answer("text_cloudflare", "200: Cloudflare challenge or rate limit (429)", "§4.4", CHAT),
    _answer("text_tool_error", "200: the image generation tool encountered an error", "§4.4", CHAT),
    _answer("text_failed_load", "200: Failed to load the image. (V11)", "§4.4, §4.2 V11", CHAT),
    _answer("text_failed_zh", "200: 生图失败", "§4.4", CHAT),
    _answer("text_question", "200: Would you like me to …", "§13 #5, §4.4", CHAT),
    _answer("text_question_zh", "200: 请提供更多细节", "§4.4", CHAT),
    _answer("text_unfinished", "200: progress that never ends", "§4.4", CHAT),
    _answer("text_empty", "200: content is an empty string", "§9.1", ("chat", "vision")),
    _answer("no_choices", "200: choices is empty", "§9.1", ("chat", "vision")),
    # vision
    _answer("vision_refusal", "message.refusal, content null", "§8", VISION),
    _answer("vision_refusal_text", "a refusal in plain words", "§8", VISION),
    _answer("vision_content_filter", "finish_reason content_filter", "§8", VISION),
    _answer("vision_length", "cut at half, finish_reason length", "§8", VISION),
    _answer("json_fenced", "the JSON comes in a fence with a sentence before", "§8", VISION),
    _answer("json_ignored", "the schema is ignored: prose comes", "§8", VISION),
    _answer("json_invalid", "JSON that does not follow the schema", "§8", VISION),
    # how the answer is sent
    _sending("slow", "ten times the usual latency (at least 1 s)", "§12"),
    _sending("hang", "billed, then never an answer", "§14 3"),
    _sending("reset_before", "connection reset before anything was made; not billed", "§13 #19", billed=False),
    _sending("hangup_after_billing", "billed, then the connection is reset before headers", "§13 #19"),
    _sending("reset_after_headers", "billed, headers and half the body sent, then a reset", "§13 #19"),
    _sending("cut_body", "billed, the connection ends cleanly in the middle of the body", "§13 #19"),
    _sending("cut_json", "billed, a complete reply whose JSON is cut in half", "malformed_reply"),
    _sending("not_json", "billed, 200 with an HTML page", "malformed_reply"),
    _sending("drip", "the body comes in drops", "reliability §3"),
    _sending("sse_error", "an unasked stream: progress, then an error frame", "§13 #6, §4.3", CHAT),
    _sending("sse_error_saturated", "an unasked stream that ends in a saturated frame", "§13 #6, §4.3", CHAT),
    _sending("sse_cut", "an unasked stream cut before [DONE]", "§13 #7, §4.3", CHAT),
    # files behind URLs
    _file("url_expired", "the URL is past its time when it is handed out", "§13 #20, §4.5"),
    _file("file_html", "an HTML page instead of the picture", "§13 #21"),
    _file("file_json", "an error object with status 200 instead of the picture", "§13 #21"),
    _file("file_truncated", "the file ends at half, lengths agree", "§13 #21"),
    _file("file_wrong_type", "the picture under content-type text/html", "§13 #21"),
    _file("file_svg", "an SVG under content-type image/png", "§13 #21"),
    _file("file_empty", "200 with no bytes", "§13 #21"),
    _file("file_404", "the file is gone", "§4.5"),
    _file("file_403", "the file is forbidden", "§4.5"),
    _file("file_500", "the file server stumbles", "reliability §4"),
    _file("file_reset", "the connection is reset in the middle of the file", "reliability §4"),
    _file("file_drip", "the file comes in drops", "reliability §4"),
    _file("file_gzip", "the file comes with content-encoding gzip, unasked", "reliability §4"),
    _file("file_redirect", "one redirect to the same host, then the picture", "reliability §4"),
    _file("file_redirect_private", "a redirect to http://10.0.0.1/", "reliability §4"),
    _file("file_loop", "a redirect to itself", "reliability §4"),
    _file("file_huge", "a content-length of 10 GB, then drops", "reliability §4"),
    _file("file_bomb", "a picture of 20,000 x 20,000 pixels in about a megabyte", "reliability §4"),
    _file("file_trailing", "the picture with a page glued to its end", "reliability §4"),
)

TABLE: Mapping[str, Scenario] = {row.name: row for row in ROWS}

STORM: Mapping[str, float] = {
    **dict.fromkeys(("rate_limit", "saturated", "server_error", "upstream_502", "slow"), 3.0),
    **dict.fromkeys(("rate_limit_none", "rate_limit_empty", "rate_limit_date", "rate_limit_ms", "no_channel"), 1.0),
    **dict.fromkeys(("moderation_blocked", "moderation_output", "reverse_moderation", "content_policy"), 1.0),
    **dict.fromkeys(("text_refusal", "text_queue", "text_question", "text_tool_error", "empty_data"), 1.5),
    **dict.fromkeys(("cloudflare_524", "hangup_after_billing", "reset_before", "reset_after_headers", "cut_json"), 1.0),
    **dict.fromkeys(("file_truncated@1", "file_html@1", "file_500@1", "file_reset@1", "file_redirect"), 1.5),
    **dict.fromkeys(("chat_progress", "chat_4o", "chat_data_uri", "b64_prefix", "url_and_b64"), 1.5),
    **dict.fromkeys(("wrong_size", "ratio_dropped", "jpeg_named_png", "vision_refusal", "vision_length"), 1.0),
}
"""The weights of ``storm``: a bad night in which nothing is lost for good. Its rate is the share of requests hit."""
