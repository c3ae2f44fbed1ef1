"""``--again`` and ``--model`` beside ``--rows`` or ``--only``: for the rows that are taken up, and no others.

Which rows these are follows from what became of them on their own model and take, so that every plan of the run, and
the same run again, says the same. A row that feeds on another row, or on a URL, is judged by what it was made from.
"""

from dataclasses import replace

from catalogs.checks import on_model, recheck
from catalogs.guide import AUTO
from catalogs.models import UnknownModel, find_model, resolve
from catalogs.types import Problem, Row
from tasks.engine.options import RunOptions
from tasks.engine.planning.choosing_model import Ended, with_choice
from tasks.engine.planning.keying import bucket_of, plan_row, resolve_sources_of
from tasks.engine.planning.planned import Plan
from tasks.engine.planning.recorded import Recorded
from tasks.engine.planning.request import CatalogOrigin
from tasks.engine.problems import InvalidCatalog


def selective(options: RunOptions) -> bool:
    """Whether the run's model is for some rows only."""
    return bool(options.model) and (bool(options.rows) or options.only != "pending")


class Override:
    """Puts rows on the run's model. ``InvalidCatalog`` if nobody knows that model."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._model = (plan.options.model or "").strip()
        if self._model.casefold().startswith(AUTO):
            return
        try:
            find_model(self._model)
        except UnknownModel as error:
            files = ", ".join(plan.options.catalogs)
            found = Problem(file=files, row_number=None, column="model", found=self._model, allowed=str(error))
            raise InvalidCatalog([found]) from None

    def apply(self, row: Row) -> Row:
        """The row on the run's model."""
        return put_on(self._plan, row, self._model)


def put_on(plan: Plan, row: Row, model: str) -> Row:
    """The row on a model of this name; one of ``auto:`` is told when it is chosen."""
    if model.casefold().startswith(AUTO):
        return replace(row, model=model.casefold())
    return on_model(row, plan.table.get(resolve(model, row.operation)[0].id))


def retaken_on(plan: Plan, row: Row, model: str) -> Row | None:
    """The row on the model that an earlier run had it made on; None if, as it now is, that one cannot make it."""
    try:
        there = put_on(plan, row, model)
    except UnknownModel:
        return None
    fixed = not there.model.startswith(AUTO)
    wrong = recheck(there, plan.table.get(there.model)) if fixed else []
    return None if any(complaint.severity == "error" for complaint in wrong) else there


class Selection:
    """Which rows ``--rows`` and ``--only`` name."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._named = frozenset(plan.options.rows)
        self._recorded = Recorded(plan)
        self._word = "succeeded" if plan.options.only == "all-but-succeeded" else plan.options.only
        self._ended = Ended(plan, self._word)

    async def has(self, row: Row, origin: CatalogOrigin, take: int) -> bool:
        """Whether the row, at the take it has before this run, is among them."""
        plan = self._plan
        if self._named and row.row_id not in self._named:
            return False
        if plan.options.only == "pending":
            return True
        chosen = await with_choice(plan, row)
        sources = await resolve_sources_of(plan, row)
        if sources is None:
            ended = await self._recorded.outcome(chosen, origin, take) == self._word
        else:
            own = plan_row(plan, chosen, origin, 0, take, sources).wanted
            ended = await self._ended.has(own.key, bucket_of(plan, own))
        return ended is not (plan.options.only == "all-but-succeeded")
