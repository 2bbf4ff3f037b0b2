"""What goes out, what comes back, and which connections are kept."""

import asyncio

import pytest

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Origin
from aigw.upstream.http import HttpUpstream


async def read(response):
    return b"".join([piece async for piece in response.body])


async def test_writes_host_and_framing_itself(wire):
    seen = []

    async def script(peer):
        seen.append(await peer.request())
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    await wire.serve(script)
    headers = [
        ("Authorization", "Bearer x"), ("Host", "evil"), ("Content-Length", "9"), ("Transfer-Encoding", "chunked"),
        ("Connection", "close"), ("X-A", "1"), ("x-a", "2"),
    ]  # fmt: skip
    await wire.fetch(path="/v1/chat%20x", query="a=b&c", headers=headers, body=b'{"a":1}')
    assert seen == [
        b"POST /v1/chat%20x?a=b&c HTTP/1.1\r\nhost: api.example.com\r\nAuthorization: Bearer x\r\nX-A: 1\r\nx-a: 2\r\n"
        b'content-length: 7\r\n\r\n{"a":1}'
    ]


async def test_returns_status_headers_and_body(wire):
    async def script(peer):
        await peer.request()
        await peer.send(
            b"HTTP/1.1 429 Too Many\r\nContent-Length: 5\r\nSet-Cookie: a\r\nset-cookie: b\r\nX: \xc3\xa9\r\n\r\nhello"
        )

    await wire.serve(script)
    response = await wire.send()
    assert response.status == 429
    assert response.headers.getall("SET-COOKIE") == ["a", "b"]
    assert response.headers["x"] == "é"
    assert await read(response) == b"hello"
    assert [piece async for piece in response.body] == []


BODIES = {
    "length": b"Content-Length: 11\r\n\r\nhello world",
    "chunked": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\n",
    "trailers": b"Transfer-Encoding: Chunked\r\n\r\nb\r\nhello world\r\n0\r\nX-Sum: 1\r\nX-Two: 2\r\n\r\n",
    "close": b"\r\nhello world",
    "identity": b"Transfer-Encoding: identity\r\n\r\nhello world",
}


@pytest.mark.parametrize("framing", BODIES)
@pytest.mark.parametrize("piecewise", [False, True])
async def test_reads_every_framing(wire, framing, piecewise):
    async def script(peer):
        await peer.request()
        data = b"HTTP/1.1 200 OK\r\n" + BODIES[framing]
        for start in range(0, len(data), 1 if piecewise else len(data)):
            await peer.send(data[start : start + (1 if piecewise else len(data))])
            await asyncio.sleep(0)

    await wire.serve(script)
    response = await wire.send()
    assert await read(response) == b"hello world"
    assert "x-sum" not in response.headers


async def test_delivers_a_piece_as_soon_as_it_arrives(wire):
    read_first = asyncio.Event()

    async def script(peer):
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await peer.send(b"9\r\ndata: 1\n\n\r\n")
        await read_first.wait()
        await peer.send(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    await wire.serve(script)
    response = await wire.send()
    assert await anext(response.body) == b"data: 1\n\n"
    read_first.set()
    assert await anext(response.body) == b"data: 2\n\n"
    with pytest.raises(StopAsyncIteration):
        await anext(response.body)


async def test_what_arrived_together_is_delivered_together(wire):
    async def script(peer):
        await peer.request()
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        await peer.send(head + b"9\r\ndata: 1\n\n\r\n" + b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    await wire.serve(script)
    response = await wire.send()
    assert [piece async for piece in response.body] == [b"data: 1\n\ndata: 2\n\n"]


async def test_reuses_a_connection(wire):
    async def script(peer):
        for _ in range(3):
            await peer.answer(b"x" * 2000)

    await wire.serve(script)
    for _ in range(3):
        assert await wire.fetch() == b"x" * 2000
    assert wire.accepted == 1
    assert wire.upstream.open_connections == 1


async def test_a_complete_answer_frees_its_connection_before_it_is_read(wire):
    async def script(peer):
        for number in range(2):
            await peer.answer(b"%d" % number)

    await wire.serve(script)
    first, second = await wire.send(), await wire.send()
    assert wire.accepted == 1
    assert [await read(second), await read(first)] == [b"1", b"0"]


async def test_runs_requests_side_by_side(wire):
    async def script(peer):
        while request := await peer.request():
            path = request.split()[1]
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))

    await wire.serve(script)
    paths = [f"/{number}" for number in range(200)]
    assert await asyncio.gather(*(wire.fetch(path=path) for path in paths)) == [path.encode() for path in paths]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok!",
    ],
)
async def test_drops_a_connection_that_cannot_serve_again(wire, answer):
    async def script(peer):
        await peer.request()
        await peer.send(answer)
        await peer.gone()

    await wire.serve(script)
    assert await wire.fetch() == b"ok"
    assert wire.upstream.open_connections == 0
    await wire.served()


