"""Rows that meet one scenario each, and what the gateway and the dataset say of them afterwards."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from catalogs.types import Billed
from deployments.sandbox.process import SandboxProcess
from deployments.sandbox.scenarios import TABLE

NO_TROUBLE: dict[str, Any] = {
    "scenarios": [], "latency_scale": 0, "ttl_scale": 1, "flavour": "shellapi", "rpm": {}, "rpm_window_s": 60,
    "concurrency": {}, "balance_usd": None,
}  # fmt: skip
QUICKSTART = Path(__file__).parents[2] / "catalogs" / "quickstart"
VASE, MASK = str(QUICKSTART / "vase.png"), str(QUICKSTART / "vase-mask.png")
ROWS_BY_KIND: dict[str, dict[str, str]] = {
    "images": {"operation": "generate", "model": "dall-e-2", "size": "256x256"},
    "edit": {"operation": "edit", "model": "gpt-image-1", "images": VASE, "mask": MASK},
    "chat": {"operation": "generate", "model": "sora_image"},
    "vision": {"operation": "vision", "model": "gpt-4o", "images": VASE, "vision": "ask"},
}


def row_meeting(spelling: str, **cells: str) -> dict[str, str]:
    """A row whose request meets the scenario; its id is the spelling, its kind the first that the scenario is for."""
    name = spelling.partition("@")[0].partition(":")[0]
    kind = (TABLE[name].only or ("images",))[0]
    return {"id": spelling, **ROWS_BY_KIND[kind], "prompt": f"a lake [[scenario:{spelling}]]", **cells}


def calls_of(dataset: Path) -> list[dict[str, Any]]:
    """The rows of ``calls.parquet``."""
    calls: list[dict[str, Any]] = pq.read_table(dataset / "calls.parquet").to_pylist()
    return calls


def calls_by_row(dataset: Path) -> dict[str, list[dict[str, Any]]]:
    """Calls by row id, in the order of their attempts."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for call in calls_of(dataset):
        found[call["row_id"]].append(call)
    return {row: sorted(calls, key=lambda call: call["attempt"]) for row, calls in found.items()}


def posts_by_call(gateway: SandboxProcess) -> Counter[str]:
    """How often each attempt arrived at the gateway."""
    return Counter(line["idempotency_key"] for line in gateway.log("/v1/") if line["method"] == "POST")


def posts(gateway: SandboxProcess) -> list[dict[str, Any]]:
    """Every POST in the gateway's log, in the order of their start."""
    lines = [line for line in gateway.log("/v1/") if line["method"] == "POST"]
    return sorted(lines, key=lambda line: line["started_s"])


def assert_books_agree(gateway: SandboxProcess, dataset: Path) -> None:
    """Each charge belongs to one recorded call; known costs are the charges; only unknowns may differ from them."""
    calls = {call["call_id"]: call for call in calls_of(dataset)}
    charges: Counter[str] = Counter()
    for charge in gateway.bill()["charges"]:
        charges[charge["idempotency_key"]] += charge["micros"]
    assert set(charges) <= set(calls), "the gateway charged for calls that nobody recorded"
    wrong = {
        call["row_id"]: (call["billed"], call["cost_usd"], charges[call_id])
        for call_id, call in calls.items()
        if not _agrees(call["billed"], call["cost_usd"], charges[call_id])
    }
    assert wrong == {}
    arrived = posts_by_call(gateway)
    assert set(arrived) <= set(calls), "the gateway saw calls that nobody recorded"
    assert max(arrived.values(), default=0) <= 1, "an attempt was sent twice"


def _agrees(billed: Billed, cost_usd: Any, charged_micros: int) -> bool:
    if billed == "unknown":
        return cost_usd is None
    return (0 if billed == "no" else round(cost_usd * 1_000_000)) == charged_micros
