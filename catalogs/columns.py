"""The columns a catalog may have, and what a header row makes of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from catalogs.problems import Complaint, escaped, shown

VARIABLES = ("subject", "time", "weather", "mood", "environment", "lighting", "quality_words")
PARAM_COLUMNS = (
    "seed",
    "quality",
    "style",
    "aspect_ratio",
    "safety_tolerance",
    "prompt_upsampling",
    "background",
    "output_format",
)
# Cells of these columns repeat from row to row, so a whole combination is checked once (see ``shapes``).
SHAPE_COLUMNS = (
    "operation",
    "model",
    "size",
    "ratio",
    "n",
    *(name for name in PARAM_COLUMNS if name != "seed"),
    "params",
    "vision",
    "ocr",
)
COLUMNS = (
    "id",
    "prompt",
    "template",
    "art_style",
    *VARIABLES,
    *SHAPE_COLUMNS,
    "seed",
    "take",
    "images",
    "mask",
    "expected_text",
)
TAG_PREFIX = "tag:"
MAX_COLUMNS = 2_000

# Parameters of image requests in general. A column with such a name was meant to be sent, not to be a label.
REQUEST_PARAMETERS = frozenset(
    {
        *("cfg_scale", "extra_body", "frequency_penalty", "guidance", "guidance_scale", "height", "image_size"),
        *("image_url", "input_fidelity", "input_image", "input_image_2", "input_image_3", "input_image_4"),
        *("max_tokens", "messages", "moderation", "negative_prompt", "num_images", "num_inference_steps"),
        *("output_compression", "partial_images", "presence_penalty", "response_format", "sampler", "steps"),
        *("stream", "top_p", "user", "webhook_secret", "webhook_url", "width"),
    }
)


@dataclass(slots=True)
class Layout:
    """Where in a row each column stands: known columns by name, tags by their name in the manifest."""

    width: int = 0
    at: dict[str, int] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)  # the header's own spelling, by position
    unnamed: list[int] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        """Whether rows below this header can say what they want."""
        return bool(self.at.keys() & {"prompt", "template", "vision"})


def read_header(header: Sequence[str], known_params: Collection[str]) -> Layout:
    """The layout a header row gives, with every complaint about it.

    A misspelt known name stands for the name it is near to, so that the rows below can still be checked.
    ``known_params`` are the request parameters of the model table.
    """
    layout = Layout(width=len(header), names=[name.strip() for name in header])
    if layout.width > MAX_COLUMNS:
        allowed = f"at most {MAX_COLUMNS:,}"
        layout.complaints.append(Complaint(None, f"{layout.width:,} columns", allowed, kind="too many columns"))
        return layout
    params = REQUEST_PARAMETERS | frozenset(known_params)
    own = [name.lower() for name in layout.names]
    for position, name in enumerate(layout.names):
        _place(layout, position, name, params, taken=own)
    if not layout.usable:
        layout.complaints.append(_no_prompt(layout.names))
    return layout


def _place(layout: Layout, position: int, name: str, params: Collection[str], *, taken: Sequence[str]) -> None:
    lower = name.lower()
    if not name:
        layout.unnamed.append(position)
    elif lower in layout.at or lower.removeprefix(TAG_PREFIX).strip() in {tag.lower() for tag in layout.tags}:
        layout.complaints.append(Complaint(name, shown(name) + " twice", "a header names each column once"))
    elif lower in COLUMNS:
        layout.at[lower] = position
    elif lower.startswith(TAG_PREFIX) and len(lower) > len(TAG_PREFIX):
        layout.tags[name[len(TAG_PREFIX) :].strip()] = position
    elif lower in params:
        allowed = f"a request parameter stands in the column params as JSON; a label is written tag:{name}"
        layout.complaints.append(Complaint(name, shown(name), allowed, "params", kind="request parameter as column"))
    elif near := near_column(lower):
        allowed = f"a column {near}; a label of your own with this name is written tag:{escaped(name[:60])}"
        layout.complaints.append(Complaint(name, shown(name), allowed, near, kind="misspelt column"))
        if near not in taken:
            layout.at.setdefault(near, position)
    else:
        layout.tags[name] = position


def near_column(name: str) -> str | None:
    """The known column that ``name`` (lower case) is a slip of the keyboard away from, or None.

    One slip; two in names of nine letters and more. The first letter must agree, and names of four letters allow
    only a swap, a doubled letter or a plural: ``site``, ``task`` and ``food`` are good labels.
    """
    squeezed = _squeeze(name)
    for column in COLUMNS:
        target = _squeeze(column)
        if squeezed == target or (len(target) > 3 and _is_slip(squeezed, target)):
            return column
    return None


def _squeeze(name: str) -> str:
    return "".join(c for c in name if c not in " _-.")


def _is_slip(word: str, target: str) -> bool:
    if abs(len(word) - len(target)) > 2 or (word[:1] != target[0] and word[:2] != target[1] + target[0]):
        return False
    if len(target) == 4:
        swaps = {target[:i] + target[i + 1] + target[i] + target[i + 2 :] for i in range(1, 3)}
        doubles = {target[:i] + target[i] + target[i:] for i in range(4)}
        return word in swaps | doubles | {target + "s"}
    return slips(word, target) <= (2 if len(target) >= 9 else 1)


def slips(word: str, target: str) -> int:
    """Letters left out, put in, changed or swapped with their neighbour between two words."""
    before: list[int] = []
    row = list(range(len(target) + 1))
    for i, letter in enumerate(word, 1):
        before, above, row = row, before, [i]
        for j, wanted in enumerate(target, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == target[j - 2] and word[i - 2] == wanted:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]


def _no_prompt(names: Sequence[str]) -> Complaint:
    found = "columns " + shown(", ".join(names)) if any(names) else "no header"
    allowed = "the first row names the columns; one of them is prompt, template or vision"
    return Complaint(None, found, allowed, kind="no header")
