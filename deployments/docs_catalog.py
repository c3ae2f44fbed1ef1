"""The words that a catalog may use, as rows of the tables on its page: the guide's, the templates', the styles'."""

from collections.abc import Iterator, Mapping
from datetime import date

from catalogs.guide import AUTO, GUIDE, choose
from catalogs.templates import Template, styles, templates
from catalogs.types import Operation

_OPERATIONS: tuple[Operation, ...] = ("generate", "edit", "vision")

EXAMPLE = """\
id,operation,model,prompt,images,vision
vase,,auto:social,"An empty vase by a window, soft light",,
tulips,edit,auto:edit,Put red tulips into the vase,photos/vase.png,
night,edit,auto:edit,"The same at night, by candlelight",row:vase,
count,vision,auto:ocr,What is standing on the table?,row:night,ask
"""


def auto_rows(today: date) -> Iterator[list[str]]:
    """Each word of the guide, and the model that it means for each operation."""
    for word, ranked in GUIDE.items():
        models = (f"`{choose(word, operation, today).id}`" if operation in ranked else "-" for operation in _OPERATIONS)
        yield [f"`{AUTO}{word}`", *models]


def template_rows() -> Iterator[list[str]]:
    """Each template: its names, its variables, and what it makes of them."""
    for template in templates():
        text = template.join.join(_text(template)).replace("\n", " ⏎ ")
        yield [_names(template.names), ", ".join(_variables(template)), f"`{text}`"]


def style_rows() -> Iterator[list[str]]:
    """Each style: its names, and what it adds to a prompt."""
    for style in styles():
        yield [_names(style.names), style.text]


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _variables(template: Template) -> Iterator[str]:
    defaults: Mapping[str, str] = template.defaults
    for name in template.variables:
        default = f" (default {defaults[name]})" if name in defaults else ""
        yield f"`{name}`{default}{' (may be empty)' if name in template.optional else ''}"


def _text(template: Template) -> Iterator[str]:
    for piece in template.pieces:
        variables = [*(f"{{{name}}}" for name in piece.variables), ""]
        yield "".join(literal + name for literal, name in zip(piece.literals, variables, strict=True))
