"""Every scenario of the sandbox, which are those of protocols.md (sections 4, 8, 9.1, 13): what becomes of a row.

One line each: the class of the failure, the outcome, its reason, who refused, how many POSTs, and what the call log
says was billed. A scenario without a line here fails the last test.
"""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from deployments.sandbox.process import SandboxProcess
from deployments.sandbox.scenarios import TABLE
from deployments.sandbox.settings import FLAVOURS
from tests.gateways.looking import assert_books_agree, calls_by_row, posts, row_meeting
from tests.gateways.test_stops import STOPPING
from tests.support.runs import current_rows, run, write_catalog


class Expected(NamedTuple):
    """What must come of a row that meets a scenario on every attempt."""

    error_class: str | None
    outcome: str
    reason: str | None
    stage: str | None
    posts: int
    billed: str


def ok() -> Expected:
    return Expected(None, "succeeded", None, None, 1, "yes")


def invalid(reason: str = "invalid_request") -> Expected:
    return Expected("invalid", "failed", reason, None, 1, "no")


def refused(stage: str = "unspecified", billed: str = "no") -> Expected:
    return Expected("refused", "refused", "policy", stage, 1, billed)


def resent() -> Expected:
    return Expected("transient", "failed", "server_error", None, 3, "no")


def resent_maybe_paid() -> Expected:
    return Expected("transient", "failed", "server_error", None, 3, "unknown")


def unknown() -> Expected:
    """Sent twice, then held: the second time in another process or at the row's end, always recorded."""
    return Expected("unknown", "held", "attempts_exhausted", None, 2, "unknown")


def no_image(error_class: str = "no_image") -> Expected:
    return Expected(error_class, "failed", "no_image", None, 1, "unknown")


def bad_file(reason: str) -> Expected:
    return Expected(None, "failed", reason, None, 1, "yes")


EXPECTED: dict[str, Expected] = {
    **dict.fromkeys(
        ("unknown_parameter", "invalid_image_file", "image_required", "mask_invalid", "prompt_missing",
         "prompt_too_long", "size_not_supported", "n_not_within_range", "invalid_request_500", "not_implemented",
         "invalid_url"),
        invalid(),
    ),
    "body_too_large": invalid("too_large"),
    # refusals in every disguise
    **dict.fromkeys(("content_policy", "content_policy_rewrite", "flux_moderated"), refused("prompt")),
    **dict.fromkeys(
        ("content_filter", "moderation_blocked", "moderation_output", "reverse_moderation", "reverse_moderation_429"),
        refused(),
    ),
    **dict.fromkeys(("text_refusal", "text_refusal_zh", "text_failure_reason"), refused("prompt", "unknown")),
    **dict.fromkeys(("text_refusal_guardrails", "text_refusal_zh_policy"), refused("unspecified", "unknown")),
    **dict.fromkeys(("text_refusal_third_party", "text_failure_output"), refused("output", "unknown")),
    **dict.fromkeys(("vision_refusal", "vision_refusal_text", "vision_content_filter"), refused("vision", "yes")),
    # the gateway's own trouble
    **dict.fromkeys(
        ("server_error", "write_response_failed", "do_request_failed", "bad_response_body", "empty_response",
         "upstream_502", "upstream_502_json"),
        resent(),
    ),
    **dict.fromkeys(("error_string", "error_top_level"), resent_maybe_paid()),
    "error_in_200": Expected("transient", "failed", "server_error", None, 1, "unknown"),
    # nobody knows what became of the job
    **dict.fromkeys(
        ("upstream_504", "nginx_504", "nginx_502", "cloudflare_524", "error_empty_500", "reset_before",
         "hangup_after_billing", "reset_after_headers", "cut_body", "cut_json", "not_json", "sse_cut"),
        unknown(),
    ),
    # a model that is not offered: found out once (or a few times), then nobody asks any more
    **dict.fromkeys(
        ("model_not_found", "model_retired", "model_forbidden"),
        Expected("model_unavailable", "failed", "model_unavailable", None, 1, "no"),
    ),
    **dict.fromkeys(
        ("no_channel", "no_channel_code"),
        Expected("model_unavailable", "failed", "model_unavailable", None, 3, "no"),
    ),
    # 200 without a picture
    **dict.fromkeys(
        ("empty_data", "no_data", "chat_fence_only", "text_question", "text_question_zh", "text_empty", "no_choices"),
        no_image(),
    ),
    **dict.fromkeys(
        ("text_unavailable", "text_queue", "text_queue_en", "text_cloudflare", "text_tool_error", "text_failed_load",
         "text_failed_zh", "text_unfinished"),
        no_image("transient"),
    ),
    "sse_error": Expected("transient", "failed", "no_image", None, 1, "unknown"),
    "sse_error_saturated": Expected("rate_limited", "failed", "rate_limited", None, 1, "unknown"),
    # answers, however they look
    **dict.fromkeys(
        ("b64", "b64_prefix", "url_and_b64", "usage_missing", "usage_one", "fewer_pictures", "extra_pictures",
         "ratio_dropped",
         "wrong_size", "jpeg_named_png", "blank_picture", "garbled_words", "chat_plain", "chat_progress", "chat_4o",
         "chat_url_alt", "chat_many", "chat_data_uri", "chat_base64_uri", "chat_parts", "chat_bare_url",
         "chat_escaped", "chat_images_body", "chat_paren_url", "chat_download_only", "vision_length", "json_fenced",
         "json_ignored", "json_invalid", "slow", "drip", "file_wrong_type", "file_drip", "file_redirect",
         "file_trailing"),
        ok(),
    ),
    # bytes that are no picture: fetched again while the URL lives, never bought again
    **dict.fromkeys(("url_expired", "file_404", "file_403"), bad_file("url_expired")),
    **dict.fromkeys(
        ("file_html", "file_json", "file_truncated", "file_svg", "file_empty", "file_bomb"), bad_file("bad_image")
    ),
    "file_500": bad_file("server_error"),
    "file_huge": bad_file("too_large"),
    **dict.fromkeys(("file_reset", "file_gzip", "file_redirect_private", "file_loop"), bad_file("connection")),
}  # fmt: skip
# once 429, then served: two POSTs, and nothing but the first of them to be seen
LIMITED = ("rate_limit", "rate_limit_ms", "rate_limit_date", "rate_limit_none", "rate_limit_empty", "saturated",
           "saturated_503")  # fmt: skip
