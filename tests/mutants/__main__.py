"""``make mutants``: change the code in small ways and see whether a test notices; a sample of each group, by seed.

mutmut makes the mutants, finds out which tests run through each function, and runs those against each mutant in a fork.
The groups are where a mistake costs money. A mutant counts as killed if a test fails or does not come to an end.
"""

import argparse
import dataclasses
import random
import sys
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from mutmut import __main__ as mutmut
from mutmut import configuration
from mutmut.core import MutmutCallStack
from mutmut.stats import status_by_exit_code

GROUPS = {
    "money": (
        "catalogs/money.py", "catalogs/price_rules.py", "catalogs/prices.py", "catalogs/token_prices.py",
        "tasks/protocols/budget.py", "tasks/manifest/money.py",
    ),
    "keys": ("catalogs/keys.py", "catalogs/identity.py", "tasks/engine/planning/keying.py", "tasks/storage/keys.py"),
    "classification": (
        "tasks/protocols/errors.py", "tasks/protocols/error_rules.py", "tasks/protocols/error_table.py",
        "tasks/protocols/body.py", "tasks/protocols/retry.py", "tasks/protocols/circuit.py",
    ),
    "journal": ("tasks/journal/*.py",),
}  # fmt: skip
BAR = 0.85
KILLED = {"killed", "timeout", "segfault"}


def names_of(group: str, every: Sequence[str]) -> list[str]:
    """The group's mutants, sorted."""
    modules = [path.removesuffix(".py").replace("/", ".") for path in GROUPS[group]]
    return sorted(name for name in every if any(fnmatch(name.rpartition(".")[0], module) for module in modules))


def generated() -> list[str]:
    """Every mutant there is, by name."""
    mutmut.copy_src_dir()
    mutmut.copy_also_copy_files()
    mutmut.setup_source_paths()
    mutmut.create_mutants(1)
    return [name for _, name, _ in mutmut.collect_source_file_mutation_data(mutant_names=())[0]]


def outcomes(names: Sequence[str]) -> dict[str, str]:
    """What became of each of these mutants."""
    found, _ = mutmut.collect_source_file_mutation_data(mutant_names=tuple(names))
    return {name: status_by_exit_code[code] for _, name, code in found}


def prepare() -> None:
    """mutmut's own settings from pyproject.toml, with our files, and without its notes on who called whom.

    Those live in a context variable that is reset when a function returns. Coroutines that share one context, as in
    the simulator, then reset it twice: a LookupError, and once a crash of the interpreter.
    """
    files = [path for paths in GROUPS.values() for path in paths]
    configuration._config = dataclasses.replace(configuration.config(), only_mutate=files)
    MutmutCallStack.set = classmethod(lambda _, value: value)
    MutmutCallStack.reset = classmethod(lambda _, token: None)
    Path("mutants").mkdir(exist_ok=True)
    for name in ("tests.mutants", "tests"):
        sys.modules.pop(name, None)  # pytest is to import those of the copy


def main() -> int:
    """Sample, run, print a line a group and every survivor; 1 if a group is below the bar."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--each", type=int, default=60, metavar="N", help="mutants a group; 0 = all (default 60)")
    parser.add_argument("--seed", type=int, default=8, metavar="N")
    parser.add_argument("--group", action="append", choices=GROUPS, help="only this group; repeatable")
    asked = parser.parse_args()
    prepare()
    every = generated()
    chosen: dict[str, list[str]] = {}
    for group in asked.group or GROUPS:
        all_of_it = names_of(group, every)
        count = min(asked.each or len(all_of_it), len(all_of_it))
        chosen[group] = random.Random(asked.seed).sample(all_of_it, count)
    mutmut._run([name for names in chosen.values() for name in names], 1)
    below = False
    for group, names in chosen.items():
        status = outcomes(names)
        counts = Counter(status.values())
        killed = sum(counts[each] for each in KILLED)
        below |= killed < BAR * len(names)
        total = len(names_of(group, every))
        print(f"{group}: {killed} of {len(names)} killed, {killed / len(names):.0%} (of {total:,}; {dict(counts)})")
        for name in sorted(name for name in names if status[name] not in KILLED):
            print(f"  {status[name]}: {name}")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
