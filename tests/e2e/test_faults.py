"""Everything that goes wrong between a provider and a client, with the whole gateway between them, on both event loops.

Each time: what the client is told, that the provider's connection is closed, that each reply ended once and how, and
(by the fixture) that no job, task or connection is left."""

import asyncio
import socket

import anthropic
import openai
import pytest
from stage.answers import CHAT, DONE, PATH, answers, chunk, completion, streams, text_events
from stage.gateway import proxied, until
from stage.raw import encode
from stage.wires import CHAT as CHAT_WIRE
from stage.wires import MESSAGES

from aigw.core.layers import Outcome

BODY = b'{"model":"gpt-4o","messages":[]}'
STREAM = b'{"model":"gpt-4o","messages":[],"stream":true}'
FIRST = text_events("a")[:2]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n"
TINY = {"connect": "5s", "first_byte": "500ms", "idle": "500ms"}
STREAMS_UPLOADS = {"max_kept_upload": 1}
both = pytest.mark.parametrize("body", [BODY, STREAM], ids=["plain", "stream"])


def sends(*pieces, then="gone"):
    """A script that answers with these bytes and then waits, resets or closes."""

    async def script(peer):
        for piece in pieces:
            await peer.send(piece)
        if then == "gone":
            await peer.gone()
        elif then == "reset":
            peer.reset()
        else:
            peer.writer.close()

    return script


def begins_then(then, *, events=FIRST):
    """A script that streams some events and then stalls, resets or closes."""

    async def script(peer):
        await peer.begin()
        for event in events:
            await peer.piece(event)
        await sends(then=then)(peer)

    return script


async def ended(running, upstream, outer, inner=None, *, connections=1):
    """Holds that the replies ended so, outside and inside of ai-proxy, and that nothing is open any more."""
    await upstream.all_closed()
    await until(lambda: running.upstream.open_connections == 0)
    await until(lambda: len(running.outer.ends) == running.outer.replies)
    await until(lambda: len(running.inner.ends) == running.inner.replies)
    assert running.outer.ends == outer
    assert running.inner.ends == (outer if inner is None else inner)
    assert len(upstream.peers) == connections
    await running.edge.settled()


def refused(answer, status, code):
    assert answer.status == status, answer.body
    error = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert (error["type"], error["code"]) == ("upstream_error", code)
    assert "127.0.0.1" in error["message"]
    assert answer.headers["x-request-id"]


# Before an answer


@both
async def test_refused(gateway, body):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        running = await gateway(proxied(f"http://127.0.0.1:{unused.getsockname()[1]}", probes=True))
        refused(await running.request("POST", PATH, body), 502, "upstream_connect")
    assert running.outer.ends == running.inner.ends == []
    assert running.upstream.open_connections == 0


@both
@pytest.mark.parametrize("then", ["reset", "close"])
async def test_reset_before_the_answer(behind, body, then):
    running, upstream = await behind(sends(b"", then=then), probes=True)
    refused(await running.request("POST", PATH, body), 502, "upstream_reset")
    await ended(running, upstream, [])


@both
async def test_stall_before_the_answer(behind, body):
    running, upstream = await behind(sends(), probes=True, timeouts=TINY)
    refused(await running.request("POST", PATH, body), 504, "upstream_first_byte_timeout")
    await ended(running, upstream, [])


@both
@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff\xfe garbage\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
    ids=["bytes", "ssh", "length", "endless-head", "upgrade"],
)
async def test_garbage(behind, body, garbage):
    running, upstream = await behind(sends(garbage), probes=True)
    refused(await running.request("POST", PATH, body), 502, "upstream_protocol")
    await ended(running, upstream, [])


