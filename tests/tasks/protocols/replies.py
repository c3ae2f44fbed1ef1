"""Recorded replies under ``cases/`` and what each of them means; one row per file.

The first part of a name is the section of protocols.md that shows the body (bodies are composed to match it).
"""

from dataclasses import dataclass
from pathlib import Path

from tasks.protocols.wire import Call, Reply

CASES = Path(__file__).with_name("cases")
_CONTENT_TYPES = {
    ".json": "application/json",
    ".sse": "text/event-stream",
    ".html": "text/html",
    ".txt": "text/plain; charset=utf-8",
}

IMAGES = Call(operation="generate", format="images_json", wire_model="dall-e-3", prompt="a cat")
CHAT = Call(operation="generate", format="chat_image", wire_model="sora_image", prompt="a cat", result="markdown")
VISION = Call(operation="vision", format="chat_vision", wire_model="gpt-4o", prompt="?", vision="ask", result="text")


@dataclass(frozen=True, kw_only=True)
class Expected:
    """A failure as one line: class, reason, resend, paid, stage."""

    error_class: str
    reason: str
    resend: bool = False
    paid: str = "no"
    stage: str = "unspecified"
    max_resends: int | None = None
    retry_after_s: float | None = None


REFUSED = Expected(error_class="refused", reason="policy")
REFUSED_PROMPT = Expected(error_class="refused", reason="policy", stage="prompt")
REFUSED_OUTPUT = Expected(error_class="refused", reason="policy", stage="output")
INVALID = Expected(error_class="invalid", reason="invalid_request")
TOO_LARGE = Expected(error_class="invalid", reason="too_large")
AUTH = Expected(error_class="auth", reason="provider_stopped")
QUOTA = Expected(error_class="quota", reason="provider_stopped")
QUOTA_SOMEWHERE = Expected(error_class="quota", reason="provider_stopped", resend=True, max_resends=1, retry_after_s=60)
NO_MODEL = Expected(error_class="model_unavailable", reason="model_unavailable")
NO_CHANNEL = Expected(error_class="model_unavailable", reason="model_unavailable", resend=True, max_resends=2)
LIMITED = Expected(error_class="rate_limited", reason="rate_limited", resend=True)
LIMITED_72_S = Expected(error_class="rate_limited", reason="rate_limited", resend=True, retry_after_s=72)
LIMITED_IN_200 = Expected(error_class="rate_limited", reason="rate_limited", paid="unknown")
TRANSIENT = Expected(error_class="transient", reason="server_error", resend=True, max_resends=2)
TRANSIENT_MAYBE = Expected(error_class="transient", reason="server_error", resend=True, paid="unknown", max_resends=2)
GATEWAY = Expected(error_class="unknown", reason="gateway_timeout", paid="unknown")
MALFORMED = Expected(error_class="unknown", reason="malformed_reply", paid="unknown")
CUT = Expected(error_class="unknown", reason="connection_lost", paid="unknown")
NO_IMAGE = Expected(error_class="no_image", reason="no_image", paid="unknown")
EXCUSE = Expected(error_class="transient", reason="no_image", paid="unknown")
BAD_IMAGE = Expected(error_class="no_image", reason="bad_image", paid="yes")
SAID_NO = Expected(error_class="refused", reason="policy", paid="unknown")
SAID_NO_PROMPT = Expected(error_class="refused", reason="policy", paid="unknown", stage="prompt")
SAID_NO_OUTPUT = Expected(error_class="refused", reason="policy", paid="unknown", stage="output")
SAW_NO = Expected(error_class="refused", reason="policy", paid="yes", stage="vision")
SAW_NO_UNCOUNTED = Expected(error_class="refused", reason="policy", paid="unknown", stage="vision")
ERROR_IN_200 = Expected(error_class="transient", reason="server_error", paid="unknown")
NO_WORDS = Expected(error_class="transient", reason="server_error", paid="yes")

