"""OpenAI's npm SDK, run by Node.js: it reads streams and vectors otherwise than the Python one."""

import json

import pytest
from stage.answers import answers, data, error_body, streams, text_events
from stage.gateway import BUILTIN


async def test_chat(gateway, play):
    """A plain answer, its usage and its request ids."""
    got = await play(await gateway(BUILTIN), "chat")
    assert got["text"] == "Hello!"
    assert got["usage"]["total_tokens"] > 2
    assert got["request_id"].startswith("req_")
    assert got["own"] not in ("", None, got["request_id"])


async def test_stream(gateway, play):
    """The SDK compares `[DONE]` for equality and then stops."""
    got = await play(await gateway(BUILTIN), "stream")
    assert ("".join(text or "" for text in got["seen"]), got["error"]) == ("Hello!", None)


async def test_usage_of_a_stream(gateway, play):
    """The extra chunk with the usage, where it was asked for."""
    got = await play(await gateway(BUILTIN), "usage")
    assert got["usage"]["completion_tokens"] == 32
    assert got["text"].startswith("Lorem")


async def test_tool_call(gateway, play):
    """Fragments of a call, put together by the SDK."""
    got = await play(await gateway(BUILTIN), "tools")
    assert got["finish_reason"] == "tool_calls"
    (call,) = got["calls"]
    assert call["name"] == "weather"
    assert isinstance(json.loads(call["arguments"])["city"], str)


async def test_embeddings(gateway, play):
    """The SDK decodes base64 whatever comes; floats that were asked for are floats."""
    got = await play(await gateway(BUILTIN), "embeddings")
    assert [len(vector) for vector in got["unasked"]] == [8, 8]
    assert sum(number * number for number in got["unasked"][0]) == pytest.approx(1, abs=1e-4)
    for unasked, floats in zip(got["unasked"], got["floats"], strict=True):
        assert unasked == pytest.approx(floats, abs=1e-6)


async def test_embeddings_of_a_provider_without_base64(behind, play):
    """A provider that answers floats whatever was asked; without re-encoding Node would read garbage."""
    numbers = [0.5, -0.25, 1.0, 0.0, 2.0, -3.5, 0.125, 8.0]
    rows = [{"object": "embedding", "index": index, "embedding": numbers} for index in range(2)]
    body = json.dumps({"object": "list", "model": "m", "data": rows, "usage": {}}).encode()
    running, _ = await behind(answers(body))
    got = await play(running, "embeddings")
    assert got == {"unasked": [numbers] * 2, "floats": [numbers] * 2}


async def test_models(gateway, play):
    """The list and one of it."""
    got = await play(await gateway(BUILTIN), "models")
    assert [name for name in got["listed"] if not name.startswith("builtin/")] == ["echo", "mock"]  # others embed
    assert (got["one"]["id"], got["one"]["object"]) == ("echo", "model")


async def test_error(gateway, play):
    """Message, type, code and the request id are where the SDK looks for them."""
    got = await play(await gateway(BUILTIN), "error")
    assert (got["name"], got["status"], got["code"]) == ("NotFoundError", 404, "model_not_found")
    assert got["type"] == "invalid_request_error"
    assert "gpt-9" in got["message"]
    assert got["requestID"]


async def test_error_in_a_stream(behind, play):
    """An error event raises, after what came before it."""
    error = data({"error": {"message": "overloaded", "type": "server_error", "code": "busy", "param": None}})
    running, _ = await behind(streams(*text_events("a")[:2], error))
    got = await play(running, "stream")
    assert got["seen"] == ["", "a"]
    assert got["error"]["code"] == "busy"


async def test_broken_stream(behind, play):
    """The gateway's own error event raises as well."""

    async def script(peer):
        await peer.begin()
        for event in text_events("a")[:2]:
            await peer.piece(event)
        peer.reset()

    running, _ = await behind(script)
    got = await play(running, "stream")
    assert got["seen"] == ["", "a"]
    assert got["error"]["code"] == "upstream_reset"


async def test_comments_and_odd_framing(behind, play):
    """Comments, CRLF and events split anywhere."""
    first, *rest = [event.replace(b"\n", b"\r\n") for event in text_events("Grüße", "👋")]
    whole = b"".join([b": wait\r\n\r\n", first, b": ping\r\n\r\n", *rest])
    running, _ = await behind(streams(*(whole[at : at + 5] for at in range(0, len(whole), 5))))
    got = await play(running, "stream")
    assert (got["seen"], got["error"]) == (["", "Grüße", "👋", None], None)


async def test_retries(behind, play):
    """The SDK repeats a 429 after the wait that the provider asked for, and counts its tries."""
    running, upstream = await behind(answers(error_body(), 429, {"retry-after-ms": "5"}), streams(*text_events("a")))
    assert (await play(running, "stream"))["seen"] == ["", "a", None]
    assert [request.headers["x-stainless-retry-count"] for request in upstream.requests] == ["0", "1"]


async def test_leaving(behind, play):
    """Breaking out of the loop closes the provider's connection."""

    async def script(peer):
        await peer.begin()
        await peer.piece(text_events("a")[0])
        await peer.gone()

    running, upstream = await behind(script)
    assert (await play(running, "abort"))["role"] == "assistant"
    await upstream.all_closed()


async def test_upload(behind, play):
    """A form with a file, byte for byte."""
    running, upstream = await behind(answers(b'{"id":"file-1"}'))
    assert (await play(running, "upload"))["id"] == "file-1"
    assert b"\x07" * 3_000_000 in upstream.requests[0].body
