"""Prompts from templates and style presets: ``{name}`` becomes the cell of that column, and nothing else happens.

The rows stand in ``templates.toml``. A ``template`` cell may also hold the text itself (anything with a brace in it).
A value is inserted as it is: no attribute, index, conversion or format is looked at, and braces in it stay braces.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

STYLE_VARIABLE = "art_style"
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class TemplateError(ValueError):
    """No such template or style (``nearest`` is the most similar one), or values it needs are missing (``missing``)."""

    def __init__(self, message: str, *, missing: tuple[str, ...] = (), nearest: str | None = None) -> None:
        super().__init__(message + (f"; did you mean {nearest!r}?" if nearest else ""))
        self.missing = missing
        self.nearest = nearest


@dataclass(frozen=True, slots=True)
class Style:
    """A preset appended to a prompt."""

    names: tuple[str, ...]
    text: str
    join: str = ","


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a template, cut at its variables: ``literals`` has one more item than ``variables``."""

    literals: tuple[str, ...]
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """Parts joined into a prompt; a part whose optional variable is empty is left out."""

    names: tuple[str, ...]
    pieces: tuple[Piece, ...]
    variables: tuple[str, ...]  # in the order of their first use
    join: str = ""
    defaults: Mapping[str, str] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()


def _folded(name: str) -> str:
    return " ".join(re.split(r"[\s_-]+", name.strip().casefold()))


def cut(text: str) -> Piece:
    """The text cut at its ``{name}`` variables; ``{{`` and ``}}`` are braces. Raises TemplateError for a lone brace."""
    literals, variables, at = [""], list[str](), 0
    for match in _TOKEN.finditer(text):
        literals[-1] += text[at : match.start()]
        at = match.end()
        if match[0] in ("{{", "}}"):
            literals[-1] += match[0][0]
        elif match[1] is None or not match[1].strip():
            raise TemplateError(f"{match[0]!r} at character {match.start() + 1} names no column; write {{name}}")
        else:
            variables.append(match[1].strip())
            literals.append("")
    literals[-1] += text[at:]
    return Piece(tuple(literals), tuple(variables))


def _template(row: Mapping[str, Any]) -> Template:
    pieces = tuple(cut(part) for part in row["parts"])
    return Template(
        names=tuple(row["names"]),
        pieces=pieces,
        variables=tuple(dict.fromkeys(name for piece in pieces for name in piece.variables)),
        join=row.get("join", ""),
        defaults=row.get("defaults", {}),
        optional=frozenset(row.get("optional", ())),
    )


@lru_cache(maxsize=1)
def _tables() -> tuple[Mapping[str, Style], Mapping[str, Template]]:
    rows = tomllib.loads(Path(__file__).with_name("templates.toml").read_text(encoding="utf-8"))
    styles = [Style(tuple(row["names"]), row["text"], row.get("join", ",")) for row in rows["styles"]]
    templates = [_template(row) for row in rows["templates"]]
    return (
        {_folded(name): style for style in styles for name in style.names},
        {_folded(name): template for template in templates for name in template.names},
    )


def styles() -> tuple[Style, ...]:
    """Every style preset, in the order of the file."""
    return tuple(dict.fromkeys(_tables()[0].values()))


def templates() -> tuple[Template, ...]:
    """Every named template, in the order of the file."""
    return tuple({id(template): template for template in _tables()[1].values()}.values())


def _nearest(name: str, known: Mapping[str, Style] | Mapping[str, Template]) -> str | None:
    found = get_close_matches(_folded(name), known, n=1)
    return known[found[0]].names[0] if found else None


@lru_cache(maxsize=1024)
def find_style(name: str) -> Style:
    """The style preset of this name. Raises TemplateError with the nearest one."""
    known = _tables()[0]
    style = known.get(_folded(name))
    if style is None:
        offered = ", ".join(row.names[0] for row in styles())
        raise TemplateError(f"no style {name!r}: there are {offered}", nearest=_nearest(name, known))
    return style


@lru_cache(maxsize=4096)
def find_template(name: str) -> Template:
    """The template of this name, or the one that ``name`` itself spells out. Raises TemplateError with the nearest."""
    if "{" in name or "}" in name:
        return _template({"names": (), "parts": (name,)})
    known = _tables()[1]
    template = known.get(_folded(name))
    if template is None:
        offered = ", ".join(row.names[0] for row in templates())
        raise TemplateError(f"no template {name!r}: there are {offered}", nearest=_nearest(name, known))
    return template


def render(template_name: str, variables: Mapping[str, str]) -> str:
    """The prompt that the template makes of a row's cells; column names match in any case, an empty cell is no value.

    ``art_style`` names a preset and is replaced by its text. Raises TemplateError: unknown template or style, a
    malformed placeholder, or every missing variable at once.
    """
    template = find_template(template_name)
    values = _values(template, variables)
    missing = tuple(name for name, value in values.items() if not value and name not in template.optional)
    if missing:
        raise TemplateError(f"template {template_name!r} needs a value for {', '.join(missing)}", missing=missing)
    filled = (_filled(piece, values) for piece in template.pieces)
    return template.join.join([text for text in filled if text is not None])


def _values(template: Template, variables: Mapping[str, str]) -> dict[str, str]:
    in_any_case: dict[str, str] | None = None
    values = {}
    for name in template.variables:
        value = variables.get(name)
        if value is None:
            in_any_case = in_any_case or {column.casefold(): cell for column, cell in variables.items()}
            value = in_any_case.get(name.casefold(), "")
        if not value or value.isspace():
            value = template.defaults.get(name, "")
        elif name.casefold() == STYLE_VARIABLE:
            value = find_style(value).text
        values[name] = value
    return values


def _filled(piece: Piece, values: Mapping[str, str]) -> str | None:
    """The piece with its values in place; None if one of them is empty. Every row of a catalog comes by here."""
    text = piece.literals[0]
    for at, name in enumerate(piece.variables, 1):
        value = values[name]
        if not value:
            return None
        text += value + piece.literals[at]
    return text


def apply_style(prompt: str, art_style: str) -> str:
    """The prompt with the preset's text after it; unchanged for an empty ``art_style``. Raises TemplateError."""
    if not art_style.strip():
        return prompt
    style = find_style(art_style)
    return f"{prompt}{style.join}{style.text}"


def compose(prompt: str, template: str, variables: Mapping[str, str]) -> str:
    """A row's prompt: its own text or its template's, then its ``art_style``, unless the template has placed that.

    Raises TemplateError, also when the row has both a prompt and a template.
    """
    art_style = variables.get(STYLE_VARIABLE, "")
    if not template.strip():
        return apply_style(prompt, art_style)
    if prompt.strip():
        raise TemplateError("both prompt and template are given; leave one of them empty")
    placed = any(name.casefold() == STYLE_VARIABLE for name in find_template(template).variables)
    rendered = render(template, variables)
    return rendered if placed else apply_style(rendered, art_style)