# file, status, call, what comes out
FAILURES: tuple[tuple[str, int, Call, Expected], ...] = (
    ("2.3-empty-data.json", 200, IMAGES, NO_IMAGE),
    ("2.3-only-created.json", 200, IMAGES, NO_IMAGE),
    ("2.3-null-items.json", 200, IMAGES, NO_IMAGE),
    ("2.3-broken-b64.json", 200, IMAGES, BAD_IMAGE),
    ("4.2-v11-failed-to-load.json", 200, CHAT, EXCUSE),
    ("4.2-v11-fence-only.json", 200, CHAT, NO_IMAGE),
    ("4.2-trap-progress-link-only.json", 200, CHAT, EXCUSE),
    ("4.2-trap-broken-data-uri.json", 200, CHAT, BAD_IMAGE),
    ("4.3-stream-error-s2a.sse", 200, CHAT, ERROR_IN_200),
    ("4.3-stream-error-saturated.sse", 200, CHAT, LIMITED_IN_200),
    ("4.3-stream-error-refused.sse", 200, CHAT, SAID_NO_PROMPT),
    ("4.3-stream-cut.sse", 200, CHAT, CUT),
    ("4.3-stream-cut-in-bare-url.sse", 200, CHAT, CUT),
    ("4.3-stream-reasoning-failure.sse", 200, CHAT, EXCUSE),
    ("4.4-content-policies.json", 200, CHAT, SAID_NO_PROMPT),
    ("4.4-content-policies-curly.json", 200, CHAT, SAID_NO_PROMPT),
    ("4.4-guardrails-nudity.json", 200, CHAT, SAID_NO_OUTPUT),
    ("4.4-guardrails-third-party.json", 200, CHAT, SAID_NO_OUTPUT),
    ("4.4-chinese-policy.json", 200, CHAT, SAID_NO),
    ("4.4-chinese-violation.json", 200, CHAT, SAID_NO_PROMPT),
    ("4.4-input-moderation.json", 200, CHAT, SAID_NO_PROMPT),
    ("4.4-output-moderation.json", 200, CHAT, SAID_NO_OUTPUT),
    ("4.4-fenced-input-moderation.json", 200, CHAT, SAID_NO_PROMPT),
    ("4.4-fenced-output-moderation.json", 200, CHAT, SAID_NO_OUTPUT),
    ("4.4-no-choices.json", 200, CHAT, NO_IMAGE),
    ("4.4-no-choices.json", 200, VISION, ERROR_IN_200),
    ("4.4-generic-refusal.json", 200, CHAT, SAID_NO),
    ("4.4-temporarily-unavailable.json", 200, CHAT, EXCUSE),
    ("4.4-queue-chinese.json", 200, CHAT, EXCUSE),
    ("4.4-queue-english.json", 200, CHAT, EXCUSE),
    ("4.4-cloudflare-challenge.json", 200, CHAT, EXCUSE),
    ("4.4-tool-error.json", 200, CHAT, EXCUSE),
    ("4.4-chinese-failed.json", 200, CHAT, EXCUSE),
    ("4.4-question-english.json", 200, CHAT, NO_IMAGE),
    ("4.4-question-chinese.json", 200, CHAT, NO_IMAGE),
    ("4.4-unfinished-progress.json", 200, CHAT, EXCUSE),
    ("4.4-empty-content.json", 200, CHAT, NO_IMAGE),
    ("4.4-null-content.json", 200, CHAT, NO_IMAGE),
    ("4.4-refusal-field.json", 200, CHAT, SAID_NO),
    ("4.4-content-filter.json", 200, CHAT, SAID_NO_OUTPUT),
    ("4.4-chatter.json", 200, CHAT, NO_IMAGE),
    ("8-length-without-text.json", 200, VISION, NO_WORDS),
    ("8-refusal-field.json", 200, VISION, SAW_NO),
    ("8-refusal-words.json", 200, VISION, SAW_NO),
    ("8-refusal-words-without-usage.json", 200, VISION, SAW_NO_UNCOUNTED),
    ("8-content-filter.json", 200, VISION, SAW_NO),
    ("8-empty.json", 200, VISION, ERROR_IN_200),
    ("9.1-400-content_policy_violation.json", 400, IMAGES, REFUSED_PROMPT),
    ("9.1-400-content_policy_violation-filters.json", 400, IMAGES, REFUSED),
    ("9.1-400-content_policy_violation-descriptions.json", 400, IMAGES, REFUSED_PROMPT),
    ("9.1-400-moderation_blocked.json", 400, IMAGES, REFUSED),
    ("9.1-400-moderation_blocked-apiyi.json", 400, IMAGES, REFUSED),
    ("9.1-400-policy-without-code.json", 400, IMAGES, REFUSED),
    ("9.1-400-policy-without-code.json", 400, VISION, Expected(error_class="refused", reason="policy", stage="vision")),
    ("9.1-400-unknown_parameter.json", 400, IMAGES, INVALID),
    ("9.1-400-unknown-parameter-moderation.json", 400, IMAGES, INVALID),
    ("9.1-400-invalid_image_file.json", 400, IMAGES, INVALID),
    ("9.1-400-image-is-required.json", 400, IMAGES, INVALID),
    ("9.1-400-mask.json", 400, IMAGES, INVALID),
    ("9.1-400-billing_hard_limit_reached.json", 400, IMAGES, QUOTA),
    ("9.1-400-size_not_supported.json", 400, IMAGES, INVALID),
    ("9.1-400-prompt_too_long.json", 400, IMAGES, INVALID),
    ("9.1-400-n_not_within_range.json", 400, IMAGES, INVALID),
    ("9.1-400-prompt_missing.json", 400, IMAGES, INVALID),
    ("9.1-400-invalid_image_request.json", 400, IMAGES, INVALID),
    ("9.1-401-one-invalid.json", 401, CHAT, AUTH),
    ("9.1-401-one-missing.json", 401, CHAT, AUTH),
    ("9.1-401-one-expired.json", 401, CHAT, AUTH),
    ("9.1-401-one-exhausted.json", 401, CHAT, QUOTA),
    ("9.1-401-new-exhausted.json", 401, CHAT, QUOTA),
    ("9.1-401-openai.json", 401, CHAT, AUTH),
    ("9.1-401-upstream-key.json", 401, CHAT, TRANSIENT),
    ("9.1-302-redirect.html", 302, IMAGES, INVALID),
    ("9.1-402.json", 402, IMAGES, QUOTA),
    ("9.1-403-one-quota.json", 403, CHAT, QUOTA),
    ("9.1-403-new-quota.json", 403, CHAT, QUOTA),
    ("9.1-403-new-quota-without-code.json", 403, CHAT, QUOTA),
    ("9.1-403-pre-consume.json", 403, CHAT, QUOTA),
    ("9.1-403-apiyi-quota.json", 403, CHAT, QUOTA),
    ("9.1-403-model-rights.json", 403, CHAT, NO_MODEL),
    ("9.1-403-banned.json", 403, CHAT, AUTH),
    ("9.1-403-channel.json", 403, CHAT, AUTH),
    ("9.1-403-flux-moderation.json", 403, IMAGES, REFUSED_OUTPUT),
    ("9.1-403-azure-blocked.json", 403, IMAGES, AUTH),
    ("9.1-403-nothing-known.json", 403, IMAGES, AUTH),
    ("9.1-403-cloudflare.html", 403, IMAGES, AUTH),
    ("9.1-404-invalid-url.json", 404, IMAGES, INVALID),
    ("9.1-404-model_not_found.json", 404, IMAGES, NO_MODEL),
    ("9.1-408-html.html", 408, IMAGES, GATEWAY),
    ("9.1-409.json", 409, IMAGES, MALFORMED),
    ("9.1-413-openai_error.json", 413, IMAGES, TOO_LARGE),
    ("9.1-413-read_request_body_failed.json", 413, IMAGES, TOO_LARGE),
    ("9.1-413-nginx.html", 413, IMAGES, TOO_LARGE),
    ("9.1-429-rate_limit_exceeded.json", 429, IMAGES, LIMITED),
    ("9.1-429-try-again-in.json", 429, IMAGES, LIMITED_72_S),
    ("9.1-429-insufficient_quota.json", 429, IMAGES, QUOTA),
    ("9.1-429-insufficient_quota-by-type.json", 429, IMAGES, QUOTA),
    ("9.1-429-insufficient_quota-by-type-saturated.json", 429, IMAGES, QUOTA_SOMEWHERE),
    ("9.1-429-credit_balance_exhausted.json", 429, IMAGES, QUOTA),
    ("9.1-429-organization_spend_limit_exceeded.json", 429, IMAGES, QUOTA),
    ("9.1-429-project_spend_limit_exceeded.json", 429, IMAGES, QUOTA),
    ("9.1-429-organization_usage_limit_exceeded.json", 429, IMAGES, QUOTA),
    ("9.1-429-insufficient_quota-saturated.json", 429, IMAGES, QUOTA_SOMEWHERE),
    ("9.1-429-saturated.json", 429, CHAT, LIMITED),
    ("9.1-429-saturated-bad-status.json", 429, CHAT, LIMITED),
    ("9.1-429-new-limit.json", 429, CHAT, LIMITED),
    ("9.1-429-empty.txt", 429, CHAT, LIMITED),
    ("9.1-429-cloudflare-1015.txt", 429, CHAT, LIMITED),
    ("9.1-429-reverse-moderation.json", 429, CHAT, REFUSED),
    ("9.1-429-flux-24-tasks.json", 429, IMAGES, LIMITED),
    ("9.1-500-write_response_body_failed.json", 500, IMAGES, TRANSIENT),
    ("9.1-500-reverse-moderation.json", 500, CHAT, REFUSED),
    ("9.1-500-processing.json", 500, IMAGES, TRANSIENT),
    ("9.1-500-invalid_request.json", 500, IMAGES, INVALID),
    ("9.1-500-do_request_failed.json", 500, IMAGES, TRANSIENT),
    ("9.1-500-bad_response_body.json", 500, IMAGES, TRANSIENT),
    ("9.1-500-empty_response.json", 500, IMAGES, TRANSIENT),
    ("9.1-500-never-seen.json", 500, IMAGES, TRANSIENT_MAYBE),
    ("9.1-500-other-json.json", 500, IMAGES, MALFORMED),
    ("9.1-500-plain.txt", 500, IMAGES, MALFORMED),
    ("9.1-501-not-implemented.json", 501, IMAGES, INVALID),
    ("9.1-502-empty-message.json", 502, IMAGES, TRANSIENT),
    ("9.1-502-with-message.json", 502, IMAGES, TRANSIENT),
    ("9.1-500-upstream-524.json", 500, IMAGES, GATEWAY),
    ("9.1-502-nginx.html", 502, IMAGES, GATEWAY),
    ("9.1-503-nginx.html", 503, IMAGES, GATEWAY),
    ("9.1-503-one-no-channel.json", 503, CHAT, NO_CHANNEL),
    ("9.1-503-new-no-channel.json", 503, CHAT, NO_CHANNEL),
    ("9.1-503-saturated.json", 503, CHAT, LIMITED),
    ("9.1-504-nginx.html", 504, IMAGES, GATEWAY),
    ("9.1-504-do_request_failed.json", 504, IMAGES, GATEWAY),
    ("9.1-504-json.json", 504, IMAGES, GATEWAY),
    ("9.1-524-cloudflare.html", 524, CHAT, GATEWAY),
    ("9.1-524-plain.txt", 524, CHAT, GATEWAY),
    ("shape-c-text.json", 403, IMAGES, QUOTA),
    ("shape-d-top-level.json", 429, IMAGES, LIMITED),
    ("shape-d-top-level-numeric-code.json", 200, IMAGES, AUTH),
    ("shape-b-status-inside-200.json", 200, IMAGES, AUTH),
    ("shape-numeric-code-in-200.json", 200, IMAGES, LIMITED_IN_200),
    ("shape-code-is-a-number.json", 400, IMAGES, INVALID),
    ("shape-nested-json-in-message.json", 500, IMAGES, QUOTA),
    ("shape-errors-list.json", 429, IMAGES, LIMITED),
    ("shape-localized-message-only.json", 403, IMAGES, QUOTA),
    ("shape-violation-fee.json", 400, IMAGES, SAID_NO),
    ("200-page.html", 200, IMAGES, MALFORMED),
    ("200-empty.txt", 200, CHAT, MALFORMED),
    ("200-half-json.txt", 200, IMAGES, MALFORMED),
    ("200-error-unknown.json", 200, IMAGES, ERROR_IN_200),
    ("200-quota.json", 200, CHAT, QUOTA),
    ("200-message-only.json", 200, IMAGES, MALFORMED),
    ("200-async-task.json", 200, IMAGES, NO_IMAGE),
    ("200-number.json", 200, IMAGES, MALFORMED),
    ("200-null.json", 200, CHAT, MALFORMED),
    ("200-list.json", 200, VISION, MALFORMED),
    ("200-moderated-bfl.json", 200, IMAGES, SAID_NO_PROMPT),
)  # fmt: skip

