"""The 17 outcomes of a paid POST (reliability.md, section 3), 20 rows each: exactly how often the gateway is asked.

Outcomes that end the whole run, or that need a gateway out of reach, have tests of their own below and in test_stops.
"""

import asyncio
import socket
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.engine.running.execute import execute
from tasks.engine.running.session import forget
from tasks.engine.shared.pace import Pace
from tasks.protocols.http import BODY_CAP_BYTES
from tests.gateways.looking import assert_books_agree, posts, row_meeting
from tests.support.runs import charged, current_rows, run, session_for, write_catalog
from tests.support.scripted import Answer, reply, scripted

ROWS = 20
# outcome: scenario, POSTs for each row, outcome and what is at risk for each row in micro-dollars
MATRIX = {
    "reset after it was sent": ("hangup_after_billing", 2, "held", 40_000),
    "cut in the middle": ("reset_after_headers", 2, "held", 40_000),
    "504 of a proxy": ("nginx_504", 2, "held", 40_000),
    "502 without JSON": ("nginx_502", 2, "held", 40_000),
    "500 in JSON": ("do_request_failed", 3, "failed", 0),
    "500 that nobody knows": ("error_string", 3, "failed", 60_000),
    "429, then served": ("rate_limit_ms@1", 2, "succeeded", 0),
    "400 policy": ("content_policy", 1, "refused", 0),
    "400 moderation": ("moderation_blocked", 1, "refused", 0),
    "500 that is a refusal": ("reverse_moderation", 1, "refused", 0),
    "400 invalid": ("unknown_parameter", 1, "failed", 0),
    "413": ("body_too_large", 1, "failed", 0),
    "200 with an error": ("error_in_200", 1, "failed", 20_000),
    "200 cut in half": ("cut_json", 2, "held", 40_000),
    "200 without a picture": ("empty_data", 1, "failed", 20_000),
    "200 with a refusal in words": ("text_refusal", 1, "refused", 10_000),
    "served": ("b64", 1, "succeeded", 0),
}


def rows_of(spelling: str, count: int = ROWS) -> list[dict[str, str]]:
    return [
        row_meeting(spelling, id=f"{spelling}-{n}", prompt=f"lake {n} [[scenario:{spelling}]]") for n in range(count)
    ]


# One run for all: a gateway that loses every call opens the circuit, and its probes would be minutes apart.
@pytest.mark.slow  # about two minutes: retries beyond the budget of 50 wait half a minute each
async def test_each_outcome_is_posted_exactly_as_often_as_its_row_says(tmp_path: Path, gateway: SandboxProcess) -> None:
    rows = [row for spelling, *_ in MATRIX.values() for row in rows_of(spelling)]
    result = await run(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", gateway, concurrency=64)
    sent = Counter(name for line in posts(gateway) for name in line["scenarios"])
    expected = {spelling.partition("@")[0]: ROWS * times for spelling, times, *_ in MATRIX.values()}
    expected["rate_limit_ms"] = ROWS  # the second POST of a row meets nothing
    assert sent == expected
    assert len(posts(gateway)) == ROWS * sum(times for _, times, *_ in MATRIX.values())
    found = Counter((row["row_id"].rpartition("-")[0], row["outcome"]) for row in current_rows(tmp_path / "ds"))
    assert found == {(spelling, outcome): ROWS for spelling, _, outcome, _ in MATRIX.values()}
    assert result.at_risk_micros == ROWS * sum(risk for *_, risk in MATRIX.values())
    assert_books_agree(gateway, tmp_path / "ds")


async def test_a_call_that_never_ends_is_given_up_after_its_time_out_and_asked_once_more(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    session = session_for(write_catalog(tmp_path / "c.csv", rows_of("hang", 3)), tmp_path / "ds", gateway)
    session.pace = Pace(post_timeout_s=1.0)
    try:
        result = await execute(session)
    finally:
        forget(session.run_id)
    assert (result.held, len(posts(gateway))) == (3, 6)
    assert {row["outcome_reason"] for row in current_rows(tmp_path / "ds")} == {"attempts_exhausted"}
    assert result.at_risk_micros == 120_000


async def test_a_reply_above_the_cap_is_final_and_never_bought_again_by_itself(tmp_path: Path) -> None:
    body = b'{"data": [{"url": "http://127.0.0.1/a.png"}]' + b" " * BODY_CAP_BYTES + b"}"
    answers: dict[str, Answer] = {"/v1/images/generations": reply(body), "/v1/models": reply(b'{"data": []}')}
    catalog = write_catalog(tmp_path / "c.csv", [{"id": "a", "prompt": "a lake", "model": "dall-e-3"}])
    async with scripted(answers) as server:
        gateway: Any = SimpleNamespace(base_url=server.url("/v1"))
        first = await run(catalog, tmp_path / "ds", gateway)
        await run(catalog, tmp_path / "ds", gateway)
    assert [request.split()[0] for request in server.requests].count(b"POST") == 1
    (row,) = current_rows(tmp_path / "ds")
    assert (row["outcome"], row["outcome_reason"], first.at_risk_micros) == ("failed", "too_large", 40_000)


@pytest.mark.parametrize("on_unknown", ["retry", "hold"])
async def test_an_unknown_outcome_is_asked_again_or_held_as_the_user_wants(
    on_unknown: str, tmp_path: Path, gateway: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", rows_of("hangup_after_billing@1", 3))
    result = await run(catalog, tmp_path / "ds", gateway, on_unknown=on_unknown)
    assert (result.succeeded, result.held) == ((3, 0) if on_unknown == "retry" else (0, 3))
    assert len(charged(gateway)) == (6 if on_unknown == "retry" else 3)


async def test_a_gateway_that_cannot_be_reached_costs_nothing_and_fails_no_row(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = SimpleNamespace(base_url=f"http://127.0.0.1:{closed.getsockname()[1]}/v1")
    session = session_for(write_catalog(tmp_path / "c.csv", rows_of("b64")), tmp_path / "ds", nowhere)  # type: ignore[arg-type]  # an address is all it takes
    task = asyncio.create_task(execute(session))
    await asyncio.sleep(3)
    session.stop.stop("interrupted", "the test has seen enough")
    result = await task
    forget(session.run_id)
    assert (result.pending, result.cost_micros, result.at_risk_micros) == (ROWS, 0, 0)
