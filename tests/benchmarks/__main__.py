"""``make bench``: every figure that speed, memory and cost are held to, beside its bar, in one table.

``python -m tests.benchmarks [NAME[:PART] …] [--scale F]`` measures some of them (``marginal:noise``: a part of one).
CPU is that of a contender's whole process tree; the gateway is another process and is not counted. On a shared machine
compare CPU and ratios, not seconds.
"""

import argparse
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from tests.benchmarks import growth, marginal, planning, puts, saturation, soaking, starting
from tests.benchmarks.finding import HEAD, Finding, lines

Benchmark = Callable[..., Iterator[Finding]]
BENCHMARKS: dict[str, Benchmark] = {
    "marginal": marginal.findings,
    "saturation": saturation.findings,
    "rate": saturation.rate_findings,
    "growth": growth.findings,
    "planning": planning.findings,
    "starting": starting.findings,
    "puts": puts.findings,
    "soak": soaking.findings,
}
PARTS: dict[str, Collection[str]] = {
    "marginal": marginal.SERVED,
    "saturation": saturation.LOADS,
    "planning": planning.PARTS,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 if a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(_names())} (default: all)")
    parser.add_argument("--scale", type=float, default=1.0, help="times the number of rows (default 1)")
    parser.add_argument("--keep", type=Path, help="a folder to work in and leave behind")
    args = parser.parse_args(argv)
    if unknown := [name for name in args.names if name not in _names()]:
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    print(HEAD)
    missed = False
    with tempfile.TemporaryDirectory(prefix="printroom-bench-") as folder:
        for name in args.names or BENCHMARKS:
            name, _, part = name.partition(":")
            (place := (args.keep or Path(folder)) / name).mkdir(parents=True, exist_ok=True)
            only = {"only": part} if part else {}
            for finding in BENCHMARKS[name](place, scale=args.scale, **only):
                print(*lines([finding]), sep="\n", flush=True)
                missed = missed or finding.verdict == "MISSED"
    return int(missed)


def _names() -> list[str]:
    return [*BENCHMARKS, *(f"{name}:{part}" for name, parts in PARTS.items() for part in parts)]


if __name__ == "__main__":
    raise SystemExit(main())
