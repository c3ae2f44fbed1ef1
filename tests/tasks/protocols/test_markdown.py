"""Pictures are found in chat content in the order of trust, traps avoided, in linear time."""

import re
import time
from collections.abc import Callable

import pytest

from tasks.protocols.markdown import find_pictures
from tasks.protocols.pictures import decode_base64, picture_from_item

A, B = "https://cdn.example/a.png", "https://cdn.example/b.webp?x=1&y=(2)"

CONTENTS = [
    ("an image", f"![x]({A})", (A,)),
    ("a title in double quotes", f'![x]({A} "t (i) tle")', (A,)),
    ("a title in single quotes", f"![x]({A} 't')", (A,)),
    ("angle brackets", f"![x](<{A}>)", (A,)),
    ("angle brackets around blanks", "![x](<https://cdn.example/a b.png>)", ("https://cdn.example/a%20b.png",)),
    ("balanced parentheses", f"![x]({B})", (B,)),
    ("an unbalanced parenthesis", "![x](https://c.example/a(1.png)", ("https://c.example/a(1.png",)),
    ("nested brackets in the alt text", f"![a [b] c]({A})", (A,)),
    ("an image inside a link", f"[![x]({A})](https://c.example/page)", (A,)),
    ("upper case scheme", "![x](HTTPS://c.example/a)", ("HTTPS://c.example/a",)),
    ("no extension", "![x](https://c.example/file?id=3)", ("https://c.example/file?id=3",)),
    ("an empty alt text", f"![]({A})", (A,)),
    ("two on one line", f"![x]({A})![y]({B})", (A, B)),
    ("a repeat", f"![x]({A}) ![x]({A})", (A,)),
    ("escaped slashes", "![x](https:\\/\\/cdn.example\\/a.png)", (A,)),
    ("an image wins over a bare URL", f"{A} ![x]({B})", (B,)),
    ("an image wins over a download link", f"[下载]({A}) ![x]({B})", (B,)),
    ("a data URI", "![x](data:image/png;base64,AAAA)", ("data:image/png;base64,AAAA",)),
    ("a data URI broken over lines", "![x](data:image/png;base64,AA\nAA)", ("data:image/png;base64,AAAA",)),
    ("a data URI with a title", '![x](data:image/png;base64,AAAA "t")', ("data:image/png;base64,AAAA",)),
    ("base64 scheme", "![x](base64://AAAA)", ("base64://AAAA",)),
    ("a bare URL", A, (A,)),
    ("a bare URL before Chinese punctuation", f"图：{A}，请下载。", (A,)),
    ("a bare URL before Chinese words", f"看{A}请下载", (A,)),
    ("a bare URL with a Chinese path", "https://c.example/图片.png", ("https://c.example/图片.png",)),
    ("a bare URL in parentheses", f"({A})", (A,)),
    ("a bare URL at the end of a sentence", f"Here: {A}.", (A,)),
    ("a bare URL in emphasis", f"**{A}**", (A,)),
    ("a bare URL in an HTML tag", f'<img src="{A}">', (A,)),
    ("a bare URL with a query", f"{A}?sig=a.b", (f"{A}?sig=a.b",)),
    ("bare URLs, those of pages left out", f"https://c.example/web/ID {A} https://c.example/x.mp4", (A,)),
    ("a URL whose query only looks like a picture", "https://c.example/page?file=a.png", ()),
    ("links to pages and progress", "[100](https://v.example/a.png) [预览](https://p.example/b.png)", ()),
    ("an image of the model's own disk", "![x](sandbox:/mnt/data/a.png)", ()),
    ("a script", "![x](javascript:alert(1))", ()),
    ("a file", "![x](file:///etc/passwd)", ()),
    ("an unclosed image", "![x](https://cdn.example/page", ()),
    ("an image text over a blank line is no image, its URL is bare", f"![x\n\ny]({A})", (A,)),
    ("nothing", "", ()),
    ("none", None, ()),
    ("a number", 7, ()),
    ("parts", [{"type": "image_url", "image_url": {"url": A}}, {"type": "text", "text": f"![x]({B})"}], (A, B)),
    ("parts with a plain image_url", [{"type": "image_url", "image_url": A}], (A,)),
    ("parts of another kind", [None, 3, "x", {"image_url": 5}, {"image_url": {"url": "ftp://x/a.png"}}], ()),
    ("parts with a bare URL", [{"type": "text", "text": A}], (A,)),
]


