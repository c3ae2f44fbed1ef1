"""Reads the cells of one combination (see ``shapes``) and checks them against the model, complaining about each."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeVar

from catalogs import cells as parse
from catalogs.answers import JSON_SCHEMA
from catalogs.checks import check_json_params, fit_frame, takes
from catalogs.columns import PARAM_COLUMNS, SHAPE_COLUMNS
from catalogs.guide import AUTO, GuideError, choose
from catalogs.models import MODELS, UnknownModel, names_of, params_for, resolve, retirement
from catalogs.problems import BadCell, Complaint, escaped, one_of, shown
from catalogs.shapes import Shape
from catalogs.types import Json, Model, Operation, VisionTask

OPERATIONS: tuple[Operation, ...] = ("generate", "edit", "vision")
VISION_TASKS: tuple[VisionTask, ...] = ("ocr", "describe", "compare", "ask")
T = TypeVar("T")
_NAMES = frozenset(name.casefold() for model in MODELS.values() for name in names_of(model))


def read_shape(
    texts: Mapping[str, str],
    *,
    override: str | None,
    today: date,
    model_of: Callable[[str], Model],
    hints: bool = True,
    only_empty: bool = False,
) -> Shape:
    """The shape of the cells of ``SHAPE_COLUMNS``; ``override`` replaces the row's own model.

    ``only_empty``: it does so only where the row names none.

    ``hints`` false: an unknown model is not compared with every known name. ``model_of``: a model's row by its id.
    """
    stripped = {name: texts.get(name, "").strip() for name in SHAPE_COLUMNS}
    reading = _Reading(stripped, hints=hints, model_of=model_of)
    shape = reading.shape
    known = reading.operation()
    own = texts.get("model", "").strip()
    override = None if own and only_empty else override
    if known:
        shape.model_name, shape.model = reading.model(override or own, today, by_option=bool(override))
    reading.vision(known=known)
    shape.ocr = reading.get("ocr", parse.truth) or False
    if shape.ocr and shape.operation == "vision":
        allowed = "vision makes no picture to read back; vision=ocr reads the given ones"
        reading.complain("ocr", allowed)
    if shape.model is not None:
        reading.fit(shape.model)
    else:
        reading.read_anyhow()
    shape.own_model = _canonical(own, shape.operation) if override else shape.model_name
    return shape.settle()


class _Reading:
    """Cells of one combination on their way to a shape, with every complaint collected."""

    def __init__(self, texts: Mapping[str, str], *, hints: bool, model_of: Callable[[str], Model]) -> None:
        self.texts = texts
        self.hints, self.model_of = hints, model_of
        self.shape = Shape()

    def complain(self, column: str, allowed: str, *, nearest: str | None = None, kind: str = "wrong value") -> None:
        text = self.texts[column]
        found = shown(text) if text else "nothing"
        self.shape.remarks.append(Complaint(column, found, allowed, nearest, kind=kind))

    def get(self, column: str, read: Callable[[str], T]) -> T | None:
        """The value of a cell; None if it is empty or wrong (then it is complained about)."""
        text = self.texts[column]
        if not text:
            return None
        try:
            return read(text)
        except BadCell as bad:
            self.shape.remarks.append(bad.complaint(column, text))
            return None

    def operation(self) -> bool:
        """Reads the operation; False if it cannot be told."""
        name = self.get("operation", lambda text: parse.choice(text, OPERATIONS, "operation"))
        self.shape.operation = next((known for known in OPERATIONS if known == name), "generate")
        return name is not None or not self.texts["operation"]

    def model(self, text: str, today: date, *, by_option: bool) -> tuple[str, Model | None]:
        """(name as a row carries it, model to check against); (…, None) if it cannot be told or cannot do it."""
        shape = self.shape
        if not text:
            self.complain(
                "model", "a model id, an alias or auto:<purpose>; --model sets it for all rows", kind="no model"
            )
            return "", None
        try:
            name, model, warning = self._resolve(text, today)
        except UnknownModel as unknown:
            allowed = "a model of the table (printroom models) or auto:<purpose>"
            self._unknown(text, allowed, unknown.nearest, by_option=by_option)
            return "", None
        except GuideError as unknown:
            allowed = escaped(str(unknown).partition("; did you mean")[0][:400])
            self._unknown(text, allowed, unknown.nearest, by_option=by_option)
            return "", None
        if shape.operation not in model.formats:
            column = "operation" if self.texts["operation"] else "model"
            found = shown(self.texts["operation"] or text)
            allowed = f"{model.id} does only {one_of(model.formats)}"
            shape.remarks.append(Complaint(column, found, allowed, kind="operation not offered", about_file=by_option))
            return name, None
        for said, clause in ((text, warning), (model.id, retirement(model, today))):
            if clause:
                warned = Complaint("model", shown(said), clause, severity="warning", kind="model", about_file=True)
                shape.remarks.append(warned)
        return name, model

    def _resolve(self, text: str, today: date) -> tuple[str, Model, str | None]:
        operation, folded = self.shape.operation, text.casefold()
        if folded.startswith(AUTO):
            name = AUTO + folded[len(AUTO) :].strip()
            return name, self.model_of(choose(name, operation, today).id), None
        if not self.hints and folded not in _NAMES:
            raise UnknownModel(text, None)
        model, warning = resolve(text, operation)
        return model.id, self.model_of(model.id), warning

    def _unknown(self, text: str, allowed: str, close: str | None, *, by_option: bool) -> None:
        found = Complaint("model", shown(text), allowed, close, kind="unknown model", about_file=by_option)
        self.shape.remarks.append(found)

    def vision(self, *, known: bool) -> None:
        shape = self.shape
        task = self.get("vision", lambda text: parse.choice(text, VISION_TASKS, "vision"))
        shape.vision = next((name for name in VISION_TASKS if name == task), None)
        if not known:
            return
        if shape.operation == "vision" and not self.texts["vision"]:
            self.complain("vision", f"operation vision needs one of {one_of(VISION_TASKS)}")
        elif shape.operation != "vision" and task is not None:
            self.complain("vision", f"empty for {shape.operation}, or operation vision")

    def fit(self, model: Model) -> None:
        """Reads what only makes sense for a model: size, ratio, n, parameters."""
        shape = self.shape
        columns = self._param_columns(model)
        from_json = self._json(model)
        for name in columns.keys() & from_json.keys():
            if columns[name] != from_json[name]:
                self.complain("params", f"{name} once: here or in the column {name}")
        shape.params = {**from_json, **columns}
        shape.seed = shape.params.pop("seed", None)
        self._frame(model)
        high = 1 if shape.operation == "vision" else model.max_n
        shape.n = self.get("n", lambda text: parse.whole_number(text, 1, high, f"n for {model.id}")) or 1

    def read_anyhow(self) -> None:
        """Finds what is wrong whatever the model, so that it is not left for the next time."""
        self.get("n", lambda text: parse.whole_number(text, 1, 10, "n"))
        self.get("params", parse.json_object)
        for column in ("size", "ratio"):
            self.get(column, parse.ratio if self._holds_ratio(column) else parse.size)

    def _param_columns(self, model: Model) -> dict[str, Json]:
        found: dict[str, Json] = {}
        rules = params_for(model, self.shape.operation)
        for name in PARAM_COLUMNS:
            if not self.texts.get(name) or (name == "aspect_ratio" and model.ratio_as == "aspect_ratio"):
                continue
            if name not in rules:
                close = "ratio" if name == "aspect_ratio" and model.ratios else None
                self.complain(name, takes(model, self.shape.operation), nearest=close, kind="unknown parameter")
                continue
            rule, what = rules[name], f"{name} for {model.id}"
            value = self.get(name, lambda text, rule=rule, what=what: parse.param(text, rule, what))  # type: ignore[misc]
            if value is not None:
                found[name] = value
        return found

    def _json(self, model: Model) -> dict[str, Json]:
        given = self.get("params", parse.json_object) or {}
        wrong = check_json_params(model, self.shape.operation, given)
        self.shape.remarks.extend(wrong)
        rules = params_for(model, self.shape.operation)
        if JSON_SCHEMA in given and self.shape.vision == "ocr":
            allowed = "json_schema is for describe, compare and ask; ocr gives text"
            self.shape.remarks.append(Complaint("params", JSON_SCHEMA, allowed, kind="json_schema"))
        if wrong:
            return {}
        return {k: v if k == JSON_SCHEMA else parse.json_param(v, rules[k], k) for k, v in given.items()}

    def _frame(self, model: Model) -> None:
        """Size and ratio, each allowed in either column, as the model wants to be told."""
        shape, sizes, ratios = self.shape, list[tuple[str, str]](), list[tuple[str, str]]()
        for column in ("size", "ratio", "aspect_ratio"):
            if column == "aspect_ratio" and model.ratio_as != "aspect_ratio":
                continue
            as_ratio = self._holds_ratio(column)
            value = self.get(column, parse.ratio if as_ratio else parse.size)
            if value is not None:
                (ratios if as_ratio else sizes).append((column, value))
        if in_json := shape.params.pop("aspect_ratio", None) if model.ratio_as == "aspect_ratio" else None:
            ratios.append(("params", in_json))
        given = sizes + ratios
        if len({parse.proportion(value) for _, value in given}) > 1 or len({value for _, value in sizes}) > 1:
            self.complain(given[-1][0], f"the same as {given[0][0]}, which is {given[0][1]}; one of them is enough")
        elif given and shape.operation == "vision":
            self.complain(given[0][0], "empty: vision makes no picture")
        elif given:
            self._tell(model, sizes, ratios)

    def _holds_ratio(self, column: str) -> bool:
        text = self.texts[column]
        return parse.is_ratio(text) or (column != "size" and "x" not in text.lower())

    def _tell(self, model: Model, sizes: list[tuple[str, str]], ratios: list[tuple[str, str]]) -> None:
        shape = self.shape
        column, _ = (sizes + ratios)[0]
        shape.asked = sizes[0][1] if sizes else None, ratios[0][1] if ratios else None
        try:
            shape.size, shape.ratio = fit_frame(model, shape.operation, *shape.asked)
        except BadCell as bad:
            shape.remarks.append(bad.complaint(column, self.texts[column]))


def _canonical(own: str, operation: Operation) -> str:
    if own.casefold().startswith(AUTO):
        return own.casefold()
    try:
        return resolve(own, operation)[0].id if own else ""
    except UnknownModel:
        return own
