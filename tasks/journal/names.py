"""The names of the journal's objects below a dataset, and back.

``journal/<partition>/<seq>.jsonl``        segments; zero-padded, so that names sort as numbers do
``journal/<partition>/late/<key>.<attempt>``  answers whose owner was fenced or died
``journal/heartbeats/<owner token>``       one counter per run
``journal/claims/<run id>/<number>``       who may spend a run's budget in which partitions; see engine/shared/claim.py
"""

from dataclasses import dataclass
from urllib.parse import quote, unquote

HEARTBEATS = "journal/heartbeats/"
CLAIMS = "journal/claims/"


@dataclass(frozen=True, slots=True, order=True)
class AnswerId:
    """The name of one paid answer: its partition ("07"), call key and attempt."""

    partition: str
    key: str
    attempt: str


def partition_prefix(partition: str) -> str:
    """Lists all of a partition, its segments first."""
    return f"journal/{partition}/"


def segments_prefix(partition: str) -> str:
    """Lists segments only: ten digits hold no number that starts with anything but 0, and ``late/`` does not."""
    return f"journal/{partition}/0"


def segment_name(partition: str, seq: int) -> str:
    """The object of segment ``seq``, counted from 1."""
    return f"journal/{partition}/{seq:010d}.jsonl"


def segment_seq(name: str) -> int:
    """The number of the segment called ``name``."""
    return int(name[-16:-6])


def late_prefix(partition: str, key: str | None = None) -> str:
    """Lists the late answers of a partition, or of one key (and of keys that begin with it)."""
    return f"journal/{partition}/late/{quote(key, safe='') if key else ''}"


def late_name(answer: AnswerId) -> str:
    """The object a late answer is kept in."""
    return f"{late_prefix(answer.partition, answer.key)}.{answer.attempt}"


def late_answer(name: str) -> AnswerId:
    """The answer kept in the object called ``name``; an attempt holds no dot, a key may."""
    _, partition, _, rest = name.split("/", 3)
    key, _, attempt = rest.rpartition(".")
    return AnswerId(partition, unquote(key), attempt)


def heartbeat_name(token: str) -> str:
    """The counter of the run whose owner has ``token``."""
    return HEARTBEATS + token


def claims_prefix(run_id: str) -> str:
    """Lists the claims of a run, the last one last."""
    return f"{CLAIMS}{run_id}/"


def claim_name(run_id: str, number: int) -> str:
    """The claim ``number``, counted from 1, of a run."""
    return f"{claims_prefix(run_id)}{number:08d}"