# In an answer


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (begins_then("reset", events=()), "upstream_reset"),
        (begins_then("close", events=()), "upstream_reset"),
        (begins_then("gone", events=()), "upstream_idle_timeout"),
        (begins_then("gone", events=[b"data: {"]), "upstream_idle_timeout"),
        (sends(OK % b"text/event-stream" + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n"), "upstream_protocol"),
    ],
    ids=["reset", "close", "stall", "half an event", "garbage"],
)
async def test_before_the_first_event(behind, script, code):
    """The head alone commits to nothing: the client gets a status and an error that its SDK raises and may repeat."""
    running, upstream = await behind(script, probes=True, timeouts=TINY)
    with pytest.raises(openai.InternalServerError) as caught:
        await running.sdk().chat.completions.create(**CHAT, stream=True)
    assert caught.value.code == code
    await ended(running, upstream, [], [Outcome.FAILED])


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (begins_then("reset"), "upstream_reset"),
        (begins_then("close"), "upstream_reset"),
        (begins_then("gone"), "upstream_idle_timeout"),
        (
            sends(
                OK % b"text/event-stream" + b"Transfer-Encoding: chunked\r\n\r\n",
                *(b"%x\r\n%b\r\n" % (len(event), event) for event in FIRST),
                b"nonsense\r\n",
            ),
            "upstream_protocol",
        ),
    ],
    ids=["reset", "close", "stall", "garbage"],
)
async def test_after_the_first_event(behind, script, code):
    """What came is delivered, then an error event, which the SDK raises; and no [DONE]."""
    running, upstream = await behind(script, probes=True, timeouts=TINY)
    seen = []
    with pytest.raises(openai.APIError) as caught:
        async for event in await running.sdk(max_retries=2).chat.completions.create(**CHAT, stream=True):
            seen += [event.choices[0].delta.content]
    assert seen == ["", "a"]
    assert caught.value.code == code
    await ended(running, upstream, [Outcome.FAILED])


@pytest.mark.parametrize("wire", [CHAT_WIRE, MESSAGES], ids=str)
async def test_sdks_hear_of_a_failure_however_the_provider_tells_it(provider, gateway, wire):
    """Without `data:`, as Google does, and without the name of an event, by which Anthropic's SDK goes."""
    error = b'{"error":{"message":"busy","code":503}}\n\n'
    left = [error, b"data: " + error, b"event: error\ndata: " + error]

    async def script(peer):
        await peer.begin()
        for event in [*wire.opening(), wire.piece("a"), left.pop(0), *wire.closing(["a"])]:
            await peer.piece(event)
        await peer.end()

    upstream = await provider(script)
    running = await gateway(wire.config(upstream.url, {}), keeps=True)
    while left:
        with pytest.raises((openai.APIError, anthropic.APIError), match="busy"):
            [text async for text in wire.read(running)]
    assert len(upstream.requests) == 3


async def test_error_event_on_the_wire(behind):
    """The stream has its proper end, so that a client may send its next request on the same connection."""
    running, upstream = await behind(begins_then("reset"), probes=True)
    client = await running.connect()
    answer = await client.request("POST", PATH, STREAM)
    *events, error, rest = answer.body.split(b"\n\n")
    assert (b"\n\n".join(events) + b"\n\n", rest) == (b"".join(FIRST), b"")
    assert error.startswith(b'data: {"error":{')
    assert (await client.request("GET", "/-/health")).status == 200
    await ended(running, upstream, [Outcome.FAILED])


async def test_a_stream_without_a_mark_of_its_end_breaks(behind):
    """Google's streams have no last event, and google-genai up to 1.30 reads past an error: it took half for whole."""
    running, _ = await behind(begins_then("reset"))
    client = await running.connect()
    body = b'{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}'
    answer = await client.request("POST", "/v1beta/models/gpt-4o:streamGenerateContent?alt=sse", body)
    assert b'"text":"a"' in answer.body and b'{"error":{' in answer.body
    assert answer.truncated
    assert await client.closed()


