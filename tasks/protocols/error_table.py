"""What gateways say when they do not answer, as data: error codes, types, messages, statuses, polite sentences.

A rule says what an error is, whether the same request may be sent again, and whether it was charged. Sources and
conflicts are in protocols.md sections 4.4 and 9.1; the recorded replies under tests are one case file per row.
Messages are matched folded: NFKC, lower case, straight quotes, single blanks, request ids cut off.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from catalogs.types import Billed
from tasks.protocols.wire import ErrorClass, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One verdict. ``pause_s``: how long to wait before a resend when the gateway does not say."""

    error_class: ErrorClass
    reason: str
    resend: bool = False
    paid: Billed = "no"
    stage: Stage = "unspecified"
    max_resends: int | None = None
    pause_s: float | None = None


# A refusal is data and is never sent again, although some sources say that one retry may pass (product contract, 7.8).
REFUSED = Rule(error_class="refused", reason="policy")
REFUSED_PROMPT = Rule(error_class="refused", reason="policy", stage="prompt")
REFUSED_OUTPUT = Rule(error_class="refused", reason="policy", stage="output")
REFUSED_IN_WORDS = Rule(error_class="refused", reason="policy", paid="unknown")
REFUSED_BY_FILTER = Rule(error_class="refused", reason="policy", paid="unknown", stage="output")
INVALID = Rule(error_class="invalid", reason="invalid_request")
TOO_LARGE = Rule(error_class="invalid", reason="too_large")
AUTH = Rule(error_class="auth", reason="provider_stopped")
QUOTA = Rule(error_class="quota", reason="provider_stopped")
# Our purse, or the reseller's upstream channel? Another channel may serve one more try, after a long pause.
QUOTA_SOMEWHERE = Rule(error_class="quota", reason="provider_stopped", resend=True, max_resends=1, pause_s=60)
RATE_LIMITED = Rule(error_class="rate_limited", reason="rate_limited", resend=True)
NO_MODEL = Rule(error_class="model_unavailable", reason="model_unavailable")
NO_CHANNEL = Rule(error_class="model_unavailable", reason="model_unavailable", resend=True, max_resends=2)
TRANSIENT = Rule(error_class="transient", reason="server_error", resend=True, max_resends=2)
# A server error that no source knows: gateways mostly do not charge, but a cost must not read 0 out of ignorance.
TRANSIENT_MAYBE_PAID = Rule(error_class="transient", reason="server_error", resend=True, paid="unknown", max_resends=2)
GATEWAY_TIMEOUT = Rule(error_class="unknown", reason="gateway_timeout", paid="unknown")
CUT_OFF = Rule(error_class="unknown", reason="connection_lost", paid="unknown")
MALFORMED = Rule(error_class="unknown", reason="malformed_reply", paid="unknown")
NO_IMAGE = Rule(error_class="no_image", reason="no_image", paid="unknown")
NO_IMAGE_FOR_NOW = Rule(error_class="transient", reason="no_image", paid="unknown")
NO_WORDS = Rule(error_class="transient", reason="server_error", paid="unknown")
BAD_IMAGE = Rule(error_class="no_image", reason="bad_image", paid="yes")
# A success larger than anything we asked for. Asked again it would be as large, and charged again.
REPLY_TOO_LARGE = Rule(error_class="no_image", reason="too_large", paid="unknown")


def _codes(*rows: tuple[Rule, str]) -> Mapping[str, Rule]:
    """Words separated by blanks, or by commas where a code has blanks itself."""
    split = (
        (rule, word.strip()) for rule, words in rows for word in (words.split(",") if "," in words else words.split())
    )
    return {word: rule for rule, word in split}


def _patterns(*rows: tuple[Rule, tuple[str, ...]]) -> tuple[tuple[re.Pattern[str], Rule], ...]:
    """One pattern per row; the first row that is found anywhere in the text counts."""
    return tuple((re.compile("|".join(alternatives)), rule) for rule, alternatives in rows)


