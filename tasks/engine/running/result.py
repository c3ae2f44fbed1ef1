"""What a run did and how its catalogs now stand: the one line of ``--json`` and the exit code."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from catalogs.money import json_usd
from tasks.engine.analysis.accepting import Acceptance
from tasks.engine.shared.stopping import StopReason

EXIT_OK, EXIT_DAMAGED, EXIT_USAGE, EXIT_UNFINISHED, EXIT_BUDGET, EXIT_PROVIDER, EXIT_INTERRUPTED = 0, 1, 2, 3, 4, 5, 130


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """Counts are requested results of the catalogs as they now stand; money and time are of this run."""

    run_id: str
    dataset: str
    manifest: str
    rows: int
    succeeded: int
    reused: int
    refused: int
    failed: int
    unknown: int
    held: int
    pending: int
    cost_micros: int = 0
    at_risk_micros: int = 0
    wall_s: float = 0.0
    paid_phase_s: float = 0.0
    stopped: StopReason | None = None
    message: str = ""
    acceptance: Acceptance | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)  # why rows that this run worked did not succeed

    def as_dict(self) -> dict[str, Any]:
        """The object that ``--json`` prints; money as decimal strings. ``acceptance`` only with an accept rule."""
        fields = asdict(self)
        for name in ("stopped", "message", "cost_micros", "at_risk_micros", "wall_s", "paid_phase_s", "acceptance",
                     "reasons"):  # fmt: skip
            del fields[name]
        if self.acceptance is not None:
            fields["acceptance"] = self.acceptance.as_dict()
        return fields | {
            "cost_usd": json_usd(self.cost_micros),
            "cost_at_risk_usd": json_usd(self.at_risk_micros),
            "wall_s": round(self.wall_s, 3),
            "paid_phase_s": round(self.paid_phase_s, 3),
        }

    @property
    def exit_code(self) -> int:
        """The contract's exit code: how the run was stopped, else how its catalogs stand."""
        if self.stopped == "interrupted":
            return EXIT_INTERRUPTED
        if self.stopped == "budget":
            return EXIT_BUDGET
        if self.stopped in ("provider_stopped", "store_down"):
            return EXIT_PROVIDER
        return EXIT_OK if self.succeeded == self.rows else EXIT_UNFINISHED


def result_of(
    outcomes: Mapping[str, int],
    *,
    run_id: str,
    dataset: str,
    reused: int,
    cost_micros: int = 0,
    at_risk_micros: int = 0,
    wall_s: float = 0.0,
    paid_phase_s: float = 0.0,
    stopped: StopReason | None = None,
    message: str = "",
    reasons: Mapping[str, int] | None = None,
) -> RunResult:
    """A result from counts by outcome; outcomes that are absent count 0."""
    return RunResult(
        run_id=run_id, dataset=dataset, manifest=f"{dataset.rstrip('/')}/manifest.parquet",
        rows=sum(outcomes.values()), succeeded=outcomes.get("succeeded", 0), reused=reused,
        refused=outcomes.get("refused", 0), failed=outcomes.get("failed", 0), unknown=outcomes.get("unknown", 0),
        held=outcomes.get("held", 0), pending=outcomes.get("pending", 0), cost_micros=cost_micros,
        at_risk_micros=at_risk_micros, wall_s=wall_s, paid_phase_s=paid_phase_s, stopped=stopped, message=message,
        reasons=dict(reasons or {}),
    )  # fmt: skip
