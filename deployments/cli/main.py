"""``printroom``: parse the words, hand them to the verb's own file, turn mistakes into one clear line and exit 2."""

import sys
from collections.abc import Sequence
from importlib import import_module

from deployments.cli import arguments
from deployments.cli.leaving import Exit
from deployments.cli.parsing import Parser, UsageMistake, did_you_mean
from deployments.cli.streams import never_stop_for_words

VERBS = {
    "plan": "what a run would do and cost; spends nothing",
    "run": "plan, then do it",
    "status": "what the dataset holds and what is in flight, now",
    "report": "write the gallery and usage report again",
    "verify": "re-read every image and compare; exit 1 if anything is wrong",
    "reconcile": "a gateway's usage export against the call log; exit 1 if they differ",
    "export": "training-ready copies: imagefolder, webdataset, csv",
    "expand": "a recipe's prompt matrix becomes a catalog",
    "models": "the model table: price, limits, sizes, URL life, life cycle",
    "sandbox": "the local gateway as a server of its own",
}
EXIT_CODES = {
    0: "every row succeeded",
    1: "verify or export found damage, or reconcile a difference",
    2: "wrong use, no key, dataset out of reach, or invalid catalog; nothing was spent",
    3: "finished, some rows refused, failed, unknown, held or pending (--limit)",
    4: "stopped at the budget, or approval declined or not given",
    5: "stopped by the provider (key rejected, balance exhausted) or because the dataset's store is away or full",
    130: "interrupted, drained",
}


def overview() -> str:
    """What ``printroom --help`` says: the verbs, the exit codes, where to begin."""
    verbs = "\n".join(f"  {verb:<11}{text}" for verb, text in VERBS.items())
    codes = "\n".join(f"  {code:<11}{text}" for code, text in EXIT_CODES.items())
    return (
        "usage: printroom VERB [options] | --version\n\n"
        "Prompt catalogs in, image datasets out. Never pays twice for the same picture.\n\n"
        f"verbs (printroom VERB --help explains each):\n{verbs}\n\n"
        f"exit codes:\n{codes}\n\n"
        "begin without a key:\n  printroom run catalogs/quickstart.csv --dataset datasets/quickstart --provider sandbox"
    )


def verb_parser(verb: str) -> Parser:
    """The options of one verb."""
    parser = Parser(f"printroom {verb}", VERBS[verb])
    getattr(arguments, f"add_{verb}")(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; the process's exit code. Without ``argv`` this is the process."""
    if argv is not None:
        return _main(list(argv))
    never_stop_for_words()
    leaving = Exit()
    leaving.code = _main(sys.argv[1:])
    return leaving.code


def _main(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview(), file=sys.stdout if words else sys.stderr)
        return 0 if words else 2
    if words == ["--version"]:
        from importlib.metadata import version

        print(f"printroom {version('printroom')}")
        return 0
    try:
        return _verb(words[0], words[1:])
    except UsageMistake as mistake:
        from deployments.cli.output import usage_problem

        return usage_problem(*mistake.lines, as_json="--json" in words)
    except KeyboardInterrupt:
        return 130


def _verb(verb: str, words: list[str]) -> int:
    if verb not in VERBS:
        raise UsageMistake(f"unknown verb {verb!r}: known are {', '.join(VERBS)}{did_you_mean(verb, list(VERBS))}")
    if verb == "sandbox":
        return int(import_module("deployments.sandbox.main").main(words))
    args = verb_parser(verb).parsed(words)
    return int(import_module(f"deployments.cli.{verb}").main(args))


if __name__ == "__main__":
    sys.exit(main())