CODES = _codes(
    (REFUSED, "content_policy_violation moderation_blocked content_filter content_filtered policy_violation"),
    (REFUSED, "responsibleaipolicyviolation content_blocked content_moderated image_safety prohibited_content"),
    (REFUSED, "data_inspection_failed"),
    (REFUSED_PROMPT, "sensitive_words_detected, prompt_blocked, input_moderation, request moderated, invalid_prompt"),
    (REFUSED_OUTPUT, "output_moderation, content moderated"),
    (INVALID, "unknown_parameter invalid_value invalid_type missing_required_parameter unsupported_parameter"),
    (INVALID, "unsupported_value string_above_max_length integer_above_max_value integer_below_min_value"),
    (INVALID, "size_not_supported prompt_too_long n_not_within_range prompt_missing invalid_size bad_request_body"),
    (INVALID, "invalid_request invalid_image_request convert_request_failed context_length_exceeded"),
    (INVALID, "invalid_image_file invalid_image_url invalid_image_format invalid_image invalid_base64_image"),
    (INVALID, "empty_image_file image_parse_error unknown_url api_not_implemented method_not_supported"),
    (TOO_LARGE, "read_request_body_failed image_too_large request_too_large"),
    (AUTH, "invalid_api_key missing_api_key invalid_authentication unauthorized token_expired access_denied"),
    (AUTH, "account_deactivated access_terminated invalid_organization unsupported_country_region_territory"),
    (AUTH, "entitlement_required entitlement_inactive"),
    (QUOTA, "insufficient_quota insufficient_user_quota pre_consume_token_quota_failed quota_not_enough"),
    (QUOTA, "billing_hard_limit_reached billing_not_active credit_balance_exhausted credit_balance_too_low"),
    (QUOTA, "insufficient_balance insufficient_credits arrearage"),
    (QUOTA, "entitlement_daily_limit_exceeded entitlement_total_limit_exceeded"),
    (RATE_LIMITED, "rate_limit_exceeded rate_limited too_many_requests resource_exhausted concurrency_limit_exceeded"),
    (RATE_LIMITED, "token_concurrency_limit_reached token_concurrency_unavailable"),
    (NO_MODEL, "model_not_available model_deprecated deprecated_model unsupported_model model_not_supported"),
    (NO_MODEL, "model_price_error deploymentnotfound invalid_model model_access_denied"),
    # new-api says model_not_found with 503 when no channel serves the model now; with 404 it is final (error_rules).
    (NO_CHANNEL, "model_not_found no_available_channel get_channel_failed channel:no_available_key"),
    (TRANSIENT, "write_response_body_failed do_request_failed bad_response_body empty_response bad_response"),
    (TRANSIENT, "read_response_body_failed aws_invoke_error query_data_error update_data_error count_token_failed"),
    (TRANSIENT, "server_overloaded overloaded_error gen_relay_info_failed json_marshal_failed"),
    # The answer of an asynchronous reseller: a job id, which this protocol cannot follow.
    (NO_IMAGE, "queued pending in_progress processing submitted"),
)
CODE_ENDINGS: tuple[tuple[str, Rule], ...] = (
    ("_spend_limit_exceeded", QUOTA),
    ("_usage_limit_exceeded", QUOTA),
    ("_rate_limit_exceeded", RATE_LIMITED),
)
CODE_STARTS: tuple[tuple[str, Rule], ...] = (
    ("violation_fee", REFUSED_IN_WORDS),  # new-api passes on a fee that the upstream takes for it
    ("channel:", TRANSIENT),
)

# Types such as invalid_request_error, upstream_error and shell_api_error come with everything and decide nothing.
TYPES = _codes(
    (QUOTA, "insufficient_quota insufficient_user_quota billing_error exceeded_current_quota_error"),
    (AUTH, "authentication_error permission_error invalid_api_key"),
    (RATE_LIMITED, "requests tokens images rate_limit_error rate_limit_exceeded too_many_requests"),
    (NO_MODEL, "not_found_error"),
    (TRANSIENT, "overloaded_error"),
    (TOO_LARGE, "request_too_large"),
)

