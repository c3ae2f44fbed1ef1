"""A gateway's usage export against the call log, from the sandbox's bill to what the command says and exits with."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deployments.cli.main import main
from deployments.sandbox.process import SandboxProcess
from tasks.manifest.reconcile import RecordedCall, reconcile
from tasks.manifest.usage_export import BillLine, UnreadableExport, read_export
from tests.gateways.looking import row_meeting
from tests.support.runs import run, write_catalog

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ROWS = [
    *(row_meeting("slow:0", id=f"r{number}", prompt=f"lake {number}") for number in range(12)),
    *(row_meeting("chat_plain", id=f"s{number}", prompt=f"sea {number}") for number in range(6)),
    row_meeting("vision_length"),
    row_meeting("hangup_after_billing"),
    row_meeting("reset_before"),
    row_meeting("moderation_blocked"),
]


def compared(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON of ``printroom reconcile``."""
    code = main(["reconcile", *words, "--json"])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


async def exported(gateway: SandboxProcess, folder: Path) -> list[dict[str, str]]:
    await run(write_catalog(folder / "c.csv", ROWS), folder / "ds", gateway)
    return list(csv.DictReader(io.StringIO(gateway.bill_csv())))


def write_bill(path: Path, rows: list[dict[str, Any]]) -> str:
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


