"""What the new rows of a plan would cost on other models: the same sizes, qualities and numbers, as far as they go."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from catalogs.models import MODELS, retirement
from catalogs.money import json_usd
from catalogs.prices import cap_micros, estimate_micros
from catalogs.types import Model, Operation, Row
from tasks.engine.planning.replacing import fitted
from tasks.journal.events import Wanted


class Shape(NamedTuple):
    """What of a call its price depends on."""

    operation: Operation
    n: int
    size: str | None
    quality: str | None
    inputs: int
    max_tokens: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnModel:
    """The plan's calls on one model, in micro-dollars; None = no price is known. ``calls`` it can make of ``of``."""

    model: Model
    calls: int
    of: int
    estimate_micros: int | None
    cap_micros: int | None
    retirement: str | None

    def as_dict(self) -> dict[str, Any]:
        """One entry of ``plan --compare --json``."""
        usd = (None if micros is None else json_usd(micros) for micros in (self.estimate_micros, self.cap_micros))
        return {
            "model": self.model.id, "calls": self.calls, "of": self.of,
            **dict(zip(("estimate_usd", "at_most_usd"), usd, strict=True)), "life_cycle": self.retirement,
        }  # fmt: skip


def shape_of(wanted: Wanted) -> Shape:
    """The shape of a planned call."""
    size, quality = wanted.params.get("size"), wanted.params.get("quality")
    inputs = len(wanted.input_sha256s) + (wanted.mask_sha256 is not None)
    tokens = wanted.params.get("max_tokens")
    return Shape(
        wanted.operation,  # type: ignore[arg-type]  # the journal keeps plain words
        wanted.samples, size and str(size), quality and str(quality), inputs, tokens,
    )  # fmt: skip


def on_other_models(shapes: Counter[Shape], models: Iterable[Model] = (), *, today: date) -> list[OnModel]:
    """One entry for each model that can make at least one of the calls: most calls first, then the cheapest."""
    found = [_on(model, shapes, today) for model in models or MODELS.values()]
    able = [each for each in found if each.calls]
    return sorted(able, key=lambda e: (-e.calls, e.estimate_micros is None, e.estimate_micros or 0, e.model.id))


def _on(model: Model, shapes: Counter[Shape], today: date) -> OnModel:
    estimates: list[int | None] = []
    caps: list[int | None] = []
    calls = 0
    for shape, count in shapes.items():
        if shape.operation not in model.formats or shape.inputs > max(model.max_images, 0) + (model.mask != "none"):
            continue
        calls += count
        for price, prices in ((estimate_micros, estimates), (cap_micros, caps)):
            prices.extend(_times(price(model, **asked), count) for asked in _asked(model, shape))
    return OnModel(
        model=model, calls=calls, of=shapes.total(), estimate_micros=_sum(estimates), cap_micros=_sum(caps),
        retirement=retirement(model, today),
    )  # fmt: skip


def _asked(model: Model, shape: Shape) -> list[dict[str, Any]]:
    """The calls that this model would need for one of the shape: several where it makes fewer pictures at once."""
    params = {"quality": shape.quality} if shape.quality else {}
    row = Row(row_id="", row_number=1, operation=shape.operation, model=model.id, prompt="", size=shape.size,
              params=params)  # fmt: skip
    fit, _ = fitted(row, model)
    same: dict[str, Any] = {
        "operation": shape.operation, "size": fit.size, "quality": fit.params.get("quality"),
        "input_images": shape.inputs, "max_tokens": shape.max_tokens,
    }  # fmt: skip
    whole, rest = divmod(shape.n, model.max_n)
    return [{**same, "n": n} for n in [model.max_n] * whole + ([rest] if rest else [])]


def _times(micros: int | None, count: int) -> int | None:
    return None if micros is None else micros * count


def _sum(amounts: list[int | None]) -> int | None:
    return None if None in amounts else sum(amount or 0 for amount in amounts)
