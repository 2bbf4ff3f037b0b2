"""Connections as sockets: slow and leaving readers, pipelines, odd request lines."""

import asyncio
import socket

import pytest
from stage.answers import CHAT, PATH, answers, chunk, completion, streams, text_events
from stage.gateway import BUILTIN, until
from stage.raw import encode
from stage.upstream import PATIENCE

from aigw.core.layers import Outcome

BODY = b'{"model":"gpt-4o","messages":[]}'
STREAM = b'{"model":"gpt-4o","messages":[],"stream":true}'
MEGABYTE = 2**20


async def test_slow_reader(behind):
    """A client that does not read pauses the provider: nobody holds what it has not read."""
    sent = 0
    event, end = chunk({"content": "x" * 60_000}), b"".join(text_events()[1:])

    async def pour(peer):
        nonlocal sent
        peer.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        await peer.begin()
        for _ in range(1000):
            await peer.piece(event)
            sent += len(event)
        await peer.piece(end)
        await peer.end()

    running, _ = await behind(pour, probes=True)
    client = await running.connect(receive_buffer=16 * 1024)
    await client.send(encode("POST", PATH, STREAM))
    await client.head()
    await stands_still(lambda: sent)
    held = sent
    assert 0 < held < 12 * MEGABYTE  # the kernel's buffers on both sides and a bounded one of ours
    size = 0
    while data := await client.chunk():
        size += len(data)
    assert sent == 1000 * len(event)
    assert size == sent + len(end)
    await until(lambda: running.outer.ends == [Outcome.COMPLETE])


async def stands_still(value):
    """Waits until a number has been the same for a tenth of a second."""
    async with asyncio.timeout(PATIENCE):
        last = None
        while value() != last or not last:
            last = value()
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("when", ["before the answer", "in the stream"])
async def test_half_closed(behind, when):
    """A client that closes its sending side counts as one that left: the provider's connection is closed."""
    began = asyncio.Event()

    async def script(peer):
        await peer.body()
        if when == "in the stream":
            await peer.begin()
            await peer.piece(text_events("x")[0])
        began.set()
        await peer.gone()

    running, upstream = await behind(script, probes=True)
    client = await running.connect()
    await client.send(encode("POST", PATH, STREAM))
    await asyncio.wait_for(began.wait(), PATIENCE)
    if when == "in the stream":
        await client.head()
        await client.chunk()
    client.writer.write_eof()
    await upstream.all_closed()
    await until(lambda: running.upstream.open_connections == 0)
    assert running.outer.ends == ([Outcome.ABORTED] if when == "in the stream" else [])


async def test_pipelined(behind):
    """Requests sent without waiting are answered in their order."""

    async def script(peer):
        await peer.body()
        await asyncio.sleep(0.05 if b"one" in peer.request.body else 0)  # the first one is the slowest
        await peer.answer(completion(peer.request.json()["messages"][0]["content"]))

    running, _ = await behind(script)
    client = await running.connect()
    names = ["one", "two", "three", "four"]
    bodies = [b'{"model":"m","messages":[{"role":"user","content":"%b"}]}' % name.encode() for name in names]
    await client.send(b"".join(encode("POST", PATH, body) for body in bodies))
    got = [(await client.answer()).json()["choices"][0]["message"]["content"] for _ in bodies]
    assert got == names


async def test_pipelined_behind_a_refusal(behind):
    """A refused request does not spoil those behind it."""
    running, _ = await behind(answers())
    client = await running.connect()
    sent = [encode("POST", PATH, b"{"), encode("GET", "/-/health"), encode("POST", PATH, BODY)]
    await client.send(b"".join(sent))
    assert [(await client.answer()).status for _ in sent] == [400, 200, 200]


async def test_pipelined_behind_a_stream(behind):
    """A stream is complete before the next answer begins, on the same connection."""
    events = text_events("a", "b")
    running, _ = await behind(streams(*events), answers())
    client = await running.connect()
    await client.send(encode("POST", PATH, STREAM) + encode("POST", PATH, BODY))
    assert (await client.answer()).body == b"".join(events)
    assert (await client.answer()).json()["choices"][0]["message"]["content"] == "Hi"


@pytest.mark.parametrize("body", [BODY, STREAM])
async def test_connection_close(behind, body):
    """`Connection: close` is honoured, after the whole answer."""
    events = text_events("a")
    running, upstream = await behind(streams(*events) if body is STREAM else answers())
    client = await running.connect()
    answer = await client.request("POST", PATH, body, connection="close")
    assert answer.body == (b"".join(events) if body is STREAM else completion())
    assert not answer.truncated
    assert await client.closed()
    assert "connection" not in upstream.requests[0].headers


