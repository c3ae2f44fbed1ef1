"""What the command line prints: results on stdout, what is happening on stderr, problems all at once."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from catalogs.problems import escaped
from tasks.engine.problems import InvalidCatalog
from tasks.engine.running.result import EXIT_USAGE


def say(text: str) -> None:
    """One line about what is happening."""
    print(escaped(text), file=sys.stderr, flush=True)


def print_json(value: dict[str, Any]) -> None:
    """One JSON object as one line on stdout."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def usage_problem(*lines: str, as_json: bool) -> int:
    """Problems that are not in a catalog, a line each: exit code 2."""
    for line in lines:
        say(f"printroom: {line}")
    if as_json:
        print_json({"problems": [{"found": line} for line in lines]})
    return EXIT_USAGE


def catalog_problems(error: InvalidCatalog, *, as_json: bool) -> int:
    """Every problem of the catalogs, then how many: exit code 2."""
    for line in error.lines:
        say(line)
    say(f"{error.total:,} problem{'s' if error.total != 1 else ''}; nothing was spent")
    if as_json:
        print_json({"problems": [asdict(problem) for problem in error.problems]})
    return EXIT_USAGE


def table(rows: Iterable[Iterable[str]], *, right: frozenset[int] = frozenset()) -> str:
    """Text columns, the named ones aligned right."""
    cells = [[escaped(str(cell)) for cell in row] for row in rows]
    widths = [max(_width(row[i]) for row in cells) for i in range(len(cells[0]))]
    return "\n".join(
        "  ".join(_pad(cell, widths[i], right=i in right) for i, cell in enumerate(row)).rstrip() for row in cells
    )


def _width(text: str) -> int:
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _pad(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space