@pytest.mark.parametrize(("content", "expected"), [row[1:] for row in CONTENTS], ids=[row[0] for row in CONTENTS])
def test_sources_are_found(content, expected):
    assert tuple(found.src for found in find_pictures(content)) == expected


def test_a_download_link_is_taken_only_as_a_last_resort_and_says_so():
    for label in ("点击下载", "下载⏬", "Download image"):
        (found,) = find_pictures(f"[{label}]({A}) [预览]({B})")
        assert (found.src, found.last_resort) == (A, True)
    assert not find_pictures(f"![x]({A})")[0].last_resort


def test_a_broken_image_does_not_swallow_the_download_link_after_it():
    (found,) = find_pictures(f"![broken [点击下载]({A})")
    assert found.last_resort


def test_of_a_cut_stream_only_whole_markdown_images_count():
    assert find_pictures(f"![x]({A})", cut=True)
    assert not find_pictures(A, cut=True)
    assert not find_pictures(f"[下载]({A})", cut=True)


HOSTILE = {
    "openings": "![",
    "middles": "](",
    "images": "![x](",
    "data uris": "](data:image/png;base64,A",
    "titles": '](a "',
    "parenthesis titles": "](a (",
    "parentheses": "](((((",
    "brackets": "[[[]",
    "bare urls": "https://a.b/((((.png)))) ",
    "schemes": "https://",
    "angles": "](<",
    "fences": "``` ",
}


def grows_in_proportion(search: Callable[[str], object], unit: str, chars: int) -> bool:
    """Eight times the length takes eight times the CPU, not sixty-four (best of three)."""

    def cpu_s(length: int) -> float:
        text, spent = (unit * (length // len(unit) + 1))[:length], []
        for _ in range(3):
            start = time.process_time()
            search(text)
            spent.append(time.process_time() - start)
        return min(spent)

    return cpu_s(8 * chars) <= 20 * cpu_s(chars) + 0.02


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_content_takes_time_in_proportion_to_its_length(unit):
    assert grows_in_proportion(find_pictures, unit, 10_000)


def test_the_seeds_own_pattern_does_not_grow_in_proportion():
    assert not grows_in_proportion(re.compile(r"!\[.*?\]\((.*?)\)", re.DOTALL).findall, "![", 1_200)


BASE64 = [
    ("iVBORw0KGgo=", b"\x89PNG\r\n\x1a\n"),
    ("iVBORw0KGgo", b"\x89PNG\r\n\x1a\n"),
    ("data:image/png;base64,iVBORw0KGgo=", b"\x89PNG\r\n\x1a\n"),
    ("DATA:image/png;charset=x;base64,iVBORw0KGgo=", b"\x89PNG\r\n\x1a\n"),
    ("iVBO\r\nRw0K Ggo=\n", b"\x89PNG\r\n\x1a\n"),
    ("iVBO*w0KGgo=", None),
    ("iVBORw0KGgo=iVBO", None),
    ("图片", None),
    ("data:image/png,raw", None),
    ("data:image/png;base64", None),
    ("=", None),
    ("A", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "data"), BASE64, ids=[row[0][:30] for row in BASE64])
def test_base64_is_decoded_strictly_with_or_without_prefix(text, data):
    assert decode_base64(text) == data


@pytest.mark.parametrize(
    ("item", "source"),
    [
        ({"url": A, "b64_json": "AAAA"}, b"\0\0\0"),
        ({"url": A, "b64_json": "*"}, A),
        ({"url": f" {A} ", "b64_json": None}, A),
        ({"url": "data:image/png;base64,AAAA"}, b"\0\0\0"),
        ({"url": "ftp://x/a.png"}, None),
        ({"url": "https://x/" + "a" * 9000}, None),
        ({"url": 3, "b64_json": 4}, None),
        ({}, None),
        ("x", None),
    ],
)
def test_base64_is_preferred_to_a_url_and_unusable_items_are_left_out(item, source):
    picture = picture_from_item(item)
    assert (picture and (picture.data or picture.url)) == source