async def test_http_1_0(behind):
    """A client of HTTP/1.0 gets its answer up to the close, without chunks."""
    events = text_events("a")
    running, _ = await behind(streams(*events))
    client = await running.connect()
    await client.send(encode("POST", PATH, STREAM).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
    answer = await client.answer()
    assert answer.body == b"".join(events)
    assert "transfer-encoding" not in answer.headers


async def test_head(behind):
    """HEAD has the headers of GET and no body, also from the provider, and the connection stays usable."""

    async def script(peer):
        if peer.request.method == "HEAD":
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 77\r\n\r\n"
            await peer.send(head)
        else:
            await peer.answer(b'{"object":"list","data":[{"id":"m","object":"model"}]}')

    running, upstream = await behind(script)
    client = await running.connect()
    head = await client.request("HEAD", "/v1/models")
    assert (head.status, head.headers["content-length"]) == (200, "77")
    assert (await client.request("GET", "/v1/models")).status == 200
    assert [request.method for request in upstream.requests] == ["HEAD", "GET"]


async def test_absolute_form(behind):
    """A request line in absolute form is the same as one in origin form."""
    running, upstream = await behind(answers())
    client = await running.connect()
    answer = await client.request("POST", f"http://127.0.0.1:{running.port}{PATH}?a=1", BODY)
    assert answer.status == 200
    assert upstream.requests[0].target == f"{PATH}?a=1"


@pytest.mark.parametrize("target", ["/v1/files/a%2Fb?x=%20y&x=2&empty=", "/v1/files/%E2%82%AC", "/v1/files/a+b;c=d"])
async def test_targets_stay_escaped(behind, target):
    """Path and query go on as they are on the wire."""
    running, upstream = await behind(answers())
    assert (await running.request("GET", target)).status == 200
    assert upstream.requests[0].target == target


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: nine\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer sk-secret\0\r\n\r\n",
    ],
    ids=["tls", "no-http", "length", "two-lengths", "length-and-chunked", "huge-header", "bad-character"],
)
async def test_no_http(behind, garbage, caplog):
    """What is not HTTP, or could be read in two ways, is refused in JSON; its bytes are shown and logged nowhere."""
    running, upstream = await behind(answers())
    client = await running.connect()
    await client.send(garbage)
    answer = await client.answer()
    assert answer.status == (431 if len(garbage) > 200_000 else 400)
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert await client.closed()
    assert b"sk-secret" not in answer.body
    assert "sk-secret" not in caplog.text
    assert upstream.requests == []
    assert (await running.request("GET", "/-/health")).status == 200


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
async def test_broken_chunks(behind, kind, caplog):
    """A body whose framing breaks gets 400 in JSON and does not look complete to the provider."""
    complete = []

    async def receive(peer):
        await peer.body()
        complete.append(peer)
        await peer.answer()

    running, upstream = await behind(receive)
    client = await running.connect()
    head = f"POST /v1/files HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
    await client.send(head.encode() + b"3\r\nabc\r\n")
    await asyncio.sleep(0.02)  # so that the rest comes as a read of its own
    await client.send(b"zz\r\nsk-secret")
    async with asyncio.timeout(0.5):
        answer = await client.answer()
    assert answer.status == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert b"sk-secret" not in answer.body
    assert "sk-secret" not in caplog.text
    await upstream.all_closed()
    assert complete == []


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_without_a_body(behind, status):
    """204 and 304 have no body and no framing, and the connection stays usable."""

    async def script(peer):
        await peer.send(b"HTTP/1.1 %d X\r\nETag: x\r\n\r\n" % status)

    running, _ = await behind(script)
    client = await running.connect()
    for _ in range(2):
        answer = await client.request("DELETE", "/v1/files/x")
        assert (answer.status, answer.headers["etag"]) == (status, "x")
        assert "transfer-encoding" not in answer.headers
    assert (await client.request("GET", "/-/health")).status == 200


async def test_odd_headers_pass(behind):
    """Repeated headers stay apart, and bytes that are no ASCII are not changed."""
    running, upstream = await behind(answers())
    client = await running.connect()
    odd = b"\r\nx-a: 1\r\nx-a: 2\r\nx-b: gr\xc3\xbc\xc3\x9f\r\nx-c: caf\xe9\r\n\r\n"
    await client.send(encode("POST", PATH, BODY).replace(b"\r\n\r\n", odd, 1))
    assert (await client.answer()).status == 200
    assert odd[:-4] in upstream.requests[0].head


@pytest.mark.parametrize(
    "line", [b"OPTIONS * HTTP/1.1", b"GET /v1/\xff HTTP/1.1", b"CONNECT evil.example:443 HTTP/1.1"]
)
async def test_odd_request_lines(behind, line):
    """What no provider should see is refused in JSON."""
    running, upstream = await behind(answers())
    client = await running.connect()
    await client.send(line + b"\r\nhost: 127.0.0.1\r\n\r\n")
    async with asyncio.timeout(2):
        answer = await client.answer()
    assert answer.status in (400, 404, 405)
    assert answer.json()["error"]["message"]
    assert upstream.requests == []


@pytest.mark.parametrize("cut", [20, -1])
async def test_leaving_in_the_request(behind, cut):
    """A client that goes away before its request is complete leaves nothing behind."""
    running, upstream = await behind(answers())
    client = await running.connect()
    await client.send(encode("POST", PATH, BODY)[:cut])
    await client.close()
    assert (await running.request("GET", "/-/health")).status == 200
    assert upstream.requests == []


async def test_many_on_one_connection(gateway):
    """Requests of every kind, one after another on one connection."""
    running = await gateway(BUILTIN)
    client = await running.connect()
    chat = b'{"model":"echo","messages":[{"role":"user","content":"Hi"}],"stream":%b}'
    for _ in range(20):
        assert (await client.request("GET", "/v1/models")).status == 200
        assert (await client.request("POST", PATH, chat % b"false")).json()["model"] == "echo"
        assert (await client.request("POST", PATH, chat % b"true")).body.endswith(b"data: [DONE]\n\n")
        assert (await client.request("POST", PATH, b"{")).status == 400
        assert (await client.request("PUT", PATH, chat % b"true")).status == 405
    assert CHAT["model"] not in (await client.request("GET", "/v1/models")).body.decode()