async def test_drops_an_idle_connection_that_speaks_unasked(wire):
    async def script(peer):
        await peer.answer()
        await peer.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        await peer.gone()

    await wire.serve(script)
    await wire.fetch()
    await wire.served()
    assert wire.upstream.open_connections == 0


async def test_forgets_an_idle_connection_that_the_peer_closes(wire):
    async def script(peer):
        await peer.answer()

    await wire.serve(script)
    for count in range(1, 3):
        await wire.fetch()
        await wire.until(lambda: wire.upstream.open_connections == 0)
        assert wire.accepted == count


async def test_closes_idle_connections_in_time(wire):
    wire.upstream = HttpUpstream(idle_seconds=0.02)

    async def script(peer):
        await peer.answer()
        await peer.gone()

    await wire.serve(script)
    await wire.fetch()
    await wire.served()
    assert wire.upstream.open_connections == 0


async def test_keeps_a_bounded_number_of_idle_connections(wire):
    wire.upstream = HttpUpstream(max_idle=2)
    everyone = asyncio.Barrier(5)

    async def script(peer):
        await peer.request()
        await everyone.wait()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await peer.gone()

    await wire.serve(script)
    await asyncio.gather(*(wire.fetch() for _ in range(5)))
    assert wire.accepted == 5
    assert wire.upstream.open_connections == 2


async def test_keeps_nothing_after_it_was_closed(wire):
    go_on = asyncio.Event()

    async def script(peer):
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
        await go_on.wait()
        await peer.send(b"k")
        await peer.gone()

    await wire.serve(script)
    response = await wire.send()
    await wire.upstream.aclose()
    go_on.set()
    assert await read(response) == b"ok"
    assert wire.upstream.open_connections == 0


async def test_skips_interim_answers(wire):
    async def script(peer):
        await peer.request()
        await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await peer.answer()

    await wire.serve(script)
    response = await wire.send(headers=[("Expect", "100-continue")], body=b"x")
    assert (response.status, "link" in response.headers, await read(response)) == (200, False, b"ok")
    assert await wire.fetch() == b"{}"
    assert wire.accepted == 1


@pytest.mark.parametrize("surplus", [b"", b"1\r\nx\r\n"])
@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b""])
async def test_head_has_no_body(wire, framing, surplus):
    async def script(peer):
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n" + surplus)
        await peer.gone()

    await wire.serve(script)
    assert await wire.fetch("HEAD") == b""
    await wire.served()


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_answers_without_a_body_keep_the_connection(wire, status):
    async def script(peer):
        await peer.request()
        await peer.send(b"HTTP/1.1 " + status + b"\r\n\r\n")
        await peer.answer()

    await wire.serve(script)
    assert await wire.fetch("GET") == b""
    assert await wire.fetch("GET") == b"{}"
    assert wire.accepted == 1


@pytest.mark.parametrize("size", [60_000, 3_000_000])
async def test_sends_bodies_of_any_size_and_closes_nothing(wire, size):
    async def script(peer):
        for _ in range(2):
            request = await peer.request()
            await peer.send(
                b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n%08d" % len(request.partition(b"\r\n\r\n")[2])
            )

    await wire.serve(script)
    for _ in range(2):
        assert int(await wire.fetch(body=b"x" * size)) == size
    assert wire.accepted == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "/a b"}, {"path": "/a\r\nX: y"}, {"path": ""}, {"query": "a\nb"}, {"method": "GET /x"},
        {"headers": [("a", "b\r\nc: d")]}, {"headers": [("a", "b\nc")]}, {"headers": [("a", "b\rc")]},
        {"headers": [("a", "b\0c")]}, {"headers": [("a: b", "c")]}, {"headers": [("transfer-encoding ", "chunked")]},
        {"headers": [("", "c")]},
    ],
)  # fmt: skip
async def test_refuses_what_could_be_read_as_something_else(wire, wrong):
    with pytest.raises(UpstreamError, match="not sent") as caught:
        await wire.send(**wrong)
    assert caught.value.fault is UpstreamFault.PROTOCOL


async def test_connects_to_no_address_that_is_refused(wire):
    wire.upstream = HttpUpstream(refuse=lambda address: "" if address == "127.0.0.2" else f"{address} is refused")
    await wire.serve(lambda peer: peer.answer())
    with pytest.raises(UpstreamError, match=r"^http://localhost:\d+: (127\.0\.0\.1|::1) is refused$") as caught:
        await wire.send(origin=Origin("http", "localhost", wire.port))
    assert caught.value.fault is UpstreamFault.CONNECT
    assert wire.accepted == 0


async def test_connects_to_the_other_addresses_of_a_name(wire):
    wire.upstream = HttpUpstream(refuse=lambda address: "" if address == "127.0.0.1" else f"{address} is refused")
    await wire.serve(lambda peer: peer.answer())
    assert await wire.fetch(origin=Origin("http", "localhost", wire.port)) == b"{}"