_POLICY = (
    r"safety system|safety_violations|usage polic(?:y|ies)|content polic(?:y|ies)|content_policy|content filter",
    r"content management policy|content moderat|moderation_blocked|(?:input|output)_moderation|guardrail",
    r"(?:request|prompt|image|content) (?:was |has been |is )?(?:moderated|flagged)|flagged (?:by|as)",
    r"third-party content|sensitive words?|prohibited content",
    r"内容(?:安全|政策|审核)|使用政策|敏感(?:词|内容)|审核(?:不|未)通过|违规",
    r"违反.{0,30}(?:政策|规定|准则|法规)",
)

MESSAGES = _patterns(
    (INVALID, (r"(?:unknown|unsupported|unrecognized|invalid) (?:parameter|value|argument)", r"invalid (?:url|image)")),
    (AUTH, (r"temporarily blocked", r"(?:account|user|用户).{0,20}(?:banned|suspended|deactivated|封禁)")),
    (REFUSED, _POLICY),
    (
        QUOTA,
        (
            r"quota.{0,80}not enough|billing hard limit|exceeded your current quota|tokenstatusexhausted",
            r"balance is (?:too low|not enough|insufficient)|spend(?:ing)? limit|out of credits",
            r"insufficient (?:user |account )?(?:quota|balance|credits?|funds)",
            r"(?:额度|余额)不足|预扣费额度失败|额度已用尽|欠费",
        ),
    ),
    (
        NO_MODEL,
        (
            r"无权使用模型|(?:no|not) (?:right|access|permission|allowed) to (?:use )?(?:the |this )?model",
            r"must be verified to use the model",
        ),
    ),
    (NO_CHANNEL, (r"无可用渠道|no available channel|no channels? available",)),
    (NO_MODEL, (r"model.{0,120}(?:does not exist|not found|deprecated|decommissioned|no longer available)",)),
    (
        AUTH,
        (
            r"无效的令牌|未提供令牌|令牌.{0,4}(?:过期|不可用|禁用)|普通用户不支持指定渠道",
            r"tokenstatus(?:disabled|expired)",
            r"(?:incorrect|invalid|missing|no|wrong) (?:api[ _-]?key|token|authentication)",
        ),
    ),
    (
        RATE_LIMITED,
        (
            r"rate limit|too many requests|active tasks|concurrency limit|error code: 1015|being rate limited",
            r"负载已饱和|请求数限制|请求过于频繁",
        ),
    ),
    (TOO_LARGE, (r"request entity too large|payload too large|body too large",)),
    (INVALID, (r"(?:image|prompt|model) is required|prompt is too long|size not supported|invalid value of n",)),
    (TRANSIENT, (r"an error occurred while processing your request",)),
)
SATURATED = re.compile(r"负载已饱和|saturat")

# For a status whose body tells nothing more. Of the rest, 4xx are INVALID and 5xx TRANSIENT_MAYBE_PAID.
STATUSES: Mapping[int, Rule] = {
    401: AUTH,
    402: QUOTA,
    403: AUTH,
    404: NO_MODEL,
    407: AUTH,
    408: GATEWAY_TIMEOUT,
    409: MALFORMED,
    410: NO_MODEL,
    413: TOO_LARGE,
    414: TOO_LARGE,
    425: TRANSIENT,
    429: RATE_LIMITED,
    431: TOO_LARGE,
    451: REFUSED,
    499: GATEWAY_TIMEOUT,
    501: INVALID,
    502: TRANSIENT,
    503: TRANSIENT,
    504: GATEWAY_TIMEOUT,
    522: GATEWAY_TIMEOUT,
    524: GATEWAY_TIMEOUT,
    529: TRANSIENT,
}
# Somebody gave up waiting: whatever the body says, the job behind it may have been finished and charged.
MAYBE_FINISHED = frozenset({408, 499, 504, 522, 524})

_WE_CANNOT = r"(?: can't| cannot| can not| won't|(?:'m| am|'re| are) (?:unable|not able) to)"
_DOING = (
    r"(?: \w+){0,3}? (?:help|assist|create|generate|produce|make|draw|edit|fulfil\w*|complete|comply|provide|process)\b"
)

