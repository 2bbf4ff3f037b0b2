"""A coded stream of another dialect than the client's comes without its coding, and a binary event stream as server-sent
events; each is complete only where its decoder is."""

import asyncio
import gzip
import json
import threading
import zlib

import brotli
import pytest
from ai_proxy_world import HELLO, QWEN, STREAM, once
from aws_messages import encode_message
from backports import zstd
from fakes import Answer, chat

from aigw.core.aside import aside
from aigw.core.content_coding import Decoding
from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.pace import LARGE
from aigw.dialects.aws_events import CONTENT_TYPE
from aigw.pipeline.decoded import DecodedBody

CODINGS = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstd.compress,
           "br, gzip": lambda data: gzip.compress(brotli.compress(data))}  # fmt: skip
TOLD = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}


def native(text, finish):
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": finish}
    body = {"output": {"choices": [choice]}, "usage": TOLD, "request_id": "r"}
    return b"id:1\nevent:result\ndata:%b\n\n" % json.dumps(body).encode()


EVENTS = native("po", "null") + native("ng", "stop")


def answer(body, coding):
    headers = {"content-type": "text/event-stream"} | ({"content-encoding": coding} if coding else {})
    coded = CODINGS[coding](body) if coding else body
    return Answer(headers=headers, pieces=[coded[start : start + 7] for start in range(0, len(coded), 7)])


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("usage", [True, False])
async def test_a_native_stream_becomes_one_of_the_client(coding, usage):
    asked = {**STREAM, "stream_options": {"include_usage": usage}}
    _, reply, received = await once({"provider": QWEN}, chat(asked), answer(EVENTS, coding))
    assert (reply.streaming, "content-encoding" in reply.headers) == (True, False)
    chunks = [json.loads(line[6:]) for line in received.splitlines() if line.startswith(b"data: {")]
    assert "".join(each["choices"][0]["delta"].get("content", "") for each in chunks if each["choices"]) == "pong"
    assert any(each["usage"] for each in chunks) == usage
    assert received.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("coding", ["", *CODINGS])
async def test_a_native_stream_becomes_one_body_with_its_usage(coding):
    _, reply, received = await once({"provider": QWEN}, chat(HELLO), answer(EVENTS, coding))
    body = json.loads(received)
    assert "content-encoding" not in reply.headers
    assert (body["choices"][0]["message"]["content"], body["usage"]["completion_tokens"]) == ("pong", 4)


class Arrives:
    def __init__(self, *pieces):
        self._pieces = list(pieces)
        self.closed = False

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop(0)

    async def aclose(self):
        self.closed = True


@pytest.mark.parametrize("coding", CODINGS)
async def test_every_cut_of_the_coding_is_seen(coding):
    coded = CODINGS[coding](EVENTS)
    for cut in range(len(coded)):
        with pytest.raises(UpstreamError) as caught:
            await read(Arrives(coded[:cut]), coding)
        assert caught.value.fault is UpstreamFault.CUT_OFF
    assert await read(Arrives(coded), coding) == EVENTS


async def test_a_corrupt_coding_is_an_error():
    with pytest.raises(UpstreamError, match="cannot be decoded"):
        await read(Arrives(b"no gzip"), "gzip")


async def test_what_turns_out_to_be_large_is_decoded_aside():
    may = threading.Event()
    before = asyncio.create_task(aside(LARGE + 1, may.wait, 10))
    body = DecodedBody(Arrives(gzip.compress(bytes(2 * LARGE))), Decoding("gzip", 2 * LARGE), "its content coding")
    piece = asyncio.create_task(anext(body))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not piece.done()
    may.set()
    assert await before
    assert await piece == bytes(2 * LARGE)


async def read(arrives, coding):
    body = DecodedBody(arrives, Decoding(coding, 100_000), "its content coding")
    try:
        return b"".join([piece async for piece in body])
    finally:
        await body.aclose()
        assert arrives.closed


BEDROCK = {"provider": {"type": "bedrock", "apiTokens": ["k"], "awsRegion": "r"}}
MESSAGES = [
    ("messageStart", {"role": "assistant"}), ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "yo"}}),
    ("messageStop", {"stopReason": "end_turn"}), ("metadata", {"usage": {"inputTokens": 3, "outputTokens": 1}}),
]  # fmt: skip
WHOLE = b"".join(encode_message(json.dumps(body).encode(), event_type=name) for name, body in MESSAGES)


def binary(data):
    return Answer(headers={"content-type": CONTENT_TYPE}, pieces=[data[at : at + 50] for at in range(0, len(data), 50)])


async def test_a_whole_binary_stream():
    _, reply, received = await once(BEDROCK, chat(STREAM), binary(WHOLE))
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert b'"content":"yo"' in received and received.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("data", [WHOLE[:-5], WHOLE[:-1] + b"x", b"not such a stream"])
async def test_a_binary_stream_that_is_cut_off_or_damaged_fails(data):
    with pytest.raises(Exception, match=r"cut off|damaged|no answer|ended"):
        await once(BEDROCK, chat(STREAM), binary(data))
