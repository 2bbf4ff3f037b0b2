"""Requests however they are cut: the same ones; and what could be read in two ways is none."""

from itertools import pairwise

import pytest
from http_peer import Peer
from hypothesis import example, given
from hypothesis import strategies as st

from aigw.server.http1.reader import MAX_HEAD, MAX_TARGET, InvalidHttpError, RequestReader


class Reading:
    def __init__(self):
        self.requests = []
        self.reader = RequestReader(Peer(), self.requests.append)

    def feed(self, data, cuts=()):
        edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
        return sum(self.reader.feed(data[start:end]) for start, end in pairwise(edges))

    async def bodies(self):
        return [await whole(each) for each in self.requests]


async def whole(request):
    pieces = []
    while request.body.size or not request.body.complete:
        pieces.append(await request.body.read())
    return b"".join(pieces)


cuts = st.lists(st.integers(0, 10_000), max_size=30)
HOST = b"Host: x\r\n"


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=40), max_size=8),
    cuts=cuts,
    trailer=st.sampled_from([b"", b"X: 1\r\n"]),
)
async def test_chunks(pieces, cuts, trailer):
    chunks = b"".join(b"%X;a=b\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    reading = Reading()
    kept = reading.feed(
        b"POST /a?b HTTP/1.1\r\n"
        + HOST
        + b"Transfer-Encoding: chunked\r\n\r\n"
        + chunks
        + b"0\r\n"
        + trailer
        + b"\r\n",
        cuts,
    )
    (request,) = reading.requests
    assert (request.method, request.target, request.version, request.keeps) == ("POST", "/a?b", "1.1", True)
    assert list(request.headers.items()) == [("Host", "x"), ("Transfer-Encoding", "chunked")]
    assert await reading.bodies() == [b"".join(pieces)]
    assert kept == len(b"".join(pieces))
    assert reading.reader.current is None


@given(bodies=st.lists(st.binary(max_size=100), min_size=1, max_size=4), cuts=cuts)
async def test_pipelined(bodies, cuts):
    sent = b"".join(
        b"PUT /%d HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (n, len(body), body) for n, body in enumerate(bodies)
    )
    reading = Reading()
    reading.feed(sent, cuts)
    assert [each.target for each in reading.requests] == [f"/{n}" for n in range(len(bodies))]
    assert await reading.bodies() == bodies


@pytest.mark.parametrize(
    ("head", "version", "keeps"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "1.1", True),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "1.1", False),
        (b"GET / HTTP/1.0\r\n\r\n", "1.0", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "1.0", True),
        (b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n", "1.0", False),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", "1.1", False),
    ],
)
def test_whether_a_connection_stays(head, version, keeps):
    reading = Reading()
    reading.feed(head)
    (request,) = reading.requests
    assert (request.version, request.keeps) == (version, keeps)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"GET / HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nContent-Length: 0x3\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nContent-Length : 3\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nContent-Length:\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1_0\r\n0123456789abcdef\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\n\x00: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: a\rb\r\n\r\n",
        b"GET / HTTP/1.1\r\n: x\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(sent):
    """Smuggled requests live on servers that read the end of a body in different ways."""
    reading = Reading()
    with pytest.raises(InvalidHttpError):
        reading.feed(sent + b"GET /smuggled HTTP/1.1\r\n\r\n")
    assert "/smuggled" not in [each.target for each in reading.requests]
    assert reading.feed(b"GET /smuggled HTTP/1.1\r\n\r\n") == 0
    assert "/smuggled" not in [each.target for each in reading.requests]


@given(st.binary(max_size=300), cuts)
@example(b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", [])
@example(b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nab", [])
def test_any_bytes_are_requests_or_refused(data, cuts):
    for start in (b"", b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"):
        reading = Reading()
        try:
            reading.feed(start + data, cuts)
        except InvalidHttpError as error:
            assert not data or data.decode("latin-1") not in str(error) or len(data) < 20


@pytest.mark.parametrize("piece", [4096, 256 * 1024])
@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + b"a" * MAX_TARGET + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * MAX_HEAD + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * (MAX_HEAD // 2) + b"\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * MAX_HEAD,
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * MAX_HEAD,
    ],
    ids=["target", "one header", "many headers", "no end", "trailers"],
)
def test_heads_are_bounded(sent, piece):
    """A read takes 256 KiB at most."""
    with pytest.raises(InvalidHttpError) as caught:
        Reading().feed(sent, range(0, len(sent), piece))
    wanted = (414, "longer than 16 KiB") if sent.startswith(b"GET /a") else (431, "larger than 128 KiB")
    assert (caught.value.status, wanted[1] in caught.value.told) == (wanted[0], True)


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"gzip\r\nTransfer-Encoding: chunked"])
def test_a_body_is_chunked_and_not_coded_otherwise(coding):
    with pytest.raises(InvalidHttpError) as caught:
        Reading().feed(b"POST / HTTP/1.1\r\nTransfer-Encoding: " + coding + b"\r\n\r\n2\r\nab\r\n0\r\n\r\n")
    assert caught.value.status == 501


async def test_a_large_body_is_no_head():
    reading = Reading()
    reading.feed(b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)
    assert await reading.bodies() == [b"x" * 1_000_000]


@given(cuts)
async def test_a_request_that_would_like_to_switch_protocols_is_one_among_others(cuts):
    reading = Reading()
    wish = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"
    reading.feed(b"GET /a HTTP/1.1\r\n" + wish + b"\r\nGET /b HTTP/1.1\r\n\r\n")
    reading.feed(b"POST /c HTTP/1.1\r\n" + wish + b"Content-Length: 2\r\n\r\nabGET /d HTTP/1.1\r\n\r\n", cuts)
    chunks = b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
    reading.feed(b"POST /e HTTP/1.1\r\n" + wish + chunks + b"GET /f HTTP/1.1\r\n\r\n", cuts)
    assert [each.target for each in reading.requests] == ["/a", "/b", "/c", "/d", "/e", "/f"]
    assert await reading.bodies() == [b"", b"", b"ab", b"", b"ab", b""]


def test_behind_connect_nothing_is_read():
    reading = Reading()
    reading.feed(b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\nGET /a HTTP/1.1\r\n\r\n")
    reading.feed(b"GET /b HTTP/1.1\r\n\r\n")
    assert [each.method for each in reading.requests] == ["CONNECT"]


def test_odd_bytes_pass_unchanged():
    reading = Reading()
    reading.feed(b"GET / HTTP/1.1\r\nX: caf\xe9\r\nY: gr\xc3\xbc\xc3\x9f\r\n\r\n")
    headers = reading.requests[0].headers
    assert headers["x"].encode("utf-8", "surrogateescape") == b"caf\xe9"
    assert headers["y"] == "grüß"


def test_a_head_that_has_begun():
    reading, seen = Reading(), []
    for piece in (b"G", b"ET / HTTP/1.1\r\n" + HOST, b"\r\n", b"\r\n", b"GET /b HTTP/1.1\r\n"):
        reading.feed(piece)
        seen.append(reading.reader.in_head)
    assert seen == [True, True, False, False, True]
