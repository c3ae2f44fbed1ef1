"""What a user may ask of a run: the options of ``printroom run`` and of the Prefect form, as one frozen value."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, TypeVar

from catalogs.models import MEANT_BY
from catalogs.money import parse_usd, usd_decimal
from catalogs.types import Model

T = TypeVar("T")
Only = Literal["pending", "failed", "refused", "unknown", "held", "all-but-succeeded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Choices of one run. Money in micro-dollars; ``None`` = no limit or the table's own value."""

    catalogs: tuple[str, ...]
    dataset: str
    provider: str | None = None
    model: str | None = None
    catalog_name: str | None = None
    max_spend_micros: int | None = None
    approve_above_micros: int | None = None
    only: Only = "pending"
    rows: tuple[str, ...] = ()
    again: bool = False
    limit: int | None = None
    concurrency: int | None = None
    rpm: dict[str, float] = field(default_factory=dict)
    ocr: str = "local"  # "local", "off", or a vision model's id
    on_unknown: Literal["retry", "hold"] = "retry"
    prices: dict[str, str] = field(default_factory=dict)  # model -> USD, as typed
    replace_retired: bool = False
    accept: str | None = None
    accepted: int = 1  # pictures a row needs that the rule accepts
    max_takes: int = 1  # of a row, refills included; 1 = no refill
    grace_s: float = 20.0
    partitions: int | None = None
    runner: Literal["local", "workers", "dask"] = "local"
    workers: int | None = None  # None: as many as the runner thinks right

    def rpm_of(self, model: Model) -> float | None:
        """Requests a minute of a model: what the user says of it, else of every model (``*``), else the table."""
        stated = {**self.meant(self.rpm), **self.rpm}
        return stated.get(model.id, stated.get("*", model.rpm))

    def meant(self, by_name: Mapping[str, T]) -> dict[str, T]:
        """What is said of models that rows mean by a reader's name, unless it reads in this run."""
        return {MEANT_BY[name]: said for name, said in by_name.items() if name in MEANT_BY and name != self.ocr}

    def concurrency_of(self, model: Model) -> int:
        """Calls in flight of a model."""
        return self.concurrency or model.concurrency

    @property
    def refills(self) -> bool:
        """Whether rejected pictures are to be taken again."""
        return self.accept is not None and self.max_takes > 1


def options_of(form: Mapping[str, Any]) -> RunOptions:
    """Options from the parameters of the Prefect form, which bear the names of the command line's."""
    return RunOptions(
        catalogs=tuple(form["catalogs"]),
        dataset=os.path.expanduser(form["dataset"]),  # noqa: PTH111 - a path would take a slash out of s3://
        provider=form["provider"],
        model=form["model"],
        catalog_name=form["catalog_name"],
        max_spend_micros=_micros(form["max_spend"]),
        approve_above_micros=_micros(form["approve_above"]),
        only=form["only"],
        rows=tuple(form["rows"] or ()),
        again=form["again"],
        limit=form["limit"],
        concurrency=form["concurrency"],
        rpm=dict(form["rpm"] or {}),
        ocr=form["ocr"],
        on_unknown=form["on_unknown"],
        prices=dict(form["price"] or {}),
        replace_retired=form["replace_retired"],
        accept=form["accept"],
        accepted=form.get("accepted") or 1,
        max_takes=form.get("max_takes") or 1,
        grace_s=form["grace"],
        partitions=form["partitions"],
        runner=form["runner"],
        workers=form["workers"],
    )


def form_of(options: RunOptions) -> dict[str, Any]:
    """The parameters that lead to ``options``: what the command line shows on the page of its run."""
    return {
        "catalogs": list(options.catalogs),
        "dataset": options.dataset,
        "provider": options.provider and options.provider.strip().casefold(),
        "model": options.model,
        "catalog_name": options.catalog_name,
        "max_spend": _usd(options.max_spend_micros),
        "approve_above": _usd(options.approve_above_micros),
        "only": options.only,
        "rows": list(options.rows) or None,
        "again": options.again,
        "limit": options.limit,
        "concurrency": options.concurrency,
        "rpm": options.rpm or None,
        "ocr": options.ocr,
        "on_unknown": options.on_unknown,
        "price": options.prices or None,
        "replace_retired": options.replace_retired,
        "accept": options.accept,
        "accepted": options.accepted,
        "max_takes": options.max_takes,
        "grace": options.grace_s,
        "partitions": options.partitions,
        "runner": options.runner,
        "workers": options.workers,
    }


def _micros(usd: Decimal | None) -> int | None:
    return None if usd is None else parse_usd(str(usd))


def _usd(micros: int | None) -> Decimal | None:
    return None if micros is None else usd_decimal(micros)


def alone(*, limit: int | None, max_takes: int) -> Iterator[str]:
    """What only a run in one process can do: parts see neither each other's rows nor each other's refills."""
    if limit is not None:
        yield "limit: only for the runner local"
    if max_takes > 1:
        yield "max_takes: only for the runner local"
