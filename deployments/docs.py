"""``make docs``: the pages and tables that come from the code. ``--check`` writes nothing and exits 1 if one is stale.

A page is generated whole; of README.md and docs/keep-a-budget.md only what stands between ``<!-- name -->`` and
``<!-- /name -->``.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from catalogs.calculator import compare
from catalogs.columns import COLUMNS
from catalogs.models import MODELS, named_successors
from catalogs.money import format_usd
from catalogs.price_rules import AS_OF
from catalogs.types import Model
from deployments import docs_catalog as catalog_words
from deployments import docs_json
from deployments import docs_words as words
from deployments.cli.main import EXIT_CODES, VERBS, verb_parser
from tasks.manifest.schema import CALL_COLUMNS, Column
from tasks.manifest.schema import COLUMNS as MANIFEST_COLUMNS
from tasks.manifest.usage_export import header_names
from tasks.protocols import error_table

ROOT = Path(__file__).resolve().parents[1]
_NOTE = "<!-- made by `make docs` from {}; edit that instead -->"


def pages() -> dict[str, str]:
    """Every page that is generated or has generated tables, by its path from the repository's root."""
    filled = {"README.md": blocks(), "docs/keep-a-budget.md": {"bill-columns": _bill_columns()}}
    return whole_pages() | {name: _filled(name, tables) for name, tables in filled.items()}


def whole_pages() -> dict[str, str]:
    """The pages of which every word is generated."""
    return {
        "docs/models.md": _models_page(),
        "docs/catalog.md": _catalog_page(),
        "docs/manifest.md": _manifest_page(),
        "docs/errors.md": _errors_page(),
        "docs/commands.md": _commands_page(),
    }


def blocks() -> dict[str, str]:
    """The generated tables of the README, by the name in their markers."""
    return {
        "costs": _costs(model for model in MODELS.values() if model.retired_on is None),
        "exit-codes": _table(["code", "meaning"], ([str(code), text] for code, text in EXIT_CODES.items())),
        "verbs": _table(["verb", "does"], ([f"`printroom {verb}`", text] for verb, text in VERBS.items())),
    }


def _filled(page: str, tables: Mapping[str, str]) -> str:
    content = (ROOT / page).read_text(encoding="utf-8")
    for name, table in tables.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not marked.search(content):
            raise ValueError(f"{page} has no markers for {name}")
        content = marked.sub(lambda found, text=table: f"{found[1]}{text}\n{found[2]}", content)  # type: ignore[misc]  # a default binds the loop's value
    return content


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _costs(models: Iterable[Model]) -> str:
    shown, rows = {model.id for model in models}, []
    for operation, what in (("generate", "pictures"), ("vision", "readings")):
        for row in compare(1_000, today=AS_OF, operation=operation):  # type: ignore[arg-type]  # both are operations
            if row.model.id not in shown:
                continue
            between = f"{format_usd(row.low_micros)} to {format_usd(row.high_micros)}"
            span = format_usd(row.low_micros) if row.low_micros == row.high_micros else between
            rows.append([f"`{row.model.id}`", what, format_usd(row.expected_micros), span, _life(row.model)])
    table = _table(["model", "1,000 of", "usually", "from … to", "life cycle"], rows)
    return f"{table}\n\nPrices as read on {AS_OF}."


def _life(model: Model) -> str:
    since = f"from {model.available_from}; " if model.available_from and model.available_from > AS_OF else ""
    if model.retired_on is None:
        return f"{since}current"
    instead = f", use {named_successors(model, '`')}" if model.replacement else ""
    return f"{since}{'retired' if model.retired_on <= AS_OF else 'retires'} {model.retired_on}{instead}"


_CATALOG_INTRO = (
    "A catalog is a CSV (comma, semicolon or tab; UTF-8 or GBK; every cell is text) or Parquet file with a header.\n"
    "Begin with [Your first catalog](your-first-catalog.md). Any other column is carried into the manifest's `tags`;\n"
    "write `tag:name` where a name is nearly one of these. Everything wrong in a file is listed at once."
)


