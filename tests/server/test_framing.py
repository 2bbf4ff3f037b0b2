"""aigw/server/framing.py: other writes of the same bytes."""

import asyncio
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Chunk
from aigw.core.reply import Reply
from aigw.dialects.sse import EventSplitter
from aigw.server.framing import Framing, Pause, ended, fed

TEXT = "data: häß 你好 🎉\n\n".encode()
EVENTS = [b"data: 1\n\n", b": a comment\n\n", "data: ü\n\n".encode(), b"data: [DONE]\n\n"]
PIECES = st.lists(st.binary(max_size=40) | st.text(max_size=20).map(str.encode))
UNCHANGED = ("bytes", "utf8", "coalesced", "stall@2", "stall@1:3")


class Source:
    """A body whose batches are `batches`; an exception is raised in its place."""

    def __init__(self, *batches):
        self._batches = list(batches)
        self.closed = False

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self._batches:
            raise StopAsyncIteration
        if isinstance(batch := self._batches.pop(0), Exception):
            raise batch
        return [Chunk(piece) for piece in batch]

    async def aclose(self):
        self.closed = True


def reply(*batches, streaming=True):
    return Reply(Source(*batches), 200, CIMultiDict({"content-length": "9"}), streaming=streaming)


async def written(names, *batches, streaming=True):
    """What is written, one after the other; a pause is its seconds."""
    found = []

    async def sleep(seconds):
        if seconds:
            found.append(seconds)

    framed = Framing(names, sleep).around(reply(*batches, streaming=streaming))
    async for batch in framed:
        found += [chunk.raw for chunk in batch]
    return found


def mutated(names, pieces):
    mutators = Framing(names).mutators(streaming=True)
    return [write for part in (fed(mutators, pieces), ended(mutators)) for write in part]


async def test_one_byte_a_write():
    assert await written("bytes", [TEXT], [b"ab", b""]) == [bytes([each]) for each in TEXT + b"ab"]


async def test_characters_are_split():
    assert await written("utf8", ["aü🎉b".encode()]) == [b"a\xc3", b"\xbc\xf0", b"\x9f", b"\x8e", b"\x89b"]


async def test_all_in_one_write():
    assert await written("coalesced", [b"a", b"b"], [b"c"]) == [b"abc"]
    assert await written("coalesced") == []


async def test_line_ends():
    assert await written("crlf", [b"data: 1\n\n"], [b"data: 2\r", b"\n\r\ndata: 3\r\r"]) == [
        b"data: 1\r\n\r\n", b"data: 2\r\n", b"\r\ndata: 3\r\n\r\n",
    ]  # fmt: skip


async def test_the_two_bytes_of_a_line_end_are_written_apart():
    assert await written("crlf,bytes", [b"a\n"]) == [b"a", b"\r", b"\n"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("stall@2", [EVENTS[0], 1e9, *EVENTS[1:]]),
        ("stall@1:2.5", [2.5, *EVENTS]),
        ("stall@99:1", [*EVENTS, 1]),
        ("stall@3:1,coalesced", [1, b"".join(EVENTS)]),
    ],
)
async def test_a_stream_stalls(names, expected):
    assert await written(names, EVENTS) == expected


async def test_a_stream_without_its_last_event():
    assert await written("cut", EVENTS[:2], EVENTS[2:], [b": bye\n\n"]) == EVENTS[:3]
    assert await written("cut", EVENTS[:1]) == []


@pytest.mark.parametrize("names", ["crlf", "cut", "stall@1"])
async def test_a_plain_body_has_no_events(names):
    body = [b"{}\n"]
    plain = reply(body, streaming=False)
    assert Framing(names).around(plain) is plain
    assert plain.headers["content-length"] == "9"
    assert await written(names, body, streaming=False) == body


async def test_a_plain_body_is_written_piece_by_piece():
    plain = Reply(Source([b"{}"]), 200, CIMultiDict(), streaming=False)
    plain.single = True
    framed = Framing("bytes").around(plain)
    assert not framed.single
    assert [chunk.raw async for batch in framed for chunk in batch] == [b"{", b"}"]


@pytest.mark.parametrize(("names", "expected"), [("coalesced", [b"ab"]), ("cut", [b"a"])])
async def test_what_was_held_back_comes_before_a_failure(names, expected):
    broken = UpstreamError(UpstreamFault.RESET, "gone")
    framed = Framing(names).around(reply([b"a", b"b"], broken))
    found = []
    with pytest.raises(UpstreamError, match="gone"):
        async for batch in framed:
            found += [chunk.raw for chunk in batch]
    assert found == expected


async def test_a_client_that_leaves_ends_a_stall():
    source = Source(EVENTS)
    framed = Framing("stall@1").around(Reply(source, 200, CIMultiDict(), streaming=True))
    waiting = asyncio.ensure_future(anext(aiter(framed)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await framed.aclose()
    assert source.closed


@pytest.mark.parametrize("names", ["", "byte", "stall", "stall@0", "stall@x", "stall@1:", "bytes,,utf8", "stall@-1"])
def test_what_is_no_framing(names):
    with pytest.raises(
        ValueError, match=r"there is no framing .*; there are bytes, utf8, coalesced, crlf, cut, stall@N"
    ):
        Framing(names)


@given(PIECES, st.lists(st.sampled_from(UNCHANGED), min_size=1, max_size=4).map(",".join))
def test_the_bytes_are_the_same(pieces, names):
    writes = mutated(names, pieces)
    assert b"".join(write for write in writes if not isinstance(write, Pause)) == b"".join(pieces)
    assert all(write.seconds in (inf, 3) for write in writes if isinstance(write, Pause))


@given(PIECES)
def test_only_line_ends_change(pieces):
    whole = b"".join(pieces)
    changed = b"".join(mutated("crlf", pieces))
    assert changed == whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=9), min_size=1))
def test_the_events_of_a_stream_are_the_same_whatever_their_line_ends(texts):
    stream = [f"data: {text}\n\n".encode() for text in texts]
    splitter = EventSplitter()
    read = [event.data for write in mutated("crlf,bytes", stream) for event in splitter.feed(write)]
    assert read == [text.encode() for text in texts]


@given(st.lists(st.sampled_from([*EVENTS, b"\n"])))
def test_only_the_last_event_is_missing(pieces):
    left = mutated("cut", pieces)
    assert pieces[: len(left)] == left
    assert sum(piece not in (EVENTS[1], b"\n") for piece in pieces[len(left) :]) <= 1
