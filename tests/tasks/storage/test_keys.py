"""Names of objects: where images live, and what hostile ids become."""

import random
import string
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.storage.keys import BadKey, check_key, image_key, slug

LONG = ["x" * 241, "猫" * 81, "a/" * 451 + "a"]
SHA = "ab" + "0" * 62
SAFE = set(string.ascii_letters + string.digits + "._-")
NASTY = (
    "..",
    "/",
    "\\",
    "\x00",
    ".",
    "-",
    "％",
    "\u202e",
    "\ud800",
    "CON",
    "~",
    "$(x)",
    " ",
    "é",
    "e\u0301",
    "猫",
    "\n",
)


@pytest.mark.parametrize(
    ("image_format", "key"),
    [
        ("png", f"images/ab/{SHA}.png"),
        ("jpeg", f"images/ab/{SHA}.jpg"),
        ("webp", f"images/ab/{SHA}.webp"),
    ],
)
def test_an_image_lives_under_its_content_and_is_named_after_what_it_is(image_format, key):
    assert image_key(SHA, image_format) == key


@pytest.mark.parametrize(
    ("sha256", "image_format"), [(SHA.upper(), "png"), ("../" * 21 + "x", "png"), (SHA, "gif"), ("", "png")]
)
def test_an_image_key_is_made_of_a_digest_and_a_known_format_only(sha256, image_format):
    with pytest.raises(BadKey):
        image_key(sha256, image_format)


def hostile_ids(count: int) -> set[str]:
    rng = random.Random(4)
    pieces = [*NASTY, *"aAbB01-_.", "row-", "x" * 70]
    ids: set[str] = set()
    while len(ids) < count:
        ids.add("".join(rng.choice(pieces) for _ in range(rng.randint(0, 9))))
    return ids


def test_ten_thousand_hostile_ids_never_escape_and_never_collide():
    names = [slug(identifier) for identifier in hostile_ids(10_000)]
    for name in names:
        assert_harmless(name)
    assert len({name.casefold() for name in names}) == len(names) == 10_000


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(st.text())
def test_no_text_at_all_makes_a_slug_that_escapes(identifier):
    assert_harmless(slug(identifier))


def assert_harmless(name: str) -> None:
    assert set(name) <= SAFE
    assert len(name) <= 77
    assert name[0] != "."
    assert ".." not in name
    assert check_key(f"journal/late/{name}") == str(PurePosixPath("journal/late", name))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a", "A"),
        ("a/b", "a-b"),
        ("é", "e\u0301"),
        ("x" * 64 + "1", "x" * 64 + "2"),
        ("", "id"),
        ("a", "a "),
        (".", ".."),
    ],
)
def test_ids_that_look_alike_get_different_slugs(one, other):
    assert slug(one).casefold() != slug(other).casefold()


def test_a_slug_stays_readable_and_is_always_the_same():
    assert slug("row-0042.v1").startswith("row-0042.v1-")
    assert slug("cat 猫/1") == slug("cat 猫/1")
    assert slug("猫").startswith("id-")


@pytest.mark.parametrize("key", ["a", "a/b.c", "journal/00/0000000001.jsonl", "é/猫", "x" * 240, "a b#c%d+e~f"])
def test_an_ordinary_key_passes(key):
    assert check_key(key) == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/..",
        "a/.b",
        "\x00",
        "a\n",
        "a\x7f",
        "a\\b",
        "e\u0301",
        "\ud800",
        *LONG,
    ],
)
def test_a_key_that_a_store_could_misread_is_refused(key):
    with pytest.raises(BadKey):
        check_key(key)
