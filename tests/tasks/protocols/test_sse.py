"""A stream nobody asked for is put together again, however its frames are written."""

import pytest

from tasks.protocols.body import read_body
from tasks.protocols.sse import assemble, looks_like_stream
from tasks.protocols.wire import Reply

CHUNK = b'data: {"choices":[{"delta":{"content":"a"}}]}'
END = b'data: {"choices":[{"delta":{"content":"b"},"finish_reason":"STOP"}],"usage":{"prompt_tokens":3}}'


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_frames_are_joined_whatever_ends_their_lines(newline):
    stream = assemble((newline * 2).join([b": hello", CHUNK, b"event: x" + newline + END, b""]))
    (choice,) = stream.value["choices"]
    assert choice == {"message": {"content": "ab", "reasoning_content": ""}, "finish_reason": "stop"}
    assert stream.value["usage"] == {"prompt_tokens": 3}
    assert stream.complete


def test_a_frame_of_several_data_lines_is_one_frame():
    stream = assemble(b'data: {"choices":\ndata: [{"message":{"content":"whole"}}]}\n\ndata: [DONE]\n\n')
    assert stream.value["choices"][0]["message"]["content"] == "whole"


def test_only_a_seen_end_makes_a_stream_complete():
    assert not assemble(CHUNK + b"\n\n").complete
    assert not assemble(CHUNK + b"\n\n" + END[:30]).complete
    assert assemble(CHUNK + b"\n\ndata: [DONE]").complete
    assert assemble(CHUNK + b"\n\n" + END).complete
    assert assemble(b'event: error\ndata: {"type":"error","message":"x"}\n\n').complete


def test_previews_are_no_pictures_and_every_finished_one_counts():
    frames = (
        b'data: {"type":"image_edit.partial_image","b64_json":"AAAA"}\n\n'
        b'data: {"type":"image_edit.completed","b64_json":"BBBB"}\n\n'
        b'data: {"type":"image_edit.completed","b64_json":"CCCC"}\n\n'
    )
    assert [item["b64_json"] for item in assemble(frames).value["data"]] == ["BBBB", "CCCC"]


def test_parts_in_a_stream_stay_parts():
    part = b'data: {"choices":[{"delta":{"content":[{"type":"image_url","image_url":{"url":"https://a/b"}}]}}]}\n\n'
    content = assemble(CHUNK + b"\n\n" + part).value["choices"][0]["message"]["content"]
    assert content == [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "https://a/b"}},
    ]


def test_an_error_frame_is_the_error_of_the_whole():
    stream = assemble(CHUNK + b'\n\ndata: {"error":{"message":"no"}}\n\n')
    assert stream.value["error"] == {"message": "no"}


@pytest.mark.parametrize(
    ("content_type", "body", "stream"),
    [
        ("text/event-stream; charset=utf-8", b"", True),
        ("application/json", b"\n data: {}", True),
        ("", b": keep-alive\n\n", True),
        ("", b"event: x", True),
        ("application/json", b'{"data": []}', False),
        ("text/plain", b"database is down", False),
    ],
)
def test_a_stream_is_known_by_header_or_first_bytes(content_type, body, stream):
    assert looks_like_stream(content_type, body) is stream


@pytest.mark.parametrize(
    ("headers", "body", "is_json"),
    [
        ({}, b'\xef\xbb\xbf{"a":1}', True),
        ({"content-type": "text/event-stream"}, b'{"a":1}', True),
        ({"content-type": "text/event-stream"}, b"", False),
        ({}, b"data: nothing\n\n", False),
        ({}, b"\xff\xfe", False),
    ],
)
def test_json_is_read_behind_a_byte_order_mark_and_under_a_wrong_content_type(headers, body, is_json):
    assert read_body(Reply(status=200, headers=headers, body=body)).is_json is is_json
