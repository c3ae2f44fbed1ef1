"""Whether a model can do what a row asks: size, ratio, parameters, prompt length, pictures. Pure, one check each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from catalogs.answers import JSON_SCHEMA, schema_fault
from catalogs.cells import json_param, parse_sides, proportion
from catalogs.models import accepts_size, params_for, prompt_length
from catalogs.problems import BadCell, Complaint, nearest, one_of, shown
from catalogs.types import ImageRef, Json, Model, Operation, Row, VisionTask

_SIDE_STEP_PX = 16
_USUAL_PIXELS = 1024 * 1024
# Parameters that a row gives in a column of their own, never inside ``params``.
_OWN_COLUMN = {"prompt": "prompt", "model": "model", "n": "n", "size": "size", "ratio": "ratio", "image": "images"}
_OWN_COLUMN |= {"images": "images", "mask": "mask", "take": "take", "operation": "operation", "vision": "vision"}


def fit_size(model: Model, operation: Operation, size: str) -> str:
    """``size`` if it may be sent; BadCell names what may."""
    if accepts_size(model, operation, size):
        return size
    sizes = [option for option in model.sizes if accepts_size(model, operation, option)]
    if sizes:
        more = ", or sides in steps of 16 from 1:3 to 3:1" if model.free_sizes else ""
        raise BadCell(f"{model.id} takes {one_of(sizes)}{more}", nearest=nearest_size(size, sizes))
    if model.ratios:
        same = [option for option in model.ratios if proportion(option) == proportion(size)]
        allowed = f"{model.id} takes no size for {operation}, but a ratio: {one_of(model.ratios)}"
        raise BadCell(allowed, nearest=same[0] if same else None)
    raise BadCell(f"{model.id} takes no size for {operation}")


@lru_cache(maxsize=4096)
def fit_ratio(model: Model, operation: Operation, ratio: str) -> tuple[str | None, str | None]:
    """(size, ratio) as the model wants to be told: a ratio, or else the size that has exactly this ratio."""
    wanted = proportion(ratio)
    if model.ratio_as is not None:
        for option in model.ratios:
            if proportion(option) == wanted:
                return None, option
        raise BadCell(f"{model.id} takes {one_of(model.ratios)}", nearest=nearest_size(ratio, model.ratios))
    sizes = [option for option in model.sizes if accepts_size(model, operation, option)]
    fitting = [option for option in sizes if proportion(option) == wanted]
    if fitting:
        return (model.default_size if model.default_size in fitting else fitting[-1]), None
    if wanted is not None and (free := _free_size(model, operation, wanted)):
        return free, None
    known = [str(proportion(option)).replace("/", ":") for option in sizes if option != "auto"]
    if not known:
        raise BadCell(f"{model.id} takes no ratio for {operation}")
    known = [option if ":" in option else f"{option}:1" for option in dict.fromkeys(known)]
    raise BadCell(f"{model.id} takes {one_of(known)}, by its sizes {one_of(sizes)}", nearest=nearest_size(ratio, known))


def fit_frame(model: Model, operation: Operation, size: str | None, ratio: str | None) -> tuple[str | None, str | None]:
    """(size, ratio) as the model wants to be told what a row asks for by the one, the other, or both."""
    if ratio is not None and (size is None or not model.sizes):
        return fit_ratio(model, operation, ratio)
    return (None if size is None else fit_size(model, operation, size)), None


def on_model(row: Row, model: Model) -> Row:
    """The row on another model, its size or ratio as that one is told it. What does not fit is left to ``recheck``."""
    try:
        size, ratio = fit_frame(model, row.operation, *row.asked)
    except BadCell:
        size, ratio = row.asked
    return replace(row, model=model.id, size=size, ratio=ratio)


def nearest_size(size: str, options: Sequence[str]) -> str | None:
    """The option (all sizes, or all ratios) whose shape is most like that of ``size``, the less scaled first."""
    wanted = parse_sides(size)
    sides = {option: parsed for option in options if (parsed := parse_sides(option))}
    if wanted is None or not sides:
        return None

    def distance(option: str) -> tuple[float, float]:
        wide, high = (math.log(mine / theirs) for mine, theirs in zip(sides[option], wanted, strict=True))
        return abs(wide - high), abs(wide + high)

    return min(sides, key=distance)


def _free_size(model: Model, operation: Operation, wanted: Fraction) -> str | None:
    """The size of this ratio that is nearest to one megapixel, for a model that takes any."""
    if not model.free_sizes:
        return None
    step_px = _SIDE_STEP_PX
    steps = range(1, 1 + model.max_side_px // (step_px * max(wanted.numerator, wanted.denominator)))
    options = [(wanted.numerator * step_px * k, wanted.denominator * step_px * k) for k in steps]
    options.sort(key=lambda sides: abs(sides[0] * sides[1] - _USUAL_PIXELS))
    names = (f"{width_px}x{height_px}" for width_px, height_px in options)
    return next((name for name in names if accepts_size(model, operation, name)), None)


def check_json_params(model: Model, operation: Operation, params: Mapping[str, Json]) -> list[Complaint]:
    """What is wrong with the keys and values of a ``params`` object for this model."""
    return [found for key, value in params.items() if (found := _json_param(model, operation, key, value))]


def _json_param(model: Model, operation: Operation, key: str, value: Json) -> Complaint | None:
    rules = params_for(model, operation)
    if key == JSON_SCHEMA and operation == "vision":
        fault = schema_fault(value)
        return Complaint("params", JSON_SCHEMA, fault, kind="json_schema") if fault else None
    if key in _OWN_COLUMN and key not in rules:
        column = _OWN_COLUMN[key]
        return Complaint("params", shown(key), f"{key} stands in the column {column}", column, kind="unknown parameter")
    if key not in rules:
        return Complaint("params", shown(key), takes(model, operation), nearest(key, rules), kind="unknown parameter")
    try:
        json_param(value, rules[key], f"{model.id} takes as {key}")
    except BadCell as bad:
        return bad.complaint("params", str(value))
    return None


def takes(model: Model, operation: Operation) -> str:
    """``dall-e-3 takes quality, style or user for generate``."""
    rules = params_for(model, operation)
    return f"{model.id} takes {one_of(sorted(rules)) if rules else 'no further parameters'} for {operation}"


def check_prompt(model: Model, prompt: str, tag: str = "") -> Complaint | None:
    """A prompt over the model's hard limit (error) or advised limit (warning), ratio tag included."""
    length = prompt_length(model, prompt + tag)
    unit = {"chars": "characters", "bytes": "bytes in UTF-8", "tokens": "tokens (estimated)"}[model.prompt_unit]
    hard, advised = model.prompt_hard_limit, model.prompt_advised_limit
    if hard is not None and length > hard:
        allowed = f"{model.id} takes at most {hard:,} {unit}"
        return Complaint("prompt", f"a prompt of {length:,} {unit}", allowed, kind="prompt too long")
    if advised is not None and length > advised:
        allowed = f"for {model.id} at most {advised:,} {unit} are advised"
        return Complaint("prompt", f"a prompt of {length:,} {unit}", allowed, severity="warning", kind="long prompt")
    return None