def _catalog_page() -> str:
    note = _NOTE.format("`catalogs/` (columns, guide, templates) and `deployments/docs_*.py`")
    parts = [
        f"# Catalog columns\n{note}", _CATALOG_INTRO,
        _table(["column", "meaning"], ([f"`{name}`", words.COLUMNS[name]] for name in COLUMNS)),
        words.EXAMPLE, f"```csv\n{catalog_words.EXAMPLE}```",
        f"## `auto:` models\n{words.AUTO.format(AS_OF)}",
        _table(["model", "generate", "edit", "vision"], catalog_words.auto_rows(AS_OF)),
        f"## Templates\n{words.TEMPLATES}",
        _table(["template", "variables", "prompt"], catalog_words.template_rows()),
        f"## Styles\n{words.STYLES}", _table(["art_style", "adds"], catalog_words.style_rows()),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _models_page() -> str:
    parts = ["# Models", _NOTE.format("`catalogs/models_*.py`"), "", _MODELS_INTRO, "", _costs(MODELS.values())]
    for model in MODELS.values():
        parts += [f"\n## `{model.id}`", f"{model.title}. {model.note}".strip(), "", _table(["", ""], _facts(model))]
    return "\n".join(parts) + "\n"


_MODELS_INTRO = (
    "Every model Printroom knows. `printroom models` prints this table for today, `printroom models --cost 1000`\n"
    "compares prices. A model that is missing: [add it](add-a-model.md)."
)


def _facts(model: Model) -> Iterator[list[str]]:
    yield ["also called", ", ".join(f"`{name}`" for name in model.aliases) or "-"]
    yield ["does", ", ".join(f"{operation} (`{form}`)" for operation, form in model.formats.items())]
    yield [
        "price",
        f"{model.price.name} ({model.price.source}, read {model.price.as_of})" if model.price else "unknown",
    ]
    sizes = " ".join(model.sizes) + (" and any other of 16-pixel steps" if model.free_sizes else "")
    yield ["sizes", sizes or "-"]
    yield ["ratios", " ".join(model.ratios) or "-"]
    yield ["pictures per call", str(model.max_n)]
    yield ["parameters", ", ".join(f"`{name}`" for name in model.params) or "-"]
    yield ["input pictures", f"{model.max_images}, mask: {model.mask}" if model.max_images else "-"]
    limits = [f"{model.prompt_hard_limit:,} at most" if model.prompt_hard_limit else ""]
    limits += [f"{model.prompt_advised_limit:,} advised" if model.prompt_advised_limit else ""]
    yield ["prompt", f"{', '.join(text for text in limits if text)} ({model.prompt_unit})" if any(limits) else "-"]
    yield ["limits", f"{f'{model.rpm} a minute, ' if model.rpm else ''}{model.concurrency} in flight by default"]
    yield ["time-out", f"{model.timeout_s:g} s, usually {model.typical_latency_s:g} s"]
    yield ["answers with", model.result + (f", which lives {model.url_ttl_s // 60} min" if model.url_ttl_s else "")]
    yield ["life cycle", _life(model)]
    yield ["source", model.source]


def _column_rows(columns: Iterable[Column]) -> Iterator[list[str]]:
    for column in columns:
        if not column.internal:
            yield [f"`{column.name}`", f"{column.type}", column.description]


_MANIFEST_INTRO = (
    "`manifest.parquet`: one row per requested result, whatever its outcome. How to read it:\n"
    "[Read the manifest](read-the-manifest.md)."
)


def _manifest_page() -> str:
    header = ["column", "type", "meaning"]
    note = _NOTE.format("`tasks/manifest/schema.py`")
    calls = "## calls.parquet\nOne row per API call. Joins with the manifest on `result_key`."
    rows, call_rows = (_table(header, _column_rows(columns)) for columns in (MANIFEST_COLUMNS, CALL_COLUMNS))
    return "\n\n".join([f"# Manifest and call log\n{note}", _MANIFEST_INTRO, rows, calls, call_rows]) + "\n"


def _errors_page() -> str:
    reasons = ([f"`{name}`", outcome, text] for name, (outcome, text) in words.REASONS.items())
    header = ["rule", "class", "reason", "sent again", "charged", "codes", "types", "statuses"]
    by_words = [
        _table(["rule", "words"], ([_name(rule), f"`{pattern.pattern}`"] for pattern, rule in patterns))
        for patterns in (error_table.MESSAGES, error_table.SENTENCES)
    ]
    return "\n".join(
        [
            "# Outcomes, reasons and errors",
            _NOTE.format("`tasks/protocols/error_table.py` and `deployments/docs_words.py`"), "",
            "## `outcome_reason` in the manifest", "", _table(["reason", "outcome", "meaning"], reasons), "",
            "## What a gateway's error leads to",
            "An error is looked up by its code, then its type, then its words, then the HTTP status. What no rule",
            "knows is `unknown`: listed with what it may have cost, never a success.", "",
            _table(header, _rule_rows()), "",
            "## Words that tell an error or a refusal",
            "Regular expressions, tried in this order in an error's message:", "",
            by_words[0], "", "And in a text that came instead of a picture:", "", by_words[1], "",
        ]
    )  # fmt: skip


def _rules() -> dict[error_table.Rule, str]:
    """Every rule of the table, and the name it has there."""
    return {rule: name.lower() for name, rule in vars(error_table).items() if isinstance(rule, error_table.Rule)}


def _name(rule: error_table.Rule) -> str:
    return f"`{_rules()[rule]}`"


def _rule_rows() -> Iterator[list[str]]:
    tables = error_table.CODES, error_table.TYPES, error_table.STATUSES
    for rule in sorted(_rules(), key=lambda rule: (rule.error_class, rule.reason, rule.resend, rule.stage, rule.paid)):
        again = (
            "no" if not rule.resend else f"at most {rule.max_resends}×" if rule.max_resends else "yes, with patience"
        )
        stage = f" ({rule.stage})" if rule.stage != "unspecified" else ""
        yield [_name(rule), rule.error_class + stage, f"`{rule.reason}`", again, rule.paid,
               *(_of(table, rule) for table in tables)]  # fmt: skip


def _of(table: Mapping[Any, object], rule: object) -> str:
    return ", ".join(f"`{name}`" for name, its in table.items() if its == rule) or "-"


def _bill_columns() -> str:
    names = list(header_names())
    rows = ([text, ", ".join(f"`{n}`" for n, its in names if its == meaning)] for meaning, text in words.BILL.items())
    return _table(["column", "recognised by one of these headers"], rows)


def _commands_page() -> str:
    parts = ["# Commands", _NOTE.format("`deployments/cli/arguments.py`"), ""]
    for verb, does in VERBS.items():
        parts += [f"## `printroom {verb}`", f"{does[0].upper()}{does[1:]}.", ""]
        parts += [_table(["option", "meaning"], _option_rows(_parser(verb))), ""]
    parts += ["## JSON", docs_json.INTRO, docs_json.PROBLEMS, ""]
    for verb, keys in docs_json.KEYS.items():
        parts += [
            f"### `{verb} --json`",
            "",
            _table(["key", "value"], ([f"`{key}`", does] for key, does in keys.items())),
            "",
        ]
    parts += ["## Exit codes", "", blocks()["exit-codes"], ""]
    variables = ([f"`{name}`", text] for name, text in words.ENVIRONMENT.items())
    parts += ["## Environment", "", _table(["variable", "meaning"], variables), ""]
    return "\n".join(parts)


def _parser(verb: str) -> argparse.ArgumentParser:
    if verb == "sandbox":
        from deployments.sandbox.main import parser

        return parser()
    return verb_parser(verb)


def _option_rows(parser: argparse.ArgumentParser) -> Iterator[list[str]]:
    for action in parser._actions:  # noqa: SLF001 - argparse offers no other way to list its options
        if action.help == argparse.SUPPRESS or action.dest == "help":
            continue
        value = action.metavar or ("\\|".join(map(str, action.choices)) if action.choices else "")
        name = " ".join(part for part in ("/".join(action.option_strings), str(value)) if part)
        required = " (required)" if action.required and action.option_strings else ""
        yield [f"`{name.replace(chr(92), '')}`", f"{action.help or ''}{required}".replace("%%", "%")]


def main(argv: Sequence[str] | None = None) -> int:
    """Write what is stale, or with ``--check`` only say so."""
    check = "--check" in (sys.argv[1:] if argv is None else argv)
    stale = 0
    for name, text in pages().items():
        path = ROOT / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        print(f"{name}: {'stale, run make docs' if check else 'written'}")
        if not check:
            path.write_text(text, encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
