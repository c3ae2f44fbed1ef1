"""``printroom``: parse the words, hand them to the verb's own file, turn mistakes into one clear line and exit 2."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from deployments.cli import arguments

VERBS = {
    "plan": "what a run would do and cost; spends nothing",
    "run": "plan, then do it",
    "status": "what the dataset holds and what is in flight, now",
    "report": "write the gallery and usage report again",
    "verify": "re-read every image and compare; exit 1 if anything is wrong",
    "models": "the model table: price, limits, sizes, URL life, life cycle",
    "sandbox": "the local gateway as a server of its own",
}


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="printroom",
        description="Prompt catalogs in, image datasets out. Never pays twice for the same picture.",
        epilog="exit codes: 0 every row succeeded · 1 verify found damage · 2 wrong use · 3 some rows not succeeded · "
        "4 stopped at the budget or not approved · 5 stopped by the provider · 130 interrupted, drained",
    )
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb, text in VERBS.items():
        if verb == "sandbox":
            verbs.add_parser(verb, help=text, add_help=False)
            continue
        getattr(arguments, f"add_{verb}")(verbs.add_parser(verb, help=text, description=text))
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; the process's exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["sandbox"]:
        return int(import_module("deployments.sandbox.main").main(words[1:]))
    args = parser().parse_args(words)
    try:
        return int(import_module(f"deployments.cli.{args.verb}").main(args))
    except arguments.UsageMistake as mistake:
        from deployments.cli.output import usage_problem

        return usage_problem(str(mistake), as_json=getattr(args, "json", False))
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