def check_images(
    model: Model, operation: Operation, vision: VisionTask | None, images: Sequence[ImageRef], mask: ImageRef | None
) -> list[Complaint]:
    """Too few or too many pictures, and a mask where none is used. A ``row:`` without ``#`` counts as one here."""
    count, found = len(images), []
    if operation == "generate":
        if count:
            allowed = "generate takes no pictures; operation edit does"
            found.append(Complaint("images", _pictures(count), allowed, kind="pictures not used"))
    elif not count:
        found.append(Complaint("images", "nothing", f"{operation} needs at least one picture", kind="no pictures"))
    elif vision == "compare" and count < 2 and not any(ref.kind == "row" and ref.sample is None for ref in images):
        found.append(Complaint("images", _pictures(count), "compare needs at least two pictures", kind="no pictures"))
    elif count > model.max_images:
        found.append(too_many(model, count))
    if mask is not None:
        found.extend(_mask(model, operation))
    return found


def too_many(model: Model, count: int) -> Complaint:
    """The complaint about more pictures than the model takes."""
    return Complaint("images", _pictures(count), f"{model.id} takes at most {model.max_images}", kind="many pictures")


def check_picture(
    model: Model, picture_format: str, width_px: int, height_px: int, size_bytes: int
) -> Complaint | None:
    """A picture of another shape or of more bytes than the model takes (error), or than is advised (warning).

    The bytes of a picture that must be re-encoded first say nothing yet.
    """
    if model.square_png_only and width_px != height_px:
        found = f"a picture of {width_px}x{height_px}"
        return Complaint("images", found, f"{model.id} takes only square pictures", kind="picture shape")
    if picture_format not in model.image_formats:
        return None
    found, advised = f"a picture of {size_bytes:,} bytes", model.advised_image_bytes
    if size_bytes > model.max_image_bytes:
        allowed = f"{model.id} takes pictures of at most {model.max_image_bytes:,} bytes"
        return Complaint("images", found, allowed, kind="large picture")
    if advised is not None and size_bytes > advised:
        allowed = f"for {model.id} at most {advised:,} bytes are advised"
        return Complaint("images", found, allowed, severity="warning", kind="large picture")
    return None


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"


def _mask(model: Model, operation: Operation) -> list[Complaint]:
    if operation != "edit":
        return [Complaint("mask", "a mask", f"{operation} takes no mask; operation edit does", kind="mask")]
    if model.mask == "none":
        return [Complaint("mask", "a mask", f"{model.id} takes no mask", kind="mask")]
    if model.mask == "ignored":
        allowed = f"{model.id} ignores masks and draws the whole picture anew"
        return [Complaint("mask", "a mask", allowed, severity="warning", kind="mask", about_file=True)]
    return []


def recheck(row: Row, model: Model) -> list[Complaint]:
    """What stands against sending a checked row to another model than the one it was checked for.

    For ``auto:`` models that a dataset has fixed earlier, and for replacing retired ones.
    """
    if row.operation not in model.formats:
        return [Complaint("operation", row.operation, f"{model.id} does only {one_of(model.formats)}")]
    found = check_json_params(model, row.operation, row.params)
    for column, fit, text in (("size", fit_size, row.size), ("ratio", fit_ratio, row.ratio)):
        try:
            _ = fit(model, row.operation, text) if text else None
        except BadCell as bad:
            found.append(bad.complaint(column, text or ""))
    if row.n > model.max_n:
        found.append(Complaint("n", str(row.n), f"{model.id} takes n up to {model.max_n}"))
    tag = f"【{row.ratio}】" if row.ratio and model.ratio_as == "tag" else ""
    prompt = check_prompt(model, row.prompt, tag)
    return [
        *found,
        *([prompt] if prompt else []),
        *check_images(model, row.operation, row.vision, row.images, row.mask),
    ]
