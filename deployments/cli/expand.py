"""``printroom expand``: a recipe becomes a catalog. Spends nothing; a wrong recipe leaves no file behind."""

import argparse
import os
import tempfile
from pathlib import Path

from catalogs.expanding import Expanded, Kind, expand
from catalogs.problems import Problems
from catalogs.recipe import Recipe, read_recipe
from deployments.cli.output import catalog_problems, print_json, say
from deployments.cli.parsing import UsageMistake
from tasks.engine.problems import InvalidCatalog
from tasks.engine.running.result import EXIT_OK

_KINDS: dict[str, Kind] = {".csv": "csv", ".parquet": "parquet"}


def main(args: argparse.Namespace) -> int:
    """Read the recipe, write the catalog, say how many rows it has."""
    target = Path(args.output)
    kind = _KINDS.get(target.suffix.lower())
    if kind is None:
        raise UsageMistake(f"-o {args.output}: a catalog's name ends in .csv or .parquet")
    recipe = _read(args.recipe)
    expanded = _expand(recipe, target, kind)
    if expanded.problems:
        return _wrong(expanded.problems, as_json=args.json)
    for line in expanded.problems.lines():
        say(line)
    if args.json:
        print_json({"catalog": str(target), "rows": expanded.rows, "warnings": list(expanded.problems.lines())})
    else:
        print(f"{target}: {expanded.rows:,} rows")
    return EXIT_OK


def _read(path: str) -> Recipe:
    try:
        with Path(path).open("rb") as source:
            return read_recipe(source, path)
    except OSError as error:
        raise UsageMistake(f"{path}: {error.strerror or error}") from None


def _expand(recipe: Recipe, target: Path, kind: Kind) -> Expanded:
    """Write beside the target, then replace it: an earlier catalog stays whole until the new one is."""
    try:
        number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise UsageMistake(f"-o {target}: {error.strerror or error}") from None
    made = Path(name)
    try:
        with os.fdopen(number, "wb") as out:
            expanded = expand(recipe, out, kind=kind, base=str(target.parent.resolve()))
        if not expanded.problems:
            made.chmod(0o666 & ~_umask())
            made.replace(target)
        return expanded
    finally:
        made.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _wrong(problems: Problems, *, as_json: bool) -> int:
    found = InvalidCatalog(problems.errors, list(problems.lines()), problems.error_count)
    return catalog_problems(found, as_json=as_json)
