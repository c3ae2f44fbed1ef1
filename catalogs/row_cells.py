"""The cells that differ from row to row, each read and checked by itself; complaints go to the row's list."""

from collections.abc import Callable, Sequence
from operator import itemgetter

from catalogs import cells as parse
from catalogs.checks import check_prompt, takes
from catalogs.problems import BadCell, Complaint, shown
from catalogs.shapes import Shape

MAX_TAKE = 1_000_000
MAX_ID_CHARS = 512


def read_take(text: str, found: list[Complaint]) -> int:
    """How often the request was asked for anew; 1 if the cell is empty."""
    try:
        return parse.whole_number(text, 1, MAX_TAKE, "take") if text else 1
    except BadCell as bad:
        found.append(bad.complaint("take", text))
        return 1


def judge_prompt(shape: Shape, prompt: str, found: list[Complaint]) -> None:
    """Complains about a missing or a long prompt."""
    if not prompt.strip():
        if shape.needs_prompt and not found:
            what = "the question" if shape.vision == "ask" else "a prompt, or a template and its columns"
            found.append(Complaint("prompt", "nothing", what, kind="no prompt"))
    elif shape.model is not None and (wrong := check_prompt(shape.model, prompt, shape.tag)):
        found.append(wrong)


def read_seed(shape: Shape, text: str, found: list[Complaint]) -> int | None:
    """The seed of the column, or of ``params``; both must agree."""
    if not text or shape.model is None:
        return shape.seed
    if shape.seed_rule is None:
        found.append(Complaint("seed", shown(text), takes(shape.model, shape.operation), kind="unknown parameter"))
        return None
    try:
        seed = parse.param(text, shape.seed_rule, f"seed for {shape.model.id}")
    except BadCell as bad:
        found.append(bad.complaint("seed", text))
        return None
    if shape.seed is not None and shape.seed != seed:
        found.append(Complaint("seed", shown(text), f"the same as in params, which is {shape.seed}"))
    return int(seed)


def read_id(text: str, found: list[Complaint]) -> str:
    """The row's own id; empty if it has none or it is not fit to be one."""
    if len(text) <= MAX_ID_CHARS and text.isprintable():
        return text
    allowed = f"at most {MAX_ID_CHARS} characters, none of them a control character"
    found.append(Complaint("id", shown(text), allowed, kind="id"))
    return ""


def as_written(text: str) -> list[str]:
    """The parts of a ``;``-separated cell."""
    return [part.strip() for part in text.split(";") if part.strip()]


def getter(positions: Sequence[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """A function that gives the cells at these positions, as a tuple whatever their number."""
    if len(positions) > 1:
        return itemgetter(*positions)
    if positions:
        only = positions[0]
        return lambda cells: (cells[only],)
    return lambda _: ()
