"""Finding the pictures in a chat reply: markdown images first, then bare links, a download link as a last resort.

All work is linear in the length of the content, since a data URI makes it megabytes long.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from catalogs.types import Json

_URL_CAP_CHARS = 8192
_SOURCE = re.compile(r"https?://[^\s<>]", re.IGNORECASE)
_INLINE = re.compile(r"(?:data:image/[\w.+-]{1,40}(?:;[\w=.+-]{1,60}){0,4},|base64://)", re.IGNORECASE)
_CLOSING = re.compile(r"""\s{0,20}(?:"[^"\n]{0,300}"|'[^'\n]{0,300}'|\([^)\n]{0,300}\))?\s{0,20}\)""")
_QUOTE = re.compile(r"[\"']")
_RUN = re.compile(r"[^\s)]{1,8192}")
_BARE_URL = re.compile(r"https?://[^\s<>\"'`|\\^{}（）【】「」『』《》〈〉“”‘’，。；：！？、…]+", re.IGNORECASE)
_PICTURE_PATH = re.compile(r"[^?#]*\.(?:png|jpe?g|webp|gif)", re.IGNORECASE)
_TRAILING = ".,;:!?*_~]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One picture source in a reply: an http(s) URL, a ``data:`` URI or a ``base64://`` text."""

    src: str
    last_resort: bool = False


def find_pictures(content: Json, *, cut: bool = False) -> tuple[Found, ...]:
    """The picture sources of a chat message's ``content`` (text, or a list of parts), in order, without repeats.

    In order of trust: image parts and markdown images; else bare URLs whose path is a picture's; else links labelled
    download, flagged as such. Of a stream that was ``cut`` only the first kind: a bare URL may be half a URL.
    """
    sources, text = _parts(content)
    text = text.replace("\\/", "/")
    sources += _markdown_images(text)
    if sources or cut:
        return _unique(sources)
    links = list(_links(text))
    bare = list(_bare_urls(_without(text, links)))
    if bare:
        return _unique(bare)
    return _unique([link.src for link in links if _is_download(link)], last_resort=True)


def message_text(content: Json) -> str:
    """The words of a chat message's ``content``, whether it is text or a list of parts."""
    return _parts(content)[1]


def _parts(content: Json) -> tuple[list[str], str]:
    if isinstance(content, str):
        return [], content
    sources: list[str] = []
    texts: list[str] = []
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            if isinstance(part.get("text"), str):
                texts.append(part["text"])
            image = part.get("image_url")
            url = image.get("url") if isinstance(image, dict) else image
            if isinstance(url, str) and is_source(url.strip()):
                sources.append(url.strip())
    return sources, "\n".join(texts)


def is_source(text: str) -> bool:
    """Whether ``text`` is something a picture can come from: an http(s) URL, a data URI, ``base64://``."""
    return bool(_INLINE.match(text) or (_SOURCE.match(text) and len(text) <= _URL_CAP_CHARS))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    label: str
    src: str
    image: bool
    start: int
    end: int


def _markdown_images(text: str) -> list[str]:
    return [link.src for link in _links(text) if link.image and is_source(link.src)]


def _links(text: str) -> Iterator[_Link]:
    """Every ``[label](src)``, from each ``](`` outwards to its neighbours, so that no character is looked at often."""
    floor, middle = 0, text.find("](")
    while middle >= 0:
        following = text.find("](", middle + 2)
        opening = _opening(text, floor, middle)
        source = _source(text, middle + 2, following if following >= 0 else len(text))
        floor = middle + 2
        if opening is not None and source is not None:
            src, floor = source
            image = text.startswith("!", opening - 1) and opening > 0
            yield _Link(label=text[opening + 1 : middle], src=src, image=image, start=opening - image, end=floor)
        middle = following


def _opening(text: str, floor: int, middle: int) -> int | None:
    """The ``[`` that the ``]`` at ``middle`` closes. Labels may hold balanced brackets, but no blank line."""
    open_, at = 1, middle
    while open_:
        before = text.rfind("[", floor, at)
        if before < 0:
            return None
        open_ += text.count("]", before, at) - 1
        at = before
    return None if "\n\n" in text[at:middle] else at


def _source(text: str, start: int, limit: int) -> tuple[str, int] | None:
    """The destination that begins at ``start`` and ends before ``limit``, and where the link ends; None if open."""
    while start < limit and text[start] in " \t":
        start += 1
    if text.startswith("<", start):
        stop = text.find(">", start, min(limit, start + _URL_CAP_CHARS))
        closing = _CLOSING.match(text, stop + 1) if stop > 0 else None
        return (text[start + 1 : stop].strip().replace(" ", "%20"), closing.end()) if closing else None
    if _INLINE.match(text, start, limit):
        stop = text.find(")", start, limit)
        return (_untitled(text[start:stop]), stop + 1) if stop > 0 else None
    return _balanced(text, start, min(limit, start + _URL_CAP_CHARS)) or _unbroken(text, start, limit)


def _untitled(uri: str) -> str:
    """A data URI without title and line breaks; megabytes long, so it is searched, not split, when it is plain."""
    return "".join(_QUOTE.split(uri, maxsplit=1)[0].split()) if any(mark in uri for mark in "\"' \t\r\n") else uri


def _balanced(text: str, start: int, limit: int) -> tuple[str, int] | None:
    depth = 0
    for at in range(start, limit):
        char = text[at]
        if char == "(":
            depth += 1
        elif char == ")":
            if depth == 0:
                return text[start:at], at + 1
            depth -= 1
        elif char.isspace():
            closing = _CLOSING.match(text, at) if depth == 0 else None
            return (text[start:at], closing.end()) if closing else None
    return None


def _unbroken(text: str, start: int, limit: int) -> tuple[str, int] | None:
    """A URL with an unbalanced ``(`` in it: up to the first ``)``."""
    found = _RUN.match(text, start, limit)
    return (found.group(), found.end() + 1) if found and text.startswith(")", found.end()) else None


def _without(text: str, links: list[_Link]) -> str:
    kept, at = [], 0
    for link in links:
        kept.append(text[at : link.start])
        at = link.end
    return " ".join([*kept, text[at:]])


def _bare_urls(text: str) -> Iterator[str]:
    for match in _BARE_URL.finditer(text):
        url = match.group()[:_URL_CAP_CHARS]
        ascii_part = re.match(r"[!-~]+", url)
        for candidate in dict.fromkeys([ascii_part.group() if ascii_part else url, url]):
            trimmed = _trimmed(candidate)
            if _PICTURE_PATH.fullmatch(re.split(r"[?#]", trimmed, maxsplit=1)[0]):
                yield trimmed
                break


def _trimmed(url: str) -> str:
    url = url.rstrip(_TRAILING)
    surplus = url.count(")") - url.count("(")
    while surplus > 0 and url.endswith(")"):
        url, surplus = url[:-1].rstrip(_TRAILING), surplus - 1
    return url


def _is_download(link: _Link) -> bool:
    label = link.label.casefold()
    return ("下载" in label or "download" in label) and bool(_SOURCE.match(link.src))


def _unique(sources: list[str], *, last_resort: bool = False) -> tuple[Found, ...]:
    return tuple(Found(src=src, last_resort=last_resort) for src in dict.fromkeys(sources))
