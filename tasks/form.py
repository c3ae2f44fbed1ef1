"""The parameters of ``generate_dataset`` as a form: types with bounds, which Prefect checks, and what only we can.

A type's bounds go into the form that the UI draws; its words come from the flow's docstring.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.util import find_spec
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from catalogs.guide import AUTO
from catalogs.models import UnknownModel, find_model
from catalogs.money import parse_usd
from tasks.engine.options import Only, RunOptions, alone, form_of, options_of

Texts = Annotated[list[str], Field(min_length=1)]
Text = Annotated[str, Field(min_length=1)]
# a plain number in the form; Decimal by itself is drawn as a choice between a number and a text
Usd = Annotated[Decimal, Field(ge=0), WithJsonSchema({"type": "number", "minimum": 0})]
Count = Annotated[int, Field(ge=0)]
Calls = Annotated[int, Field(ge=1)]
Partitions = Annotated[int, Field(ge=1)]
Workers = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(ge=0)]
Rpms = dict[str, Annotated[float, Field(gt=0)]]
ProviderName = Literal["apiyi", "openai", "sandbox"]
OnUnknown = Literal["retry", "hold"]
Runner = Literal["local", "workers", "dask"]

__all__ = [
    "BadForm", "Calls", "Count", "OnUnknown", "Only", "Partitions", "ProviderName", "Rpms", "Runner", "Seconds",
    "Text", "Texts", "Usd", "Workers", "checked_options", "problems_of", "unreadable_rule",
]  # fmt: skip

_RIGHT = form_of(RunOptions(catalogs=("?",), dataset="?"))


@dataclass(frozen=True, slots=True)
class BadForm(Exception):
    """Parameters that cannot be meant; every problem at once."""

    problems: tuple[str, ...]

    def __str__(self) -> str:
        return "; ".join(self.problems)


def checked_options(form: Mapping[str, Any]) -> RunOptions:
    """The options of a form with models by their canonical ids, or ``BadForm`` with all that is wrong.

    Example: ``checked_options({"catalogs": ["a.csv"], "dataset": "out", "rpm": {"sora_image": 10}, …})``.
    """
    problems = problems_of(form)
    if problems:
        raise BadForm(problems)
    named = dict(form)
    for name in ("rpm", "price"):
        named[name] = {_canonical(model): value for model, value in (form[name] or {}).items()}
    if form["ocr"] not in ("local", "off"):
        named["ocr"] = _canonical(form["ocr"])
    return options_of(named)


def problems_of(form: Mapping[str, Any]) -> tuple[str, ...]:
    """All that is wrong with parameters that have the right types; what is left out is taken to be right."""
    return tuple(_problems(_RIGHT | dict(form)))


def _problems(form: Mapping[str, Any]) -> Iterator[str]:
    if not all(name.strip() for name in form["catalogs"]):
        yield "catalogs: an entry is empty"
    if not form["dataset"].strip():
        yield "dataset: name a folder or s3://bucket/prefix"
    if not (form["catalog_name"] or "a").isprintable():
        yield "catalog_name: it holds a control character"
    if form["model"] and not form["model"].startswith(AUTO):
        yield from _unknown("model", form["model"])
    if form["ocr"] not in ("local", "off"):
        yield from _unknown("ocr", form["ocr"])
    for name in ("rpm", "price"):
        for model in form[name] or {}:
            yield from _unknown(name, model)
    for model, usd in (form["price"] or {}).items():
        yield from _no_money(f"price of {model}", usd)
    for name in ("max_spend", "approve_above"):
        if form[name] is not None:
            yield from _no_money(name, str(form[name]))
    if form["workers"] is not None and form["runner"] == "local":
        yield "workers: only for the runners workers and dask"
    if form["runner"] == "dask" and find_spec("prefect_dask") is None:
        yield "runner: dask needs the package prefect-dask where the run is worked (.venv/bin/pip install -e '.[dask]')"
    if form["runner"] != "local":
        yield from alone(limit=form["limit"], max_takes=form["max_takes"])
    yield from unreadable_rule(form)


def unreadable_rule(form: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with an accept rule, if there is one."""
    from tasks.engine.analysis.accepting import accept_rule
    from tasks.engine.problems import InvalidCatalog

    try:
        accept_rule(form.get("accept"))
    except InvalidCatalog as error:
        yield from (f"accept: {problem.found}: {problem.allowed}" for problem in error.problems)


def _unknown(parameter: str, model: str) -> Iterator[str]:
    if parameter == "rpm" and model == "*":
        return
    try:
        find_model(model)
    except UnknownModel as error:
        yield f"{parameter}: {error}"


def _canonical(model: str) -> str:
    return model if model == "*" else find_model(model).id


def _no_money(name: str, usd: str) -> Iterator[str]:
    try:
        parse_usd(usd)
    except ValueError as error:
        yield f"{name}: {error}"
