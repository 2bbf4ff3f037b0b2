"""The usage of a provider's answer is read behind ai-proxy however it is coded and labelled, and the client gets its bytes as
they came."""

import asyncio
import gzip
import json
import zlib

import brotli
import pytest
from backports import zstd
from stage.answers import CHAT, DONE, PATH, answers, chunk, completion
from stage.gateway import proxied, until
from stage.raw import RawClient

USAGE = {"prompt_tokens": 7, "completion_tokens": 30, "total_tokens": 37}
PLAIN = completion(usage=USAGE)
STREAM = b"".join([chunk({"content": "Hi"}), chunk({}, "stop"), chunk(usage=USAGE, choices=None), DONE])
CODINGS = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstd.compress}


@pytest.mark.parametrize("then", ["close", "leave"])
async def test_what_arrived_of_a_broken_answer_is_estimated(provider, gateway, then):
    """Its provider breaks off, or its client leaves."""
    sent = asyncio.Event()

    async def half(peer):
        await peer.body()
        body = completion("one two three four five", usage=USAGE)
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        await peer.send(head + body[: body.index(b"five")])
        sent.set()
        if then == "leave":
            await peer.gone()
        else:
            peer.writer.close()

    upstream = await provider(half)
    running = await gateway(proxied(upstream.url), keeps=True)
    client = await RawClient.connect(running.port)
    asked = asyncio.create_task(
        client.request("POST", PATH, json.dumps(CHAT).encode(), content_type="application/json")
    )
    await sent.wait()
    if then == "leave":
        await until(lambda: running.upstream.open_connections == 1)
        await client.close()
    await asyncio.wait([asked])
    asked.exception()
    await until(lambda: len(running.rows) == 1)
    tokens = running.rows[0].tokens
    assert tokens.source == "estimated"
    assert tokens.input > 0
    assert 3 <= tokens.output <= 6
    await client.close()


@pytest.mark.parametrize("end", [b"", b"\n\n"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_whole_answer_that_says_that_it_is_a_stream(provider, gateway, stream, end):
    upstream = await provider(answers(PLAIN + end, kind="text/event-stream"))
    running = await gateway(proxied(upstream.url), keeps=True)
    client = await RawClient.connect(running.port)
    asked = json.dumps({**CHAT, "stream": stream}).encode()
    answer = await client.request("POST", PATH, asked, content_type="application/json")
    await client.close()
    assert answer.headers["content-type"] == ("text/event-stream; charset=utf-8" if stream else "application/json")
    assert answer.body.startswith(b"data: {") == stream
    assert answer.body.endswith(b"data: [DONE]\n\n" if stream else PLAIN + end)
    await until(lambda: len(running.rows) == 1)
    tokens = running.rows[0].tokens
    assert (tokens.source, tokens.input, tokens.output) == ("reported", 7, 30)


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "application/octet-stream", ""])
@pytest.mark.parametrize("body", [PLAIN, STREAM, PLAIN[:-1] + b', "x": NaN}'], ids=["plain", "stream", "NaN"])
@pytest.mark.parametrize("coding", CODINGS)
async def test_usage_is_read(provider, gateway, coding, body, kind):
    if kind == "text/event-stream" and body is not STREAM:
        return  # a stream that is none, see test_a_whole_answer_that_says_that_it_is_a_stream
    raw = CODINGS[coding](body)
    upstream = await provider(answers(raw, headers={"Content-Encoding": coding} if coding else {}, kind=kind))
    running = await gateway(proxied(upstream.url), keeps=True)
    client = await RawClient.connect(running.port)
    asked = json.dumps({**CHAT, "stream": body is STREAM, "stream_options": {"include_usage": True}}).encode()
    answer = await client.request("POST", PATH, asked, content_type="application/json")
    assert answer.body == raw
    await client.close()
    await until(lambda: len(running.rows) == 1)
    tokens = running.rows[0].tokens
    assert (tokens.source, tokens.input, tokens.output) == ("reported", 7, 30)
