"""Each wire case whole, byte by byte, and cut short."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.model import Chunk
from aigw.core.pace import LARGE
from aigw.dialects.sse import Event, EventSplitter, rewritten

CASES = {
    "lf": (b'data: {"a":1}\n\ndata: [DONE]\n\n', [b'{"a":1}', b"[DONE]"]),
    "crlf": (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
    "cr": (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    "mixed": (b"data: a\r\n\ndata: b\n\r\ndata: c\r\n\r\n", [b"a", b"b", b"c"]),
    "no space": (b"data:a\n\n", [b"a"]),
    "two spaces": (b"data:  a\n\n", [b" a"]),
    "several lines": (b"data: a\ndata: b\n\n", [b"a\nb"]),
    "several lines crlf": (b"event: x\r\ndata: a\r\ndata: b\r\n\r\n", [b"a\nb"]),
    "comment": (b": ping\n\ndata: a\n\n", [None, b"a"]),
    "comment inside": (b": ping\ndata: a\n\n", [b"a"]),
    "named": (b"event: message_stop\ndata: {}\n\n", [b"{}"]),
    "dashscope": (b"id:1\nevent:result\n:HTTP_STATUS/200\ndata:{}\n\n", [b"{}"]),
    "utf-8": ("data: 现在😀\n\n".encode(), ["现在😀".encode()]),
    "extra blank lines": (b"data: a\n\n\n\ndata: b\n\n", [b"a", None, b"b"]),
    "google's error": (b'data: a\n\n{\n  "error": {}\n}\n\n', [b"a", b'{\n  "error": {}\n}']),
    "no event": (b"nonsense\n\nid: 1\n\n", [None, None]),
    "json with escaped newlines": (b'data: {"t":"\\n\\n"}\n\n', [b'{"t":"\\n\\n"}']),
}


def split(pieces):
    splitter = EventSplitter()
    events = [event for piece in pieces for event in splitter.feed(piece)]
    return events, splitter.rest


@pytest.mark.parametrize("wire, data", CASES.values(), ids=CASES)
def test_whole_and_byte_by_byte(wire, data):
    for pieces in ([wire], [bytes([byte]) for byte in wire]):
        events, rest = split(pieces)
        assert b"".join(event.raw for event in events) + rest == wire
        seen = [event.data for event in events if event.data is not None]
        assert seen == [item for item in data if item is not None]
        assert rest.strip() == b""


@pytest.mark.parametrize("wire, data", CASES.values(), ids=CASES)
def test_cut_short_never_invents_an_event(wire, data):
    whole = [item for item in data if item is not None]
    for cut in range(len(wire)):
        events, rest = split([wire[:cut]])
        seen = [event.data for event in events if event.data is not None]
        assert seen == whole[: len(seen)]
        assert b"".join(event.raw for event in events) + rest == wire[:cut]


LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(
    payloads=st.lists(st.binary(min_size=1).filter(lambda b: not {10, 13} & set(b)), min_size=1, max_size=5),
    end=LINE_ENDS,
    cuts=st.lists(st.integers(0, 400), max_size=8),
)
def test_any_split_gives_the_same_events(payloads, end, cuts):
    wire = b"".join(b"data: " + payload + end + end for payload in payloads)
    edges = sorted({min(cut, len(wire)) for cut in cuts} | {0, len(wire)})
    events, rest = split([wire[a:b] for a, b in itertools.pairwise(edges)])
    assert [event.data for event in events if event.data is not None] == payloads
    assert b"".join(event.raw for event in events) + rest == wire


def test_an_event_is_given_out_as_soon_as_its_blank_line_is_there():
    splitter = EventSplitter()
    assert [event.data for event in splitter.feed(b"data: a\r\r")] == [b"a"]
    assert splitter.feed(b"data: b\n") == []
    assert [event.data for event in splitter.feed(b"\n")] == [b"b"]


def test_a_large_event_in_small_pieces_is_scanned_once():
    splitter = EventSplitter()
    piece = b"x" * 1000
    splitter.feed(b"data: ")
    for _ in range(3000):
        assert splitter.feed(piece) == []
    (event,) = splitter.feed(b"\n\n")
    assert len(event.data) == 3_000_000


def test_a_rewritten_event_keeps_its_other_lines():
    event = Event(b": hi\r\nid:1\r\nevent: e\r\ndata:{\r\ndata:}\r\n\r\n")
    changed = rewritten(event, {"a": 1})
    assert (changed.raw, changed.json()) == (b': hi\nid:1\nevent: e\ndata: {"a":1}\n\n', {"a": 1})


@pytest.mark.parametrize("event", [b'data: {"a":1}\n\n', b'event: x\ndata: {"a":1}\n\n', b'{"a":1}\n\n'])
@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_byte_order_mark_before_the_first_event_is_no_part_of_it(event, size):
    splitter, data, chunks = EventSplitter(), b"\xef\xbb\xbf" + event + event, []
    for at in range(0, len(data), size):
        chunks += splitter.feed(data[at : at + size])
    assert b"".join(chunk.raw for chunk in chunks) == data
    assert [chunk.json() for chunk in chunks] == [{"a": 1}, {"a": 1}]
    assert rewritten(chunks[0], {"a": 2}).raw == event.replace(b"1", b"2")


def test_a_rewritten_object_without_data_lines_is_one():
    assert rewritten(Event(b'{\n  "error": {}\n}\n\n'), {"a": 1}).raw == b'{"a":1}\n\n'


def test_a_rewritten_plain_body_is_one():
    changed = rewritten(Chunk(body := b"{}", body), ["a", "\ud83d"])
    assert changed.raw == changed.data == b'["a", "\\ud83d"]'  # half an emoji stays escaped


def test_what_cannot_be_written_is_a_value_error():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested"):
        rewritten(Chunk(body := b"{}", body), deep)


@given(st.lists(st.sampled_from([b"\n", b"\n\n", b"data: a", b":"]), max_size=12).map(b"".join))
def test_what_is_large_is_cut_as_what_is_small(end):
    large = b"data: " + b"x" * LARGE + b"\n\n"
    events, rest = split([large + end + b"\n\n"])
    others, small = split([end + b"\n\n"])
    assert [event.raw for event in events] == [large, *[event.raw for event in others]] and rest == small
