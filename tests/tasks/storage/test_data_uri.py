"""Pictures inside text."""

import base64

import pytest

from tasks.storage.data_uri import BadDataUri, decode_base64, decode_data_uri

DATA = bytes(range(256))
TEXT = base64.b64encode(DATA).decode()


@pytest.mark.parametrize(
    ("uri", "data", "media_type"),
    [
        (f"data:image/png;base64,{TEXT}", DATA, "image/png"),
        (f"DATA:image/PNG;charset=x;BASE64,{TEXT}", DATA, "image/png"),
        (f" data:image/png;base64,{TEXT}\n", DATA, "image/png"),
        (f"data:;base64,{TEXT.rstrip('=')}", DATA, "text/plain"),
        ("data:,a%20b%2c", b"a b,", "text/plain"),
        ("data:image/svg+xml,%3Csvg/%3E", b"<svg/>", "image/svg+xml"),
        ("data:;base64,", b"", "text/plain"),
    ],
)
def test_a_data_uri_becomes_bytes_and_their_claimed_type(uri, data, media_type):
    assert decode_data_uri(uri) == (data, media_type)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"data:image/png;base64,{TEXT}",
        "\n".join(TEXT[at : at + 76] for at in range(0, len(TEXT), 76)),
        TEXT.rstrip("="),
        base64.urlsafe_b64encode(DATA).decode(),
        TEXT.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
    ],
)
def test_base64_is_read_in_every_dress_that_gateways_give_it(text):
    assert decode_base64(text) == DATA


@pytest.mark.parametrize("text", ["@@@@", "AAAAA", "é", "AA%00", "http://x/y.png"])
def test_what_is_not_base64_is_refused(text):
    with pytest.raises(BadDataUri) as caught:
        decode_base64(text)
    assert not caught.value.too_large


@pytest.mark.parametrize("uri", ["", "data", "data:image/png;base64", "http://x/", "data:" + "x" * 2_000 + ",a"])
def test_what_is_not_a_data_uri_is_refused(uri):
    with pytest.raises(BadDataUri):
        decode_data_uri(uri)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("A" * 1_000, True),
        ("A" * 1_004, False),
        ("data:;base64," + "A" * 1_004, False),
        ("data:," + "a" * 751, False),
        ("data:," + "%41" * 750, True),
        ("A" * 100_000, False),
    ],
)
def test_the_limit_is_kept_before_decoding(text, fits):
    decode = decode_data_uri if text.startswith("data:") else decode_base64
    if fits:
        assert decode(text, max_bytes=750)
        return
    with pytest.raises(BadDataUri) as caught:
        decode(text, max_bytes=750)
    assert caught.value.too_large
