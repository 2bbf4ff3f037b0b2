"""Encoded bodies: whole, corrupt, cut short, and larger than they look."""

import gzip
import zlib

import brotli
import pytest
from backports import zstd
from http_peer import Peer
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from aigw.core.errors import GatewayError
from aigw.core.model import Request
from aigw.dialects.form import hold
from aigw.server.bodies import Bounds, Incoming, decode, is_mislabelled, unpack_object
from aigw.server.http1.request import HttpRequest
from aigw.server.process_limits import SMALL, overloaded

ENCODERS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
RAW_DEFLATE = zlib.compressobj(wbits=-15)


@pytest.mark.parametrize("name", ENCODERS)
@given(body=st.binary(max_size=2000))
async def test_round_trip(name, body):
    assert await decode(ENCODERS[name](body), name, 2000) == body


async def test_deflate_without_its_wrapper():
    raw = RAW_DEFLATE.compress(b"hello") + RAW_DEFLATE.flush()
    assert await decode(raw, "deflate", 100) == b"hello"


async def test_several_are_undone_in_reverse():
    assert await decode(gzip.compress(brotli.compress(b"x"), mtime=0), "br, gzip", 100) == b"x"
    assert await decode(b"x", "identity", 100) == b"x"


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize(
    "spoil", [lambda b: b[:-3], lambda b: b"\x00garbage", lambda b: b + b"trailing"], ids=["short", "garbage", "long"]
)
async def test_corrupt_is_400(name, spoil):
    with pytest.raises(GatewayError) as caught:
        await decode(spoil(ENCODERS[name](b"hello" * 100)), name, 10_000)
    assert (caught.value.status, caught.value.code) == (400, "invalid_encoding")


@pytest.mark.parametrize("name", ENCODERS)
async def test_a_bomb_is_413(name):
    bomb = ENCODERS[name](bytes(5_000_000))
    assert len(bomb) < 100_000
    with pytest.raises(GatewayError) as caught:
        await decode(bomb, name, 1_000_000)
    assert caught.value.status == 413


@pytest.mark.parametrize("name", ENCODERS)
async def test_exactly_the_limit_is_allowed(name):
    body = bytes(100_000)
    assert await decode(ENCODERS[name](body), name, 100_000) == body
    with pytest.raises(GatewayError):
        await decode(ENCODERS[name](body), name, 99_999)


async def test_unknown_is_415():
    with pytest.raises(GatewayError, match="zip") as caught:
        await decode(b"x", "zip", 100)
    assert caught.value.status == 415


@pytest.mark.parametrize(
    ("coding", "packed", "read"),
    [
        ("gzip", gzip.compress(b' {"a": 1}', mtime=0), True),
        ("gzip", gzip.compress(b"RIFF", mtime=0), False),
        ("gzip", b'{"a": 1}', False),
        ("x-unknown", b'{"a": 1}', False),
    ],
)
async def test_only_a_json_object_is_unpacked(coding, packed, read):
    request = Request("POST", "/", "", CIMultiDict({"content-encoding": coding}), packed)
    assert (await unpack_object(request, 100)) is read
    assert request.body == (b' {"a": 1}' if read else packed)


async def test_a_json_object_that_is_too_large_is_not_passed_on_unread():
    request = Request(
        "POST", "/", "", CIMultiDict({"content-encoding": "gzip"}), gzip.compress(b"{" + b" " * 1000, mtime=0)
    )
    with pytest.raises(GatewayError) as caught:
        await unpack_object(request, 100)
    assert caught.value.status == 413


@pytest.mark.parametrize(
    ("method", "kind", "body", "expected"),
    [
        ("POST", "text/plain", b"\xef\xbb\xbf {", True),
        ("POST", "", b'{"a": 1}', True),
        ("POST", "text/plain; a=json", b"{}", True),
        ("POST", "text/plain", b'{"a": 1}'.decode().encode("utf-16"), True),
        ("POST", "application/problem+json", b"{}", False),
        ("POST", "text/plain", b"[{}]", False),
        ("GET", "text/plain", b"{}", False),
    ],
)
def test_a_json_object_under_another_label(method, kind, body, expected):
    assert is_mislabelled(Request(method, "/", "", CIMultiDict({"content-type": kind}), body)) is expected


def chunked(size):
    """A request whose body has this size, without a header that says so."""
    http = HttpRequest(Peer(), "POST", "/", "1.1", CIMultiDict())
    http.body.feed(b"x" * size)
    http.body.end()
    return http


async def test_the_size_of_a_body_that_tells_none_is_noted_as_it_grows():
    for size, noted in ((SMALL, []), (SMALL + 1, [SMALL + 1])):
        seen = []
        await Incoming(chunked(size), Bounds(10 * SMALL, note=seen.append)).begin(10 * SMALL)
        assert sorted({*seen}) == noted


async def test_what_is_held_of_a_large_upload_is_noted_too():
    seen = []
    request = Request("POST", "/v1/chat/completions", "", CIMultiDict({"content-type": "image/png"}))
    incoming = Incoming(chunked(3 * SMALL), Bounds(10 * SMALL, note=seen.append))
    request.body, request.upload = await incoming.begin(0)
    assert seen == []
    await hold(request)
    assert (seen[-1], len(request.body)) == (3 * SMALL, 3 * SMALL)


async def test_there_may_be_no_space_for_the_next_piece():
    def full(size):
        raise overloaded()

    with pytest.raises(GatewayError) as caught:
        await Incoming(chunked(2 * SMALL), Bounds(10 * SMALL, note=full)).begin(10 * SMALL)
    assert caught.value.status == 503
