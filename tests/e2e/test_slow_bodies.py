"""Clients that drip the body of a request are answered 408 in their own shape; those that only pause are served."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from stage.answers import PATH, answers, completion
from stage.gateway import proxied, until
from stage.raw import encode

BODY = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello!"}]}).encode()
SLOW = {"body": "400ms"}
SHAPES = {
    PATH: lambda body: body["error"]["code"] == "request_timeout",
    "/v1/messages": lambda body: body["type"] == "error",
    "/v1beta/models/gemini-2.5-pro:generateContent": lambda body: body["error"]["code"] == 408,
    "/v1/audio/transcriptions": lambda body: body["error"]["code"] == "request_timeout",
}
KINDS = {"json": "application/json", "form": "multipart/form-data; boundary=x", "octets": "application/octet-stream"}


async def drip(client, data, seconds=0.05):
    with contextlib.suppress(ConnectionError):
        for byte in data:
            client.writer.write(bytes([byte]))
            await client.writer.drain()
            await asyncio.sleep(seconds)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("path", SHAPES)
async def test_a_byte_at_a_time(behind, path, kind):
    running, upstream = await behind(answers(completion()), timeouts=SLOW)
    client = await running.connect()
    request = encode("POST", path, BODY, content_type=kind)
    await client.send(request[: -len(BODY)])
    dripping = asyncio.create_task(drip(client, BODY))
    answer = await client.answer()
    dripping.cancel()
    await asyncio.wait([dripping])
    assert (answer.status, SHAPES[path](answer.json())) == (408, True)
    assert upstream.requests == []


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_no_byte_at_all(behind, framing):
    running, upstream = await behind(answers(completion()), timeouts=SLOW)
    client = await running.connect()
    sized = {"content_length": "100"} if framing == "length" else {"content_length": "", "transfer_encoding": "chunked"}
    await client.send(encode("POST", PATH, **sized))
    answer = await client.answer()
    assert (answer.status, answer.json()["error"]["code"]) == (408, "request_timeout")
    assert upstream.requests == []


async def test_an_upload_that_stops_in_its_middle(behind):
    """It is on its way to the provider already."""
    running, _ = await behind(answers(completion()), timeouts=SLOW)
    client = await running.connect()
    await client.send(encode("POST", "/v1/files", content_type="application/octet-stream", content_length="99000000"))
    await client.send(b"x" * 200_000)
    assert (await client.answer()).status == 408


async def test_a_client_that_leaves_in_the_middle_is_written_down(provider, gateway):
    upstream = await provider(answers(completion()))
    running = await gateway(proxied(upstream.url), keeps=True)
    client = await running.connect()
    await client.send(encode("POST", PATH, BODY)[:-9])
    await client.close()
    await until(lambda: running.rows != [])
    (row,) = running.rows
    assert (row.status, row.outcome, row.api) == (499, "aborted", "openai/v1/chatcompletions")
    assert upstream.requests == []


async def test_a_client_that_only_pauses(behind):
    running, _ = await behind(answers(completion()), timeouts=SLOW)
    client = await running.connect()
    request = encode("POST", PATH, BODY)
    for start in (0, len(request) - 40, len(request) - 20):
        await client.send(request[start : {0: -40, len(request) - 40: -20}.get(start)])
        await asyncio.sleep(0.1)
    assert (await client.answer()).status == 200


async def test_higress_waits(gateway, provider):
    upstream = await provider(answers(completion()))
    running = await gateway({**proxied(upstream.url, timeouts={"body": "50ms"}), "fidelity": "higress"})
    client = await running.connect()
    request = encode("POST", PATH, BODY)
    await client.send(request[:-9])
    await asyncio.sleep(0.2)
    await client.send(request[-9:])
    assert (await client.answer()).status == 200
