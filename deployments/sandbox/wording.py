"""The same trouble in the words of each gateway software (protocols.md, section 9.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from deployments.sandbox.flavours import Wrong
from deployments.sandbox.settings import Flavour


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One trouble in the words of each software; ``shellapi`` follows one-api where it says nothing itself."""

    openai: Wrong
    one_api: Wrong
    new_api: Wrong | None = None
    shellapi: Wrong | None = None

    def of(self, flavour: Flavour) -> Wrong:
        """The wording of one flavour."""
        own = {"openai": self.openai, "one-api": self.one_api, "new-api": self.new_api, "shellapi": self.shellapi}
        return own[flavour] or self.one_api


def _abort(status: int, message: str, code: str = "", **fields: Any) -> Wrong:
    return Wrong(status=status, message=message, code=code, origin="abort", **fields)


def _relay(status: int, message: str, code: str, **fields: Any) -> Wrong:
    return Wrong(status=status, message=message, code=code, origin="relay", **fields)


def _invalid(message: str, code: str | None = None, param: str | None = None) -> Wrong:
    return Wrong(status=400, message=message, code=code, param=param)


def _same(wrong: Wrong) -> Kind:
    return Kind(openai=wrong, one_api=wrong)


SATURATED = "当前分组上游负载已饱和，请稍后再试"
REJECTED = "Your request was rejected by the safety system"
KINDS: Mapping[str, Kind] = {
    "missing_key": Kind(
        openai=Wrong(status=401, message="You didn't provide an API key. Provide it in an Authorization header."),
        one_api=_abort(401, "未提供令牌"),
    ),
    "bad_key": Kind(
        openai=Wrong(status=401, message="Incorrect API key provided: {masked_key}.", code="invalid_api_key"),
        one_api=_abort(401, "无效的令牌"),
    ),
    "key_expired": Kind(
        openai=Wrong(status=401, message="Your API key has expired.", code="invalid_api_key"),
        one_api=_abort(401, "该令牌已过期"),
    ),
    "key_exhausted": Kind(
        openai=Wrong(status=401, message="This API key has no quota left.", code="invalid_api_key"),
        one_api=_abort(401, "该令牌额度已用尽"),
        new_api=_abort(401, "该令牌额度已用尽 TokenStatusExhausted[{masked_key}]"),
    ),
    "banned": Kind(
        openai=Wrong(status=403, message="Your account has been deactivated.", code="account_deactivated"),
        one_api=_abort(403, "用户已被封禁"),
    ),
    "model_forbidden": Kind(
        openai=Wrong(status=403, message="Project does not have access to model `{model}`", code="model_not_found"),
        one_api=_abort(403, "该令牌无权使用模型：{model}"),
    ),
    "rate_limited": Kind(
        openai=Wrong(
            status=429,
            message="Rate limit exceeded for images per minute in organization org-sandbox. "
            "Limit: {limit}/1min. Current: {current}/1min.",
            type="images",
            code="rate_limit_exceeded",
            headers={"retry-after": "{retry_after_s}", "retry-after-ms": "{retry_after_ms}"},
        ),
        one_api=Wrong(status=429, body=b""),
        new_api=_abort(429, "您已达到请求数限制：1分钟内最多请求{limit}次"),
        shellapi=_relay(
            429,
            "{model}: 请求过于频繁，每分钟最多{limit}次",
            "rate_limit_exceeded",
            headers={"retry-after": "{retry_after_s}"},
        ),
    ),
    "too_many_active": Kind(
        openai=Wrong(
            status=429,
            message="Rate limit reached for {model}: Limit {limit} concurrent requests.",
            type="requests",
            code="rate_limit_exceeded",
            headers={"retry-after": "{retry_after_s}"},
        ),
        one_api=_relay(429, SATURATED, "rate_limit_exceeded"),
    ),
    "no_channel": Kind(
        openai=Wrong(
            status=404,
            message="The model `{model}` does not exist or you do not have access to it.",
            code="model_not_found",
        ),
        one_api=_abort(503, "当前分组 default 下对于模型 {model} 无可用渠道"),
        new_api=_abort(503, "分组 default 下模型 {model} 无可用渠道（distributor）", "model_not_found"),
    ),
    "prompt_missing": Kind(
        openai=_invalid("Missing required parameter: 'prompt'.", "missing_required_parameter", "prompt"),
        one_api=_relay(400, "prompt is required", "prompt_missing"),
        new_api=_relay(500, "prompt is required", "invalid_request"),
    ),
    "prompt_too_long": Kind(
        openai=_invalid(
            "Invalid 'prompt': string too long. Maximum length {limit}.", "string_above_max_length", "prompt"
        ),
        one_api=_relay(400, "prompt is too long", "prompt_too_long"),
        new_api=_relay(500, "prompt is too long", "invalid_request"),
    ),
    "size_not_supported": Kind(
        openai=_invalid("Invalid value: '{found}'. Supported values are: {allowed}.", "invalid_value", "size"),
        one_api=_relay(400, "size not supported for this image model", "size_not_supported"),
        new_api=_relay(500, "size must be one of {allowed}", "invalid_request"),
    ),
    "n_not_within_range": Kind(
        openai=_invalid("Invalid 'n': integer out of range. Expected 1 to {limit}.", "integer_above_max_value", "n"),
        one_api=_relay(400, "invalid value of n", "n_not_within_range"),
        new_api=_relay(500, "invalid value of n", "invalid_request"),
    ),
    "invalid_image_request": Kind(
        openai=_invalid("We could not parse the JSON body of your request."),
        one_api=_relay(400, "invalid request body", "invalid_image_request"),
        new_api=_relay(500, "invalid request body", "invalid_request"),
    ),
    "model_missing": Kind(
        openai=_invalid("you must provide a model parameter"),
        one_api=_relay(400, "model is required", "invalid_text_request"),
        new_api=_relay(500, "model is required", "invalid_request"),
    ),
    "unknown_parameter": _same(_invalid("Unknown parameter: '{param}'.", "unknown_parameter", "{param}")),
    "invalid_value": _same(
        _invalid("Invalid value: '{found}'. Supported values are: {allowed}.", "invalid_value", "{param}")
    ),
    "invalid_image_file": _same(
        _invalid(
            "Invalid image file or mode for image {index}, please check your image file.", "invalid_image_file", "image"
        )
    ),
    "image_required": Kind(
        openai=_invalid("Missing required parameter: 'image'.", "missing_required_parameter", "image"),
        one_api=_relay(400, "image is required", "invalid_image_request"),
    ),
    "mask_invalid": _same(_invalid("{why}", "invalid_mask", "mask")),
    "image_url_unreachable": Kind(
        openai=_invalid("Error while downloading {url}.", "invalid_image_url", "url"),
        one_api=_relay(400, "failed to fetch image url", "invalid_image_request"),
        new_api=_relay(500, "get file base64 from url failed", "invalid_request"),
    ),
    "wrong_endpoint": _same(
        Wrong(status=404, message="The model `{model}` is not supported with this endpoint.", code="model_not_found")
    ),
    "body_too_large": _same(
        Wrong(status=413, message="openai_error", type="upstream_error", code="bad_response_status_code", param="413")
    ),
    "invalid_url": _same(Wrong(status=404, message="Invalid URL ({method} {path})")),
    "balance_empty": Kind(
        openai=_invalid("Billing hard limit has been reached", "billing_hard_limit_reached"),
        one_api=_relay(403, "user quota is not enough", "insufficient_user_quota"),
        new_api=_relay(403, "预扣费额度失败, 用户剩余额度: {have}, 需要预扣费额度: {need}", "insufficient_user_quota"),
        shellapi=_relay(
            403, "user [1] quota [{have}] preConsumedQuota [{need}] is not enough", "insufficient_user_quota"
        ),
    ),
    "balance_empty_chat": Kind(
        openai=Wrong(
            status=429,
            message="You exceeded your current quota, please check your plan and billing details.",
            type="insufficient_quota",
            code="insufficient_quota",
        ),
        one_api=_relay(403, "user quota is not enough", "insufficient_user_quota"),
        new_api=_relay(403, "用户额度不足, 剩余额度: {have}", "insufficient_user_quota"),
        shellapi=_relay(
            403, "user [1] quota [{have}] preConsumedQuota [{need}] is not enough", "insufficient_user_quota"
        ),
    ),
    "content_policy": _same(
        _invalid(
            "Your request was rejected as a result of our safety system. Your prompt may contain text that is not "
            "allowed by our safety system.",
            "content_policy_violation",
        )
    ),
    "moderation_blocked": _same(
        Wrong(
            status=400,
            message=f"{REJECTED}. If you believe this is an error, contact support and include the request ID req_0. "
            "safety_violations=[violence].",
            type="image_generation_user_error",
            code="moderation_blocked",
            param="",
        )
    ),
    "flux_moderated": _same(
        Wrong(status=403, message="Request Moderated: content policy", type="upstream_error", code="content_moderated")
    ),
    "reverse_moderation": _same(
        Wrong(status=500, message=f"{REJECTED}. Please adjust your prompt and try again.", type="upstream_error")
    ),
}


def wrong(kind: str, flavour: Flavour, **values: object) -> Wrong:
    """The error of this kind in this flavour with its blanks filled in."""
    template = KINDS[kind].of(flavour)
    filled = _Blanks(values)
    return replace(
        template,
        message=template.message.format_map(filled),
        param=template.param.format_map(filled) if template.param else template.param,
        headers={name: value.format_map(filled) for name, value in template.headers.items()},
    )


class _Blanks(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return f"<{key}>"