# Words with status 200 and no picture.
SENTENCES = _patterns(
    (REFUSED, _POLICY),
    (
        NO_IMAGE_FOR_NOW,
        (
            r"temporarily unavailable|try again later|encountered an error|cloudflare challenge|rate limit",
            r"lots of people are creating|failed to load the image|generation failed",
            r"technical (?:issue|difficult|problem)",
            r"很多人在创建图片|准备好后|负载已饱和|(?:系统|服务)繁忙|稍后(?:再试|重试)|(?:生图|生成)失败",
        ),
    ),
    (
        REFUSED,
        (
            rf"\b(?:i|we){_WE_CANNOT}{_DOING}",
            r"(?:无法|不能|不可以|拒绝)(?:[为帮][您你]|直接|继续)?(?:生成|创建|绘制|提供|协助|处理|完成|满足|编辑)",
        ),
    ),
    (
        NO_IMAGE,
        (
            r"would you like|could you (?:please )?(?:provide|clarify|describe|tell|share)|\?$",
            r"请提供|请告诉我|需要更多(?:细节|信息)|请问|您?(?:想要|希望).{0,40}\?",
        ),
    ),
    (NO_IMAGE_FOR_NOW, (r"排队中|生成中|进度|\bprogress\b|in queue|generation process begins",)),
)

# How a vision model's answer begins that is a refusal: in the first person, about the request or the picture. Signs and
# screens apologise as well ("Sorry, we can't process your payment"), and what is read from them is an answer.
_SORRY = (
    r"(?:(?:i'm |i am |we're |we are )?(?:so |very |really )?sorry|(?:i |we )?apologi[sz]e|my apologies)"
    r"[^!?]{0,60}?[ ,.!]+"
)
_HELP = r"(?:help|assist|comply|fulfil\w*)"
_TASK = rf"(?:{_HELP}|process|identify|describe|discuss|provide|answer|transcribe|extract|recogni[sz]e|analy[sz]e)"
_ITS_OBJECT = (
    r"\b[^.!?]{0,60}?\b(?:requests?|images?|pictures?|photos?|content|people|persons?|individuals?|faces?|identit\w+"
    r"|assistance|help)\b"
)
VISION_REFUSAL = re.compile(
    rf"(?:(?:{_SORRY})?(?:i|we){_WE_CANNOT}(?: \w+){{0,2}}? {_HELP}"
    r"(?:(?:(?: you)? with)? (?:that|this|it)(?: \w+)?)?(?=[.!,;]|$)"
    rf"|(?:{_SORRY})?i{_WE_CANNOT}(?: \w+){{0,2}}? {_HELP}{_ITS_OBJECT}"
    rf"|{_SORRY}i{_WE_CANNOT}(?: \w+){{0,2}}? {_TASK}{_ITS_OBJECT}"
    r"|我?[很非常十分]{0,2}(?:抱歉|对不起)[^!?]{0,10}?我(?:暂时|目前)?(?:无法|不能)(?:[为帮][您你])?"
    r"(?:协助|帮助|提供|满足|处理|回应|回答|识别|描述|讨论)"
    r"|我(?:无法|不能)(?:协助|帮助|满足|回应)"
    r"|(?:(?:抱歉|对不起)[,。!]? ?)?(?:无法|不能)(?:协助|帮助|满足|回应)[^。!?]{0,8}[该此这][^。!?]{0,4}(?:请求|要求)"
    r")[^.!?。]{0,100}[.!。]?"
)

# Where in the work a refusal came, by what it says. Output first: such sentences name the prompt as well.
STAGES: tuple[tuple[re.Pattern[str], Stage], ...] = (
    (
        re.compile(
            r"output_moderation|content moderated|(?:generated|created) images?\b"
            r"|images? (?:we|that was|i) (?:created|generated)"
        ),
        "output",
    ),
    (
        re.compile(
            r"input_moderation|request moderated|\b(?:the|your) prompt (?:may|was|contains|is)\b"
            r"|generated from your prompt|提示词"
        ),
        "prompt",
    ),
)
