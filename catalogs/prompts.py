"""The prompt of a row: its own text, or a template filled from its other columns; the ratio tag told apart."""

import re
from collections.abc import Sequence

from catalogs.columns import VARIABLES, Layout
from catalogs.problems import Complaint, escaped, shown
from catalogs.templates import TemplateError, compose, find_style

_TAG = re.compile(r"\s*【\s*([0-9]{1,4})\s*[:\uff1a]\s*([0-9]{1,4})\s*】\s*\Z")
_LABELS = ("template", "art_style", *VARIABLES)


class Prompts:
    """Makes prompts for the rows of one file. ``plain``: a prompt is its cell, and nothing else has to be looked at."""

    def __init__(self, layout: Layout) -> None:
        at = layout.at
        self._prompt, self._template, self._style = at.get("prompt"), at.get("template"), at.get("art_style")
        self.plain = self._prompt is not None and self._template is None and self._style is None
        self._labels = [(name, at[name]) for name in _LABELS if name in at and name not in layout.tags]
        columns = {**layout.tags, **{name: place for name, place in at.items() if name not in ("prompt", "template")}}
        self._variables = list(columns.items())

    @property
    def has_labels(self) -> bool:
        """Whether the file has a column of ``labels``."""
        return bool(self._labels)

    def labels(self, cells: Sequence[str]) -> dict[str, str]:
        """Template, style and scene words of a row as tags, so that results can be compared by them."""
        return {name: cells[place] for name, place in self._labels if cells[place]}

    def render(self, cells: Sequence[str], found: list[Complaint]) -> str:
        """The prompt, with complaints added to ``found``; empty if the row has none."""
        prompt = "" if self._prompt is None else cells[self._prompt]
        template = "" if self._template is None else cells[self._template]
        style = "" if self._style is None else cells[self._style]
        if template.strip() and prompt.strip():
            found.append(Complaint("template", shown(template), "a prompt or a template, not both", kind="template"))
            return prompt
        column = "art_style"
        try:
            if style.strip():
                find_style(style)
            column = "template"
            return compose(prompt, template, {name: cells[place] for name, place in self._variables if cells[place]})
        except TemplateError as error:
            text = template if column == "template" else style
            allowed = escaped(str(error).partition("; did you mean")[0][:400])
            found.append(Complaint(column, shown(text), allowed, error.nearest, kind=column))
            return prompt or template


def split_tag(prompt: str) -> tuple[str, str | None]:
    """A prompt without the ratio tag 【2:3】 at its very end, and that ratio."""
    match = _TAG.search(prompt)
    return (prompt[: match.start()], f"{int(match[1])}:{int(match[2])}") if match else (prompt, None)
