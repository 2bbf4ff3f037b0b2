"""Each fault of an upstream, for each format and form of clients, with each store: a fault never looks like an answer, is
booked as a failure, and is not cached. A stream is told in its body what went wrong, once it has content."""

import asyncio
import json

import pytest
from stage.gateway import until
from stage.raw import encode
from stage.wires import CHAT, MESSAGES, RESPONSES, typed

TEXTS = ["one ", "two"]
REDIS = {"serviceName": "redis.static", "servicePort": 6379}
BUDGET = {"budgets": [{"name": "all", "tokens": 10**9}], "redis": {"service_name": "redis.static"}}
STORES = {
    "none": {},
    "cache": {"ai-cache": {"redis": REDIS}},
    "budget": {"ai-cache": {"redis": REDIS}, "ai-budget": BUDGET},
}
ERROR = {"error": {"message": "busy", "code": 503}}


def body_of(wire, *, stream):
    return b"".join(wire.events(TEXTS)) if stream else wire.plain(TEXTS)


def framed(raw, framing, kind, *, cut=False):
    """An answer whose body is `raw`, as it stands on the wire. `cut`: the framing promises more."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\n" % kind
    if framing == "chunked":
        end = b"" if cut else b"0\r\n\r\n"
        return head + b"transfer-encoding: chunked\r\n\r\n" + (b"%x\r\n%b\r\n" % (len(raw), raw) if raw else b"") + end
    if framing == "length":
        return head + b"content-length: %d\r\n\r\n" % (len(raw) + 9 * cut) + raw
    return (head.replace(b"1.1", b"1.0") if framing == "http/1.0" else head) + b"connection: close\r\n\r\n" + raw


def faults(wire, *, stream):
    """The answers that are none, by name."""
    kind = b"text/event-stream" if stream else b"application/json"
    whole = body_of(wire, stream=stream)
    for framing in ("chunked", "length", "close", "http/1.0"):
        for name, size in (
            ("empty", 0),
            ("third", len(whole) // 3),
            ("half", len(whole) // 2),
            ("late", len(whole) - 45),
        ):
            yield f"{framing} {name}", framed(whole[:size], framing, kind)
    for framing in ("chunked", "length"):
        yield f"{framing} broken", framed(whole[: len(whole) // 2], framing, kind, cut=True)
    yield "page", framed(b"<html>no</html>", "length", b"text/html")
    yield "error in JSON", framed(json.dumps(ERROR).encode(), "length", b"application/json")
    yield "status 500", framed(b"{}", "length", b"application/json").replace(b"200 OK", b"500 No")
    yield "no answer", b""
    if stream:
        opening = wire.opening()[0]
        told = typed("error", **ERROR) if wire is MESSAGES else b"data: " + json.dumps(ERROR).encode() + b"\n\n"
        yield "error after the opening", framed(opening + told, "chunked", kind)
        yield "only the opening", framed(opening, "chunked", kind)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("wire", [CHAT, MESSAGES, RESPONSES], ids=str)
async def test_a_fault_never_looks_like_an_answer(provider, gateway, wire, stream, store):
    answers = dict(faults(wire, stream=stream))
    left = list(answers.values())

    async def script(peer):
        await peer.send(left.pop(0))
        peer.writer.close()

    upstream = await provider(script)
    running = await gateway(wire.config(upstream.url, STORES[store]), keeps=True)
    body = json.dumps(wire.body(stream=stream)).encode()
    wrong = []
    for number, name in enumerate(answers, 1):
        got = await running.request("POST", wire.stream_path if stream else wire.path, body)
        await until(lambda number=number: len(running.rows) == number)
        told = got.status >= 400 or (stream and b'"error"' in got.body.rstrip().rpartition(b"\n\n")[2])
        if not told or not running.rows[-1].failed or len(upstream.requests) < number or b"[DONE]" in got.body:
            wrong.append((name, got.status, got.body[-200:], running.rows[-1].outcome))
    assert wrong == []


@pytest.mark.parametrize("wire", [MESSAGES, RESPONSES], ids=str)
async def test_a_client_that_leaves_after_the_last_event_has_all(provider, gateway, wire):
    async def script(peer):
        await peer.begin()
        for event in wire.events(TEXTS):
            await peer.piece(event)
        await peer.gone()

    upstream = await provider(script)
    running = await gateway(wire.config(upstream.url, {}), keeps=True)
    client = await running.connect()
    await client.send(encode("POST", wire.path, json.dumps(wire.body(stream=True)).encode()))
    await client.head()
    last = b"message_stop" if wire is MESSAGES else b"response.completed"
    while last not in await client.chunk():
        pass
    await client.close()
    await upstream.all_closed()
    await until(lambda: running.rows != [])
    assert (running.rows[0].outcome, running.rows[0].status) == ("complete", 200)


@pytest.mark.parametrize("wire", [CHAT, MESSAGES, RESPONSES], ids=str)
async def test_a_client_that_has_left_has_all_whatever_comes_behind_the_last_event(provider, gateway, wire):
    left = asyncio.Event()

    async def script(peer):
        await peer.begin()
        for event in wire.events(TEXTS):
            await peer.piece(event)
        await left.wait()
        while not peer.closed.is_set():
            await peer.piece(b": more\n\n")
            await asyncio.sleep(0)

    upstream = await provider(script)
    running = await gateway(wire.config(upstream.url, {}), keeps=True)
    last = wire.closing(TEXTS)[-1].split()[-1]
    for number in range(10):
        left.clear()
        client = await running.connect()
        await client.send(encode("POST", wire.path, json.dumps(wire.body(stream=True)).encode()))
        await client.head()
        while last not in await client.chunk():
            pass
        left.set()
        client.writer.transport.abort()
        await upstream.all_closed()
        await until(lambda number=number: len(running.rows) == number + 1)
    assert {(row.outcome, row.status) for row in running.rows} == {("complete", 200)}
