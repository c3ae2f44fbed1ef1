"""How patient a run is with its store and with other runs, and how often it commits. Nobody sets this but tests."""

from dataclasses import dataclass, field

from tasks.journal.ports import Timing


@dataclass(frozen=True, slots=True)
class Pace:
    """The journal's times, and the seconds between two commits of the manifest while a run goes on."""

    journal: Timing = field(default_factory=Timing)
    commit_every_s: float = 30.0
