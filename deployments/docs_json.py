"""What the objects that ``--json`` prints hold, for docs/commands.md. A test compares the keys with what is printed."""

from collections.abc import Mapping

INTRO = "With `--json` the last line of stdout is one object. Money is a decimal string, `null` where nobody knows."
PROBLEMS = (
    "Exit code 2 has one key, `problems`: a list of `found`, and for a catalog also `file`, `row_number`, `column`,\n"
    "`allowed`, `nearest` and `severity`."
)

KEYS: Mapping[str, Mapping[str, str]] = {
    "plan": {
        "rows": "requested results; n=4 is four",
        "reused": "are there already",
        "new": "would be bought",
        "waiting": "feed on a row that is not there yet",
        "readings": "would be read by a paid model",
        "left": "outcome → rows that wait for `--only`",
        "estimate_usd": "what the new ones usually cost",
        "at_most_usd": "what they cost if every call costs its worst case",
        "seconds": "how long it would take at your limits",
        "models": "model → `rows`, `new`, `estimate_usd`, `at_most_usd`",
        "retired": "a sentence for each model that is retired or retiring",
        "replaced": "with `--replace-retired`: `model`, `replacement`, rows and costs",
        "warnings": "warnings about the catalogs",
        "hints": "advice on prompts",
        "compare": "with `--compare`: `model`, `calls`, `of`, `estimate_usd`, `at_most_usd`, `life_cycle`",
    },
    "run": {
        "run_id": "the run, as in the manifest",
        "dataset": "where it worked",
        "manifest": "where its manifest is",
        "rows": "requested results of the catalogs; the six outcomes below add up to it",
        "succeeded": "have their picture or answer",
        "reused": "of those, cost nothing in this run",
        "refused": "see [outcomes](errors.md)",
        "failed": "the same",
        "unknown": "the same",
        "held": "the same",
        "pending": "the same",
        "cost_usd": "known cost of this run, readings included",
        "cost_at_risk_usd": "what calls of unknown outcome may have cost besides",
        "wall_s": "seconds from start to end",
        "paid_phase_s": "seconds of them in which calls were made",
        "acceptance": "with `--accept`: `rule`, `accepted`, `rejected`, `unjudged`, `bought`, `spent_usd`, "
        "`cost_per_accepted_usd`",
    },
    "status": {
        "dataset": "the dataset",
        "rows": "results in its journal; the six outcomes below add up to it",
        "succeeded": "see [outcomes](errors.md)",
        "refused": "the same",
        "failed": "the same",
        "unknown": "the same",
        "held": "the same",
        "pending": "the same",
        "reasons": "reason → results",
        "in_flight": "calls sent and not answered yet",
        "cost_usd": "known cost of all runs",
        "cost_at_risk_usd": "what calls of unknown outcome may have cost besides",
        "catalogs": "catalog → outcome → results",
        "unknown_attempts": "`row_id`, `catalog`, `model`, `reason`, `at`, `at_risk_usd` of each",
        "partitions": "how many the dataset has",
        "owners": "who has partitions open, a sentence each",
        "at_work": "what each process at work says of itself",
    },
    "verify": {
        "dataset": "the dataset",
        "ok": "whether there is no finding",
        "commit": "the commit that was checked",
        "rows": "rows of its manifest",
        "images": "pictures read",
        "size_bytes": "bytes read",
        "rebuilt": "whether `--rebuild-manifest` wrote it anew",
        "differing_partitions": "where it then differed",
        "findings": "`kind`, `key`, `detail` of each",
    },
    "reconcile": {
        "bill": "the file",
        "datasets": "what it was held against",
        "agrees": "whether exit code 0 follows",
        "matched": "charges that agree",
        "matched_usd": "their sum",
        "billed_not_recorded": "lines of the bill",
        "recorded_not_billed": "calls of the log",
        "different_amount": "pairs of `bill` and `call`",
        "billed_as_free": "pairs: billed although recorded as free",
        "unknown_billed": "pairs: calls of unknown outcome that the bill has",
        "unknown_not_billed": "calls of unknown outcome that it has not",
        "calls_outside_the_period": "calls before its first or after its last line",
        "lines_ignored": "top-ups, errors, other keys",
    },
    "export": {
        "to": "the folder",
        "commit": "the commit that was exported",
        "rows": "rows in the folder now",
        "images": "pictures in it",
        "copied": "of those, copied now",
        "left_out": "rows that were not asked for or not accepted",
        "damaged": "pictures that are not what the manifest says; exit code 1",
    },
    "expand": {
        "catalog": "the file",
        "rows": "rows in it",
        "warnings": "warnings about them",
    },
    "models": {
        "models": "facts of each model; with `--cost` `model`, `usd`, `low_usd`, `high_usd`, `assumption` and "
        "`life_cycle`",
        "pictures": "with `--cost`: N",
    },
}