async def test_the_bill_of_a_whole_run_agrees_and_settles_what_was_unknown(
    tmp_path: Path, gateway: SandboxProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = await exported(gateway, tmp_path)
    code, found = compared([write_bill(tmp_path / "b.csv", rows), "--dataset", str(tmp_path / "ds")], capsys)
    assert (code, found["agrees"], found["matched"]) == (0, True, 19)
    assert (len(found["unknown_billed"]), len(found["unknown_not_billed"])) == (2, 2)


@pytest.mark.parametrize("ids", [True, False], ids=["with request ids", "by time, model and amount"])
async def test_what_is_missing_on_either_side_is_listed_and_the_exit_code_is_1(
    ids: bool, tmp_path: Path, gateway: SandboxProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = await exported(gateway, tmp_path)
    if not ids:
        rows = [row | {"request_id": ""} for row in rows]
    of_sora = [row for row in rows if row["model_name"] == "sora_image"]
    foreign = {**rows[0], "model_name": "flux-kontext-max", "cost_usd": "0.07", "request_id": "elsewhere"}
    dearer = [row | {"cost_usd": "0.03"} if row is of_sora[1] else row for row in rows if row is not of_sora[0]]
    bill = write_bill(tmp_path / "b.csv", [*dearer, foreign])
    code, found = compared([bill, "--dataset", str(tmp_path / "ds")], capsys)
    assert code == 1
    assert [line["model"] for line in found["billed_not_recorded"]] == ["flux-kontext-max"]
    assert [call["model"] for call in found["recorded_not_billed"]] == ["sora_image"]
    assert [pair["bill"]["cost_usd"] for pair in found["different_amount"]] == ["0.03"]
    assert main(["reconcile", bill, "--dataset", str(tmp_path / "ds")]) == 1
    shown = capsys.readouterr().out
    assert "1 billed but not recorded" in shown
    assert "1 recorded but not billed" in shown


async def test_a_chinese_export_in_quota_units_and_local_time_agrees_too(
    tmp_path: Path, gateway: SandboxProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    chinese = []
    for row in await exported(gateway, tmp_path):
        local = datetime.fromisoformat(row["created_at"]) + timedelta(hours=8)
        chinese.append({"时间": f"{local:%Y-%m-%d %H:%M:%S}", "令牌": "nightly", "类型": "消费",
                        "模型": row["model_name"], "额度": row["quota"]})  # fmt: skip
    chinese.append(chinese[0] | {"类型": "充值", "额度": "5000000"})
    chinese.append(chinese[0] | {"令牌": "another key"})
    path = tmp_path / "账单.csv"
    path.write_text(Path(write_bill(tmp_path / "u.csv", chinese)).read_text("utf-8"), "gb18030")
    words = [str(path), "--dataset", str(tmp_path / "ds"), "--utc-offset", "8", "--token", "nightly"]
    code, found = compared(words, capsys)
    assert (code, found["matched"], found["lines_ignored"]) == (0, 19, 2)


def test_a_file_that_is_no_usage_export_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bill = tmp_path / "b.csv"
    bill.write_text("prompt,model\na hill,dall-e-2\n")
    assert main(["reconcile", str(bill), "--dataset", str(tmp_path)]) == 2
    assert "no column for time, amount" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("header", "cells", "micros"),
    [
        ("created_at,model_name,quota", "1763700000,dall-e-2,10000", 20_000),
        ("Created At,Model,Cost (USD)", "2026-11-21T12:00:00Z,dall-e-2,$0.02", 20_000),
        ("时间;模型名称;费用", "2026年11月21日 12:00:00;dall-e-2;＄0.020000", 20_000),
        ("timestamp\tmodel\tamount", "1763700000123\tdall-e-2\t1,250.5", 1_250_500_000),
        ("date,model,cost,quota", "2026/11/21 12:00,dall-e-2,,10000", 20_000),
    ],
)  # fmt: skip
def test_exports_are_read_whoever_wrote_them(header: str, cells: str, micros: int) -> None:
    (line,) = read_export(f"{header}\n{cells}\n".encode()).lines
    assert (line.model, line.cost_micros) == ("dall-e-2", micros)
    assert abs(line.at - NOON) < timedelta(days=366)


@pytest.mark.parametrize("cells", ["yesterday,dall-e-2,0.02", "2026-11-21,dall-e-2,¥0.14", "2026-11-21,dall-e-2,free"])
def test_a_line_that_cannot_be_read_is_named_and_never_guessed(cells: str) -> None:
    with pytest.raises(UnreadableExport, match="line 2"):
        read_export(f"time,model,usd\n{cells}\n".encode())


def call(number: int, at_s: float, **fields: Any) -> RecordedCall:
    began = NOON + timedelta(seconds=at_s)
    known: dict[str, Any] = {"model": "m", "billed": "yes", "cost_micros": 10_000, "request_id": None, **fields}
    return RecordedCall(
        call_id=f"c{number}", row_id=f"r{number}", catalog="c", started_at=began,
        finished_at=began + timedelta(seconds=10), **known,
    )  # fmt: skip


def line(number: int, at_s: float, **fields: Any) -> BillLine:
    return BillLine(
        **{"line": number, "at": NOON + timedelta(seconds=at_s), "model": "m", "cost_micros": 10_000, **fields}
    )


def test_as_many_pairs_are_found_as_there_can_be() -> None:
    """The nearest call for the first line would leave the second line without one."""
    calls = [call(1, 0), call(2, 100)]
    found = reconcile([line(2, 60), line(3, 20)], calls, within=timedelta(seconds=60))
    assert len(found.matched) == 2
    assert found.agrees


def test_nothing_is_matched_outside_its_time_or_with_another_model() -> None:
    found = reconcile([line(2, 0), line(3, 900, model="other")], [call(1, 400)], within=timedelta(seconds=60))
    assert [one.line for one in found.billed_not_recorded] == [2, 3]
    assert [one.call_id for one in found.recorded_not_billed] == ["c1"]


def test_every_line_and_call_ends_in_exactly_one_place() -> None:
    calls = [
        call(n, 5 * n, billed=("yes", "unknown", "no")[n % 3], cost_micros=(10_000, None, 0)[n % 3]) for n in range(90)
    ]
    lines = [line(n, 5 * n + 3, cost_micros=10_000 + n % 2) for n in range(0, 90, 2)]
    found = reconcile(lines, calls, within=timedelta(seconds=20))
    paired = [*found.matched, *found.different_amount, *found.billed_as_free, *found.unknown_billed]
    placed_lines = [one.line for one, _ in paired] + [one.line for one in found.billed_not_recorded]
    placed_calls = [one.call_id for _, one in paired]
    placed_calls += [one.call_id for one in (*found.recorded_not_billed, *found.unknown_not_billed)]
    assert sorted(placed_lines) == sorted(one.line for one in lines)
    assert len(placed_calls) == len(set(placed_calls))
    assert {one.call_id for one in calls if one.billed != "no"} <= set(placed_calls)
