"""Manifests and call logs made up from a seed: every outcome, many models, and texts that would like to be markup."""

import hashlib
import io
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image

from tasks.manifest.schema import CALL_SCHEMA, MANIFEST_SCHEMA

MODELS = ("sora_image", "gpt-image-1", "dall-e-3", "flux-kontext-max")
PLACES = ("harbour", "desert", "library", "glacier", "market", "orchard")
REASONS = {
    "refused": "policy",
    "failed": "no_image",
    "unknown": "timeout",
    "held": "attempts_exhausted",
    "pending": "budget",
}
HOSTILE = (
    "</script><script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned = 1'>",
    '"><svg onload=window.pwned=1>',
    "<!--<script>",
    "]]>\u2028window.pwned = 1\u2029//",
    "javascript:window.pwned=1",
    "\u202egnp.exe",
    "${window.pwned = 1}{{constructor.constructor('window.pwned=1')()}}",
)
START = datetime(2026, 1, 1, tzinfo=UTC)


def sha(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def image_key(number: int) -> str:
    return f"images/{sha(number)[:2]}/{sha(number)}.png"


def row(number: int, **changes: Any) -> dict[str, Any]:
    """One succeeded picture; four rows in turn share a prompt, one for each model."""
    ended = START + timedelta(minutes=number)
    place = PLACES[number // 4 % len(PLACES)]
    made: dict[str, Any] = {
        "row_id": f"r{number:05}", "catalog": "night", "take": 1, "sample_index": 0, "result_key": sha(-number - 1),
        "run_id": "run-1", "catalog_sha256": sha(0), "row_number": number + 1,
        "tags": [("place", place), ("batch", str(number % 3))], "operation": "generate", "provider": "sandbox",
        "model": MODELS[number % 4], "endpoint": "/images/generations",
        "prompt": f"A {place} at dawn, view {number // 4}",
        "prompt_sent": f"A {place} at dawn, view {number // 4}【1:1】", "params": '{"quality":"high"}',
        "input_sha256s": [],
        "requested_size": "1:1", "outcome": "succeeded", "http_status": 200, "attempts": 1, "reused": False,
        "image_uri": image_key(number), "sha256": sha(number), "format": "png", "width_px": 64, "height_px": 48,
        "size_bytes": 900 + number, "size_as_requested": True, "has_c2pa": False, "phash": "0f" * 8,
        "cost_usd": Decimal("0.010001"), "ocr_cost_usd": Decimal(0), "cost_at_risk_usd": Decimal(0), "billed": "yes",
        "started_at": ended - timedelta(seconds=3), "finished_at": ended, "generate_ms": 500 + number % 4 * 1000,
        "queue_ms": 1, "download_ms": 20, "store_ms": 5, "manifest_commit": 7, "schema_version": 1, "current": True,
    }  # fmt: skip
    return {**made, **changes}


def without_picture(number: int, outcome: str, **changes: Any) -> dict[str, Any]:
    """A row that did not succeed."""
    risk = Decimal("0.040000") if outcome in ("unknown", "held") else Decimal(0)
    nothing = dict.fromkeys(
        ("image_uri", "sha256", "format", "width_px", "height_px", "size_bytes", "size_as_requested", "phash")
    )
    cost = None if outcome == "unknown" else Decimal(0)
    stage = "prompt" if outcome == "refused" else None
    return row(
        number, **nothing, outcome=outcome, outcome_reason=REASONS[outcome], refusal_stage=stage, cost_usd=cost,
        cost_at_risk_usd=risk, generate_ms=None, **changes,
    )  # fmt: skip


def small_manifest() -> pa.Table:
    """24 rows: 16 plain ones, one of each other outcome, a reading with errors, a vision answer, an earlier version."""
    rows = [row(number) for number in range(16)]
    rows += [without_picture(16 + at, outcome) for at, outcome in enumerate(REASONS)]
    rows.append(row(21, ocr_text="OPEM AT NINE", expected_text="OPEN AT NINE", cer=1 / 12, ocr_status="text"))
    rows.append(
        row(
            22,
            operation="vision",
            image_uri=None,
            sha256=None,
            width_px=None,
            answer_text="A vase on a table",
            model="gpt-4o",
            input_sha256s=[sha(0), sha(99)],
        )
    )
    rows.append(row(23, current=False, prompt="An older wording"))
    return manifest(rows)


_STRANGERS = (
    "catalog", "model", "prompt", "prompt_sent", "params", "revised_prompt", "ocr_text", "answer_text", "answer_json",
    "source_url", "endpoint", "provider", "price_rule", "run_id", "image_uri", "outcome_reason", "requested_size",
)  # fmt: skip


def hostile_manifest() -> pa.Table:
    """Every text column that a stranger may fill, filled with every hostile text in turn."""
    rows = []
    for number, text in enumerate(HOSTILE):
        texts = dict.fromkeys(_STRANGERS, text)
        tags = [(text, text), ("__proto__", "constructor")]
        rows.append(row(number, **texts, row_id=f"{number}{text}", expected_text=f"{text}!", cer=0.5, tags=tags))
    return manifest(rows)


def manifest(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=MANIFEST_SCHEMA)


def many(count: int, seed: int = 1) -> tuple[pa.Table, pa.Table]:
    """A manifest and its call log over twelve months, with refusals, retries, readings and unknown costs."""
    rng = random.Random(seed)
    rows, calls = [], []
    for number in range(count):
        ended = START + timedelta(seconds=rng.random() * 365 * 86_400)
        outcome = rng.choices(("succeeded", *REASONS), (80, 8, 5, 3, 2, 2))[0]
        common = {
            "finished_at": None if outcome == "pending" else ended,
            "tags": [("place", rng.choice(PLACES)), ("n", str(number))],
        }
        if outcome == "succeeded":
            cost = Decimal(rng.randrange(1, 90_000)) / 1_000_000
            reading = rng.choice((Decimal(0), Decimal("0.000123"), None))
            rows.append(
                row(
                    number,
                    **common,
                    generate_ms=rng.randrange(200, 90_000),
                    cost_usd=cost,
                    ocr_cost_usd=reading,
                    reused=rng.random() < 0.05,
                    cer=(0.0, 0.05, 0.5, None)[number % 4],
                )
            )
        else:
            rows.append(without_picture(number, outcome, **common))
        for attempt in range(0 if outcome == "pending" else rng.choice((1, 1, 1, 2))):
            calls.append(call(rows[-1], ended, attempt + 1))
    return manifest(rows), pa.Table.from_pylist(calls, schema=CALL_SCHEMA)


def call(made: dict[str, Any], at: datetime, attempt: int) -> dict[str, Any]:
    error = None if made["outcome"] == "succeeded" and attempt == 1 else "rate_limited"
    return {
        "call_id": f"{made['row_id']}.{attempt}", "run_id": "run-1", "row_id": made["row_id"], "catalog": "night",
        "result_key": made["result_key"], "purpose": "generate", "provider": "sandbox", "model": made["model"],
        "endpoint": "/images/generations", "started_at": at, "finished_at": at, "attempt": attempt, "http_status": 200,
        "error_class": error, "cost_usd": made["cost_usd"] if attempt == 1 else None, "billed": "yes",
    }  # fmt: skip


def picture(number: int, size: tuple[int, int] = (64, 48), mode: str = "RGB") -> bytes:
    """A PNG of one colour."""
    out = io.BytesIO()
    colour = (number * 37 % 256, number * 91 % 256, number * 53 % 256, 90)
    Image.new(mode, size, colour[: len(mode)]).save(out, "PNG", compress_level=1)
    return out.getvalue()


def fill(folder: Path, count: int) -> None:
    """Pictures ``0 .. count - 1`` where the manifest says they are."""
    for number in range(count):
        path = folder / image_key(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))
