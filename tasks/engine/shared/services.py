"""What all partitions of a process share: one HTTP client, one pacer, one budget, one store, one stop signal."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tasks.engine.options import RunOptions
from tasks.engine.planning.inputs import InputDesk
from tasks.engine.planning.table import ModelTable
from tasks.engine.shared.claim import Claim
from tasks.engine.shared.gate import PartitionGate
from tasks.engine.shared.keeping import LostAndFound
from tasks.engine.shared.pace import Pace
from tasks.engine.shared.patience import patiently
from tasks.engine.shared.progress import Progress
from tasks.engine.shared.reading import Reader
from tasks.engine.shared.stopping import StopSignal
from tasks.journal.dataset import Dataset
from tasks.journal.events import Owner
from tasks.journal.fold import Policy
from tasks.journal.spool import LocalSpool
from tasks.protocols.budget import Budget
from tasks.protocols.http import Gateway
from tasks.protocols.redact import Redactor
from tasks.protocols.traffic import Traffic
from tasks.storage.fetch import Fetcher
from tasks.storage.inspect import Inspector
from tasks.storage.store import Store

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Services:
    """The shared parts of one process; made once per run, closed at its end."""

    options: RunOptions
    run_id: str
    family: str
    store: Store
    dataset: Dataset
    owner: Owner
    spool: LocalSpool
    table: ModelTable
    gateway: Gateway
    traffic: Traffic
    budget: Budget
    fetcher: Fetcher
    inspector: Inspector
    desk: InputDesk
    reader: Reader
    lost_and_found: LostAndFound
    policy: Policy
    redactor: Redactor
    progress: Progress
    stop: StopSignal
    gate: PartitionGate
    pace: Pace = field(default_factory=Pace)
    say: Callable[[str], None] = print
    limit_seq: int | None = None
    claim: Claim | None = None  # of a part with a budget
    fetched_for: set[str] = field(default_factory=set)  # keys whose known answer's bytes were asked for in this run
    started: float = field(default_factory=time.monotonic)
    rows_in_flight: int = 256

    async def patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """``work``, again while the store does not answer; see ``patience.patiently``."""
        return await patiently(work, self.pace.journal, self.stop)

    async def aclose(self) -> None:
        """Close clients and pools; the journal's partitions are closed by their runners."""
        await asyncio.gather(self.gateway.aclose(), self.fetcher.aclose())
        self.inspector.close()
        self.reader.close()