PNG = b"\x89PNG\r\n\x1a\n"
_URL = "https://cdn.example/sora/1a2b.png"

# file, call, the sources of the pictures in order (URL, or bytes)
PICTURES: tuple[tuple[str, Call, tuple[str | bytes, ...]], ...] = (
    (
        "2.3-dalle-url.json",
        IMAGES,
        (
            "https://img.example/private/org-a/img-c.png?st=2025-11-21T03%3A00%3A00Z&se=2025-11-21T05%3A00%3A00Z&sp=r&sig=x",
        ),
    ),
    ("2.3-gpt-image.json", IMAGES, (PNG,)),
    ("2.3-b64-with-prefix.json", IMAGES, (PNG,)),
    ("2.3-url-and-b64.json", IMAGES, (PNG,)),
    ("2.3-flux.json", IMAGES, ("https://delivery-eu.bfl.ai/results/a/sample.jpeg?se=2025-11-21T05%3A00%3A00Z&sig=y",)),
    ("2.3-usage-of-1.json", IMAGES, (PNG,)),
    ("2.3-more-than-asked.json", IMAGES, (_URL, "https://cdn.example/2.png")),
    ("2.4-stream.sse", IMAGES, (PNG,)),
    ("4.2-v1-plain.json", CHAT, (_URL,)),
    ("4.2-v2-sora-progress.json", CHAT, ("https://fs.example/cdn/20251121/a1.png",)),
    ("4.2-v3-4o-all.json", CHAT, ("https://fs.example/cdn/20251121/b2.png",)),
    ("4.2-v4-url-as-alt.json", CHAT, (_URL,)),
    ("4.2-v5-many.json", CHAT, (_URL, "https://cdn.example/sora/3c.png")),
    ("4.2-v6-data-uri.json", CHAT, (PNG,)),
    ("4.2-v6-base64-scheme.json", CHAT, (PNG,)),
    ("4.2-v7-parts.json", CHAT, (_URL,)),
    ("4.2-v7-parts-with-markdown.json", CHAT, (_URL,)),
    ("4.2-v8-bare-url.json", CHAT, (_URL,)),
    ("4.2-v9-escaped.json", CHAT, (_URL,)),
    ("4.2-v10-images-body.json", CHAT, (_URL,)),
    ("4.2-trap-parenthesis-in-url.json", CHAT, ("https://cdn.example/a_(1).png",)),
    ("4.2-trap-title.json", CHAT, (_URL,)),
    ("4.2-trap-download-link-only.json", CHAT, ("https://fs.example/cdn/download/c3.png",)),
    ("4.2-message-images.json", CHAT, (PNG,)),
    ("4.3-stream-picture.sse", CHAT, (_URL,)),
    ("4.3-stream-reasoning.sse", CHAT, (_URL,)),
    ("4.3-stream-cut-after-picture.sse", CHAT, (_URL,)),
)

# file, the text, whether it is cut
TEXTS: tuple[tuple[str, str, bool], ...] = (
    ("8-text.json", "SALE 50%", False),
    ("8-parts.json", "SALE", False),
    ("8-truncated.json", "A long descr", True),
    ("8-one-token-answer.json", "7", False),
)


def recorded(name: str, status: int = 200, **headers: str) -> Reply:
    """The reply whose body is the case file ``name``."""
    path = CASES / name
    given = {key.replace("_", "-"): value for key, value in headers.items()}
    return Reply(status=status, headers={"content-type": _CONTENT_TYPES[path.suffix], **given}, body=path.read_bytes())
