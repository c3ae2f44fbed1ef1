"""Accept rules over the manifest: which pictures of some catalogs are good enough, and what such a picture costs."""

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from catalogs.money import format_usd, json_usd
from catalogs.problems import escaped, shown
from catalogs.rules import BadRule, Kind, Rule, Verdict, parse_rule
from catalogs.types import Problem
from tasks.engine.options import RunOptions
from tasks.engine.problems import InvalidCatalog
from tasks.manifest.commits import newest_commit
from tasks.storage.store import Store

_BATCH_ROWS = 8_192


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Current pictures of a run's catalogs by the rule's verdict; money is of all their rows, earlier takes included.

    ``unjudged``: the rule hangs on a value that is not there, such as a picture that was not read. ``bought`` counts
    pictures of every take, whether current or not.
    """

    rule: str
    accepted: int = 0
    rejected: int = 0
    unjudged: int = 0
    bought: int = 0
    spent_micros: int = 0

    @property
    def per_accepted_micros(self) -> int | None:
        """What one accepted picture costs, rejected ones and readings included; None if there is none."""
        return round(self.spent_micros / self.accepted) if self.accepted else None

    def as_dict(self) -> dict[str, Any]:
        """The counts for ``--json``; money as decimal strings, null = no picture is accepted."""
        each = self.per_accepted_micros
        return {
            "rule": self.rule, "accepted": self.accepted, "rejected": self.rejected, "unjudged": self.unjudged,
            "bought": self.bought, "spent_usd": json_usd(self.spent_micros),
            "cost_per_accepted_usd": None if each is None else json_usd(each),
        }  # fmt: skip

    def line(self) -> str:
        """The same in one line."""
        unjudged = f", {self.unjudged:,} not judged (a value of the rule is not there)" if self.unjudged else ""
        each = (
            "" if self.per_accepted_micros is None else f"; {format_usd(self.per_accepted_micros)} per accepted picture"
        )
        counted = f"{self.accepted:,} pictures accepted, {self.rejected:,} rejected{unjudged}"
        return f"{counted}; {self.bought:,} bought for {format_usd(self.spent_micros)}{each}"


def rule_columns() -> Mapping[str, Kind]:
    """The manifest's columns as an accept rule may use them: those that the parts hold too."""
    from tasks.manifest import schema

    kinds: dict[Any, Kind] = {
        schema.TEXT: "text", schema.INT: "number", schema.LONG: "number", schema.REAL: "number",
        schema.USD: "number", schema.FLAG: "flag",
    }  # fmt: skip
    held = (field for field in schema.MANIFEST_SCHEMA if field.name in schema.PART_SCHEMA.names)
    return {field.name: kinds.get(field.type, "other") for field in held}


def check_accepting(options: RunOptions) -> None:
    """``InvalidCatalog`` if the rule cannot be read, or if there is a refill without a rule or by other processes."""
    if options.refills and options.runner != "local":
        allowed = "a refill is worked by the run itself: --runner local"
        found = f"--runner {options.runner}"
        raise InvalidCatalog([Problem(file="--max-takes", row_number=None, column=None, found=found, allowed=allowed)])
    if options.accept is None and (options.max_takes > 1 or options.accepted > 1):
        allowed = "a refill needs a rule that says what is accepted: --accept RULE"
        problem = Problem(file="--max-takes", row_number=None, column=None, found="no rule", allowed=allowed)
        raise InvalidCatalog([problem])
    accept_rule(options.accept)


def accept_rule(text: str | None) -> Rule | None:
    """The rule that ``--accept`` spells; ``InvalidCatalog`` with the one problem if it cannot be read."""
    if text is None:
        return None
    try:
        return parse_rule(text, rule_columns())
    except BadRule as error:
        allowed = escaped(str(error))
        problem = Problem(file="--accept", row_number=None, column=None, found=shown(text), allowed=allowed)
        raise InvalidCatalog([problem]) from None


def judge(rule: Rule, row: dict[str, Any]) -> Verdict:
    """The rule's verdict on a manifest row; ``tags`` may be the list of pairs that Arrow gives."""
    if isinstance(tags := row.get("tags"), list):
        row["tags"] = dict(tags)
    return rule.judge(row)


async def manifest_rows(
    store: Store, catalogs: Collection[str], columns: Collection[str]
) -> AsyncIterator[dict[str, Any]]:
    """The named columns of every row of some catalogs in the newest commit, part by part; nothing if there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    commit = await newest_commit(store)
    names = pa.array(sorted(catalogs))
    for file in commit.files if commit else ():
        part = pq.ParquetFile(pa.BufferReader(await store.get(file.key)))
        for batch in part.iter_batches(_BATCH_ROWS, columns=sorted({"catalog", *columns})):
            for row in batch.filter(pc.is_in(batch["catalog"], names)).to_pylist():
                yield row


async def acceptance(store: Store, rule: Rule, catalogs: Collection[str]) -> Acceptance:
    """How the pictures of ``catalogs`` stand under ``rule``."""
    verdicts: dict[Verdict, int] = {True: 0, False: 0, None: 0}
    bought, spent = 0, Decimal(0)
    columns = {"operation", "outcome", "current", "reused", "sample_index", "samples", "cost_usd", "ocr_cost_usd"}
    async for row in manifest_rows(store, catalogs, columns | rule.columns):
        if row["operation"] == "vision":
            continue
        spent += (row["cost_usd"] or 0) + (row["ocr_cost_usd"] or 0)
        if row["outcome"] == "succeeded" and row["sample_index"] < row["samples"]:
            bought += not row["reused"]
            verdicts[judge(rule, row)] += bool(row["current"])
    return Acceptance(
        rule=rule.text, accepted=verdicts[True], rejected=verdicts[False], unjudged=verdicts[None], bought=bought,
        spent_micros=int(spent * 1_000_000),
    )  # fmt: skip
