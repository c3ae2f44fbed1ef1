"""The figures at the head of the gallery: the whole dataset, every row, to the micro-dollar."""

from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from tasks.report.wording import OUTCOMES

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts are of current rows; money is of all rows, since what was paid stays paid (USD)."""

    rows: int
    older_rows: int
    outcomes: dict[str, int]
    pictures: int
    models: int
    cost_usd: Decimal
    reading_usd: Decimal
    at_risk_usd: Decimal
    unpriced: int  # results that were called and whose cost is not known
    commit: int | None

    @property
    def bill_usd(self) -> Decimal:
        """The known bill: generation and paid readings."""
        return self.cost_usd + self.reading_usd


def totals_of(table: pa.Table) -> Totals:
    """The figures of a whole manifest."""
    current = table.filter(table["current"])
    counted = {pair["values"]: pair["counts"] for pair in pc.value_counts(current["outcome"]).to_pylist()}
    return Totals(
        rows=current.num_rows,
        older_rows=table.num_rows - current.num_rows,
        outcomes={name: counted[name] for name in OUTCOMES if counted.get(name)},
        pictures=pc.count_distinct(current["image_uri"]).as_py(),
        models=pc.count_distinct(current["model"]).as_py(),
        cost_usd=_sum(table["cost_usd"]),
        reading_usd=_sum(table["ocr_cost_usd"]),
        at_risk_usd=_sum(table["cost_at_risk_usd"]),
        unpriced=table["cost_usd"].null_count,
        commit=pc.max(table["manifest_commit"]).as_py() if table.num_rows else None,
    )


def _sum(values: pa.ChunkedArray) -> Decimal:
    total = pc.sum(values).as_py()
    return ZERO if total is None else Decimal(total)
