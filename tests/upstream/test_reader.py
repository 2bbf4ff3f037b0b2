"""Responses however they are cut: the same body, and nothing that follows is taken for it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.upstream.reader import ResponseReader


class NoSource:
    paused = False

    async def wait_for_more(self):
        raise AssertionError("nothing to wait for")

    def resume(self):
        raise AssertionError("was not paused")

    def drop(self):
        pass


async def collected(reader):
    reader.response.body.end(None)
    return b"".join([piece async for piece in reader.response.body])


def feed(reader, data, cuts):
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in pairwise(edges):
        reader.feed(data[start:end])


cuts = st.lists(st.integers(0, 10_000), max_size=30)
pieces = st.lists(st.binary(min_size=1, max_size=40), max_size=8)
interim = st.lists(
    st.sampled_from([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 H\r\nLink: <x>\r\n\r\n"]), max_size=2
)


@given(pieces=pieces, cuts=cuts, interim=interim, trailer=st.sampled_from([b"", b"X-Sum: 1\r\nY: 2\r\n"]))
async def test_chunked(pieces, cuts, interim, trailer):
    chunks = b"".join(b"%X;a=b\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    head = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
    reader = ResponseReader(NoSource())
    reader.start("POST")
    feed(reader, b"".join(interim) + head + chunks + b"0\r\n" + trailer + b"\r\n", cuts)
    assert (reader.ended, reader.keep, reader.response.status) == (True, True, 200)
    assert list(reader.response.headers.items()) == [("X-A", "1"), ("Transfer-Encoding", "chunked")]
    assert await collected(reader) == b"".join(pieces)


@given(bodies=st.lists(st.binary(max_size=100), min_size=1, max_size=4), cuts=cuts)
async def test_one_after_the_other(bodies, cuts):
    reader = ResponseReader(NoSource())
    for body in bodies:
        reader.start("POST")
        feed(reader, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body), cuts)
        assert (reader.ended, reader.keep) == (True, True)
        assert await collected(reader) == body


@given(body=st.binary(max_size=100), cuts=cuts)
async def test_until_close(body, cuts):
    reader = ResponseReader(NoSource())
    reader.start("GET")
    feed(reader, b"HTTP/1.1 200 OK\r\n\r\n" + body, cuts)
    assert (reader.ended, reader.keep, reader.until_close) == (False, False, True)
    assert await collected(reader) == body


@given(data=st.binary(max_size=200), cuts=cuts)
async def test_random_bytes_never_make_an_answer(data, cuts):
    reader = ResponseReader(NoSource())
    reader.start("GET")
    try:
        feed(reader, data, cuts)
    except ValueError as error:
        assert str(error)
    assert reader.response is None


@pytest.mark.parametrize(
    "framing", [b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"Content-Length: 3\r\n\r\nabc"]
)
def test_a_cut_answer_has_not_ended(framing):
    data = b"HTTP/1.1 200 OK\r\n" + framing
    for end in range(len(data)):
        reader = ResponseReader(NoSource())
        reader.start("GET")
        reader.feed(data[:end])
        assert (reader.ended, reader.until_close) == (False, False)


@pytest.mark.parametrize("size", [60_000, 66_000])
def test_the_head_is_bounded_however_it_arrives(size):
    for step in (1000, 10_000_000):
        reader = ResponseReader(NoSource())
        reader.start("GET")
        data = b"HTTP/1.1 200 OK\r\nX: " + b"x" * size + b"\r\nContent-Length: 0\r\n\r\n"
        parts = [data[start : start + step] for start in range(0, len(data), step)]
        if size < 65536:
            for part in parts:
                reader.feed(part)
            assert reader.ended
        else:
            with pytest.raises(ValueError, match="too large"):
                for part in parts:
                    reader.feed(part)