async def test_an_error_event_for_a_client_that_knows_no_pieces(behind):
    """HTTP/1.0 has no other end of a stream than that of the connection."""
    running, _ = await behind(begins_then("reset"))
    client = await running.connect()
    await client.send(encode("POST", PATH, STREAM).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
    answer = await client.answer()
    assert b'data: {"error":{' in answer.body
    assert await client.closed()


@pytest.mark.parametrize("kind", [b"application/json", b"audio/mpeg"])
@pytest.mark.parametrize("then", ["reset", "close", "gone"])
async def test_half_a_body(behind, kind, then):
    """A body that was cut short never looks complete: JSON is refused, what is passed on ends without its last chunk."""
    head = OK % kind + b"Content-Length: 400000\r\n\r\n"
    running, upstream = await behind(sends(head, b"x" * 200_000, then=then), probes=True, timeouts=TINY)
    if kind == b"application/json":
        code = "upstream_idle_timeout" if then == "gone" else "upstream_reset"
        refused(await running.request("POST", PATH, BODY), 504 if then == "gone" else 502, code)
        await ended(running, upstream, [], [Outcome.FAILED])
        return
    client = await running.connect()
    answer = await client.request("POST", PATH, BODY)
    assert answer.truncated
    assert await client.closed()
    await ended(running, upstream, [Outcome.FAILED])


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
async def test_one_byte_at_a_time(behind, framing):
    """Head, framing and events one byte a segment: every event arrives."""
    events = b"".join(text_events("Grüße", "👋"))
    head = OK % b"text/event-stream"
    if framing == "chunked":
        head += b"Transfer-Encoding: chunked\r\n\r\n"
        wire = head + b"".join(b"1\r\n%c\r\n" % byte for byte in events) + b"0\r\n\r\n"
    elif framing == "length":
        wire = head + b"Content-Length: %d\r\n\r\n" % len(events) + events
    else:
        wire = head + b"\r\n" + events

    async def script(peer):
        peer.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in wire:
            await peer.send(bytes([byte]))
            await asyncio.sleep(0)
        peer.writer.close()

    running, upstream = await behind(script, probes=True)
    answer = await running.request("POST", PATH, STREAM)
    assert answer.body == events
    await ended(running, upstream, [Outcome.COMPLETE])


# The client leaves


@pytest.mark.parametrize("end", ["close", "reset", "half"])
@both
async def test_client_leaves_before_the_answer(behind, body, end):
    arrived = asyncio.Event()

    async def script(peer):
        await peer.body()
        arrived.set()
        await peer.gone()

    running, upstream = await behind(script, probes=True)
    client = await running.connect()
    await client.send(encode("POST", PATH, body))
    await asyncio.wait_for(arrived.wait(), 5)
    await leave(client, end)
    await ended(running, upstream, [])
    assert len(running.outer.exchanges) == 1


LEAVES = [(3, "close"), (3, "reset"), (3, "half"), (1, "half"), (1, "close"), (0, "reset")]
"""After how many events, and how. What only opens an answer is held back for two seconds, so that not all pairs are tried."""


@pytest.mark.parametrize(("events", "end"), LEAVES)
async def test_client_leaves_in_the_stream(behind, events, end):
    """Before the first token (a comment has come, or only the head) and after it."""
    began = asyncio.Event()

    async def script(peer):
        await peer.begin()
        for event in [b": wait\n\n", *text_events("a", "b")][: events + 1]:
            await peer.piece(event)
        began.set()
        await peer.gone()

    running, upstream = await behind(script, probes=True)
    client = await running.connect()
    await client.send(encode("POST", PATH, STREAM))
    await client.head()
    size = 0
    while size < len(b": wait\n\n" + b"".join(text_events("a", "b")[:events])):
        size += len(await client.chunk())
    await leave(client, end)
    await ended(running, upstream, [Outcome.ABORTED])


async def test_client_leaves_while_it_is_written_to(behind):
    """A client that has not read for long, so that the gateway waits in a write, and then leaves."""
    sent = 0

    async def pour(peer):
        nonlocal sent
        await peer.begin()
        while not peer.closed.is_set():
            await peer.piece(chunk({"content": "x" * 60_000}))
            sent += 60_000

    running, upstream = await behind(pour, probes=True)
    client = await running.connect(receive_buffer=16 * 1024)
    await client.send(encode("POST", PATH, STREAM))
    await client.head()
    before = -1
    while before != sent:
        before = sent
        await asyncio.sleep(0.05)
    await leave(client, "reset")
    await ended(running, upstream, [Outcome.ABORTED])


async def test_client_leaves_in_an_upload(provider, gateway):
    """The provider does not take an upload that was broken off for a complete one."""
    begun, complete = asyncio.Event(), []

    async def script(peer):
        async for _ in peer.pieces():
            begun.set()
        complete.append(peer)

    upstream = await provider(script)
    running = await gateway({**proxied(upstream.url, probes=True), **STREAMS_UPLOADS})
    client = await running.connect()
    request = encode(
        "POST", "/v1/files", b"--x\r\n", content_type="multipart/form-data; boundary=x", content_length="99"
    )
    await client.send(request)
    await asyncio.wait_for(begun.wait(), 5)
    await leave(client, "close")
    await ended(running, upstream, [])
    assert complete == []


async def leave(client, how):
    if how == "half":
        client.writer.write_eof()
    elif how == "reset":
        client.writer.transport.abort()
    else:
        await client.close()


async def test_sdk_leaves_by_cancellation(behind):
    """A task with a request in it is cancelled, as programs do it."""
    arrived = asyncio.Event()

    async def script(peer):
        await peer.body()
        arrived.set()
        await peer.gone()

    running, upstream = await behind(script, probes=True)
    task = asyncio.ensure_future(running.sdk().chat.completions.create(**CHAT))
    await asyncio.wait_for(arrived.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await ended(running, upstream, [])


# Odd ends


async def test_answer_before_the_upload_ends(provider, gateway):
    """A provider that refuses an upload early: its answer arrives, and both connections end."""

    async def script(peer):
        async for _ in peer.pieces():
            break
        peer.request.complete = True
        await peer.answer(b'{"error":{"message":"too large","type":"x","param":null,"code":null}}', 413)
        await peer.gone()

    upstream = await provider(script)
    running = await gateway({**proxied(upstream.url, probes=True), **STREAMS_UPLOADS})
    client = await running.connect()
    kind = "multipart/form-data; boundary=x"
    await client.send(encode("POST", "/v1/files", b"--x\r\n", content_type=kind, content_length="1000000"))
    answer = await client.answer()
    assert (answer.status, answer.json()["error"]["message"]) == (413, "too large")
    await client.close()
    await ended(running, upstream, [Outcome.COMPLETE])


async def test_stale_connection(behind):
    """A kept connection that the provider closed meanwhile: the request is sent again on a fresh one, unseen."""

    async def last(peer):
        await peer.answer(completion("first"))
        peer.writer.close()

    running, upstream = await behind(last, answers(completion("second")), probes=True)
    assert b"first" in (await running.request("POST", PATH, BODY)).body
    assert b"second" in (await running.request("POST", PATH, BODY)).body
    assert running.outer.ends == [Outcome.COMPLETE, Outcome.COMPLETE]
    assert len(upstream.peers) == 2


async def test_complete_stream_that_lingers(behind):
    """A provider that says [DONE] and keeps the response open: the client has all, and its leaving ends it."""

    async def script(peer):
        await peer.begin()
        for event in text_events("a"):
            await peer.piece(event)
        await peer.gone()

    running, upstream = await behind(script, probes=True)
    stream = await running.sdk().chat.completions.create(**CHAT, stream=True)
    assert [event.choices[0].delta.content async for event in stream] == ["", "a", None]
    await upstream.all_closed()
    await until(lambda: len(running.outer.ends) == 1)


async def test_events_behind_the_end(behind):
    """What a provider sends behind [DONE] is passed on, and a second [DONE] is never added."""
    sent = [*text_events("a"), b": bye\n\n"]
    running, _ = await behind(streams(*sent))
    assert (await running.request("POST", PATH, STREAM)).body == b"".join(sent)
    assert b"".join(sent).count(DONE) == 1
