"""One HTML file out of a body, styles, scripts and data: nothing in it can run that was not written here.

Data stands in the page as JSON in which no character can end a script or a string; scripts and styles are named by
their hash in the policy, so that neither a prompt nor a saved copy can add one.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

_UNSAFE = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def safe_json(value: Any) -> str:
    """JSON that may stand inside a ``<script>`` element: ``<``, ``>``, ``&``, U+2028 and U+2029 are escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_UNSAFE).encode("utf-8", "replace").decode("utf-8")


def asset(name: str) -> str:
    """A file of ``assets/``."""
    return resources.files("tasks.report").joinpath("assets", name).read_text(encoding="utf-8")


def build_page(
    *,
    title: str,
    body: str,
    styles: Sequence[str],
    scripts: Sequence[str],
    data: Mapping[str, Any] | None = None,
    image_sources: Sequence[str] = (),
) -> bytes:
    """The file. ``body`` is trusted HTML; ``data`` maps element ids to values; ``title`` is any text."""
    style = "\n".join(asset(name) for name in styles)
    script = "(() => {\n'use strict';\n" + "\n".join(asset(name) for name in scripts) + "\n})();"
    blocks = "\n".join(
        f'<script type="application/json" id="{name}">{safe_json(value)}</script>'
        for name, value in (data or {}).items()
    )
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, script, image_sources)}">',
            '<meta name="referrer" content="no-referrer">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>",
            body,
            blocks,
            f"<script>{script}</script>\n</body>\n</html>\n",
        )
    ).encode("utf-8", "replace")


def _policy(style: str, script: str, image_sources: Sequence[str]) -> str:
    images = " ".join(("data:", *image_sources))
    rules = (
        "default-src 'none'",
        f"script-src '{_hash(script)}'",
        f"style-src '{_hash(style)}'",
        f"img-src {images}",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
    return escape("; ".join(rules), quote=True).replace("&#x27;", "'")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