# a model of its own for each: what is given up is the model
OWN_MODEL = {
    "model_not_found": "dall-e-3", "model_retired": "gpt-image-1-mini", "model_forbidden": "gpt-image-1.5",
    "no_channel": "gpt-4o-image", "no_channel_code": "flux-kontext-max",
}  # fmt: skip
HANGING = {"hang"}  # its time-out is tested in test_paid_posts


def cells_for(name: str) -> dict[str, str]:
    if name in OWN_MODEL:
        return {"model": OWN_MODEL[name], "size": ""}
    return {"n": "2"} if name == "fewer_pictures" else {}


async def test_every_scenario_ends_as_the_table_says_and_the_books_agree_with_the_bill(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    rows = [row_meeting(name, **cells_for(name)) for name in EXPECTED]
    rows += [row_meeting(f"{name}@1") for name in LIMITED]
    result = await run(write_catalog(tmp_path / "night.csv", rows), tmp_path / "ds", gateway, concurrency=64)
    calls = calls_by_row(tmp_path / "ds")
    found = {
        row["row_id"]: _found(row, calls[row["row_id"]])
        for row in current_rows(tmp_path / "ds")
        if row["sample_index"] == 0
    }
    expected = EXPECTED | {f"{name}@1": ok()._replace(posts=2) for name in LIMITED}
    assert {name: (found[name], wanted) for name, wanted in expected.items() if found[name] != wanted} == {}
    assert len(posts(gateway)) == sum(wanted.posts for wanted in expected.values())
    assert (result.exit_code, result.reused) == (3, 0)  # all was bought here, also where only one of two pictures came
    second = next(
        row for row in current_rows(tmp_path / "ds") if row["row_id"] == "fewer_pictures" and row["sample_index"]
    )
    assert (second["outcome"], second["outcome_reason"]) == ("failed", "no_image")
    assert_books_agree(gateway, tmp_path / "ds")


def _found(row: dict[str, Any], calls: list[dict[str, Any]]) -> Expected:
    words = {call["billed"] for call in calls}
    billed = "yes" if "yes" in words else "unknown" if "unknown" in words else "no"
    return Expected(
        calls[-1]["error_class"], row["outcome"], row["outcome_reason"], row["refusal_stage"], len(calls), billed
    )


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_each_gateway_software_is_understood_in_its_own_words(
    flavour: str, tmp_path: Path, gateway: SandboxProcess
) -> None:
    gateway.switch(flavour=flavour)
    names = ["size_not_supported", "prompt_missing", "unknown_parameter", "body_too_large", "n_not_within_range"]
    result = await run(
        write_catalog(tmp_path / "c.csv", [row_meeting(name) for name in names]), tmp_path / "ds", gateway
    )
    assert {row["row_id"]: row["outcome_reason"] for row in current_rows(tmp_path / "ds")} == {
        name: "too_large" if name == "body_too_large" else "invalid_request" for name in names
    }
    assert (len(posts(gateway)), result.cost_micros, result.at_risk_micros) == (len(names), 0, 0)


def test_every_scenario_of_the_sandbox_is_tested_here_or_where_runs_stop() -> None:
    tested = {*EXPECTED, *LIMITED, *STOPPING, *HANGING}
    assert set(TABLE) - tested == set()
    assert tested - set(TABLE) == set()
