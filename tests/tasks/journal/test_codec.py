import orjson
import pytest

from tasks.journal import codec
from tasks.journal import events as ev
from tasks.journal.errors import JournalProblem
from tests.tasks.journal import samples


def header(seq: int = 1) -> codec.Header:
    return codec.Header(seq=seq, nonce="n", checkpoint=0, at=samples.AT, owner=samples.owner())


def lines(*events: ev.Event) -> list[bytes]:
    return [codec.encode_event(event) for event in events]


def test_every_kind_of_event_comes_back_as_it_went() -> None:
    events = samples.one_of_each()
    assert {event.kind for event in events} == set(codec._KINDS) - {"checkpoint"}
    segment = codec.decode_segment(codec.encode_segment(header(), lines(*events)))
    assert segment.header == header()
    assert segment.events == tuple(events)
    assert segment.closed


def test_large_segments_are_compressed_and_the_same_bytes_every_time() -> None:
    events = [samples.wanted(row_id=f"r{i}") for i in range(200)]
    body = codec.compressed(codec.encode_segment(header(), lines(*events)))
    assert body[:2] == b"\x1f\x8b"
    assert len(body) < 0.2 * sum(map(len, lines(*events)))
    assert body == codec.compressed(codec.encode_segment(header(), lines(*events)))
    assert codec.decode_segment(body).events == tuple(events)


def test_unknown_fields_are_skipped_at_every_depth() -> None:
    opened = orjson.loads(codec.encode_event(ev.Opened(at=samples.AT, owner=samples.owner())))
    opened["new"] = 1
    opened["owner"]["new"] = 1
    assert codec.decode_event(opened) == ev.Opened(at=samples.AT, owner=samples.owner())


def test_fields_that_an_older_version_did_not_write_get_their_default() -> None:
    values = orjson.loads(codec.encode_event(samples.answered(samples.intent())))
    for name in ("pictures", "late", "billed"):
        del values[name]
    assert codec.decode_event(values) == samples.answered(samples.intent())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json\n",
        codec.encode_segment(header(), [b'{"kind":"prophecy","at":"x"}']),
        codec.encode_segment(header(), lines(samples.intent()))[:-30],
        codec.compressed(codec.encode_segment(header(), lines(*[samples.wanted()] * 100)))[:-30],
        orjson.dumps({"layout": 2}) + b"\n",
    ],
    ids=["empty", "no json", "unknown kind", "torn", "torn gzip", "newer layout"],
)
def test_a_damaged_or_newer_segment_is_refused(body: bytes) -> None:
    with pytest.raises(JournalProblem):
        codec.decode_segment(body)


def test_the_message_says_what_is_wrong_with_a_segment() -> None:
    with pytest.raises(JournalProblem, match=r"cannot be read \(JSONDecodeError: "):
        codec.decode_segment(b"not json\n")
