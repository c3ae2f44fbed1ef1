"""One file in which nothing runs but what was written here."""

import base64
import hashlib
import json
import re

import pytest

from tasks.report.gallery import GalleryOptions, _meta, render
from tasks.report.page import build_page, safe_json
from tasks.report.thumbs import Thumbs
from tasks.report.totals import totals_of
from tests.tasks.report.made import HOSTILE, hostile_manifest, small_manifest


@pytest.mark.parametrize("text", [*HOSTILE, "&amp;", "春日茶会", "\U0001f600", "\x00\x1f"])
def test_any_text_survives_the_page_and_none_can_end_the_script(text: str) -> None:
    written = safe_json({text: [text]})
    assert json.loads(written) == {text: [text]}
    assert not set("<>&\u2028\u2029") & set(written)


def test_a_number_that_json_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        safe_json(float("nan"))


def gallery(table: object) -> str:
    options = GalleryOptions(dataset='/data/"><script>window.pwned=1</script>')
    meta = _meta(totals_of(table), options, 0, 1, left_out=0, late=0)
    return render(table, meta, Thumbs(frozenset()), None, options).decode()


def test_the_policy_allows_exactly_the_page_s_own_script_and_style() -> None:
    page = gallery(small_manifest())
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.group(1).split("; "))
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        body = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert body is not None
        digest = base64.b64encode(hashlib.sha256(body.group(1).encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert rules["default-src"] == "'none'"
    assert "http" not in policy.group(1)


@pytest.mark.parametrize("table", [small_manifest(), hostile_manifest()], ids=["plain", "hostile"])
def test_a_page_has_one_script_that_runs_and_no_other_way_to_run_one(table: object) -> None:
    page = gallery(table)
    tags = re.findall(r"<script[^>]*>", page)
    assert tags.count("<script>") == 1
    assert {tag for tag in tags if tag != "<script>"} == {
        f'<script type="application/json" id="{name}">' for name in ("meta", "index", "detail", "thumbs")
    }
    assert not re.search(r"<[^>]+\son\w+=", page.split("<script", maxsplit=1)[0])
    assert "innerHTML" not in page


def test_a_title_is_text() -> None:
    page = build_page(title="</title><script>", body="", styles=(), scripts=("theme.js",)).decode()
    assert "<title>&lt;/title&gt;&lt;script&gt;</title>" in page
