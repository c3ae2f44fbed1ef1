"""How patient a run is with its store and with other runs, and how often it commits. Nobody sets this but tests."""

from dataclasses import dataclass, field

from tasks.journal.ports import Timing


@dataclass(frozen=True, slots=True)
class Pace:
    """The journal's times, the seconds between two commits of the manifest, and a shorter time-out of paid calls.

    And the first pause before a picture is fetched again; each one after it is three times as long.
    """

    journal: Timing = field(default_factory=Timing)
    commit_every_s: float = 30.0
    post_timeout_s: float | None = None  # None = the model's own
    fetch_pause_s: float = 0.5
