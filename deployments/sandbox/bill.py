"""What was charged: one line per charge, its totals, and a gateway's usage export of it."""

import csv
import io
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from catalogs.money import usd_decimal
from catalogs.prices import charged_micros
from catalogs.types import Model, Operation

QUOTA_PER_USD = 500_000  # one-api's unit
UNPRICED_MICROS = 40_000  # a picture of a model whose price no list states still costs its user something
EXPORT_COLUMNS = (
    *("created_at", "request_id", "token_name", "model_name", "endpoint", "type", "prompt_tokens"),
    *("completion_tokens", "image_count", "quota", "cost_usd", "use_time_s", "content"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One charge, in micro-dollars; ``key`` is masked; ``client_present`` false = nobody waited for the answer."""

    id: str
    time_s: float
    key: str
    model: str
    route: str
    operation: Operation
    n: int
    micros: int
    input_tokens: int
    output_tokens: int
    request_id: str
    request_sha256: str
    prompt: str  # the first 80 characters
    use_time_s: float
    client_present: bool
    idempotency_key: str = ""  # as the client sent it; this gateway, like those it stands for, ignores it


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call, as the reply states them."""

    input_text: int = 0
    input_image: int = 0
    output: int = 0


def price_micros(
    model: Model,
    *,
    operation: Operation,
    n: int,
    delivered: int,
    size: str | None = None,
    quality: str | None = None,
    images: int = 0,
    usage: Usage,
) -> int:
    """What the gateway takes for one call: the table's price, or a default where the table has none."""
    charged = charged_micros(
        model,
        operation=operation,
        delivered=max(1, delivered),
        requested_n=n,
        size=size,
        quality=quality,
        input_images=images,
        input_tokens=usage.input_text + usage.input_image,
        output_tokens=usage.output,
        input_text_tokens=usage.input_text,
        input_image_tokens=usage.input_image,
    )
    return UNPRICED_MICROS * n if charged is None else charged


class Bill:
    """All charges since the start or the last reset."""

    def __init__(self) -> None:
        self.charges: list[Charge] = []
        self.total_micros = 0

    def add(self, charge: Charge) -> None:
        """Write down one charge."""
        self.charges.append(charge)
        self.total_micros += charge.micros

    def clear(self) -> None:
        """Forget every charge."""
        self.charges.clear()
        self.total_micros = 0

    def to_json(self) -> dict[str, Any]:
        """``{"charges": [...], "totals": {...}}``."""
        by_model: Counter[str] = Counter()
        for charge in self.charges:
            by_model[charge.model] += charge.micros
        totals = {
            "charges": len(self.charges),
            "images": sum(charge.n for charge in self.charges if charge.operation != "vision"),
            "micros": self.total_micros,
            "usd": str(usd_decimal(self.total_micros)),
            "unattended": sum(not charge.client_present for charge in self.charges),
            "micros_by_model": dict(by_model),
        }
        return {"charges": [asdict(charge) for charge in self.charges], "totals": totals}

    def to_csv(self) -> str:
        """The usage export a user downloads from the gateway's console, oldest first."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(EXPORT_COLUMNS)
        for charge in self.charges:
            writer.writerow(_export_row(charge))
        return out.getvalue()


def _export_row(charge: Charge) -> tuple[object, ...]:
    created = datetime.fromtimestamp(charge.time_s, UTC).isoformat(timespec="milliseconds")
    return (
        *(created, charge.request_id, charge.key, charge.model, charge.route, "consume"),
        *(charge.input_tokens, charge.output_tokens, charge.n if charge.operation != "vision" else 0),
        *(charge.micros * QUOTA_PER_USD // 1_000_000, usd_decimal(charge.micros), f"{charge.use_time_s:.3f}"),
        charge.prompt,
    )
