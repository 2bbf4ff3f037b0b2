"""Where the streams of pictures, transcriptions and speech end."""

import gzip
import json

import pytest
from fakes import FakeUpstream, chat, events, make_exchange

from aigw.core.errors import UpstreamError
from aigw.core.model import Origin, Route, Target
from aigw.dialects.event_ends import ends
from aigw.pipeline.forward import Forward

CHUNK = {"object": "transcription.chunk", "choices": [{"delta": {"content": "a"}, "finish_reason": None}]}
LAST_CHUNK = {"object": "transcription.chunk", "choices": [{"delta": {"content": ""}, "finish_reason": "stop"}]}
"""By path: what comes before the end, and the event that ends the stream."""
STREAMS = {
    "pictures": (
        "/v1/images/generations",
        {"type": "image_generation.partial_image", "b64_json": "aGk=", "partial_image_index": 0},
        {"type": "image_generation.completed", "b64_json": "aGk=", "usage": {"total_tokens": 1}},
    ),
    "edits": (
        "/v1/images/edits",
        {"b64_json": "aGk=", "type": "image_edit.partial_image"},
        {"b64_json": "aGk=", "type": "image_edit.completed"},
    ),
    "transcription": (
        "/v1/audio/transcriptions",
        {"type": "transcript.text.delta", "delta": 'the "transcript.text.done"'},
        {"type": "transcript.text.done", "text": "a"},
    ),
    "segments": (
        "/v1/audio/transcriptions",
        {"type": "transcript.text.segment", "text": "a"},
        {"type": "transcript.text.done", "text": "a"},
    ),
    "vLLM": ("/v1/audio/transcriptions", CHUNK, LAST_CHUNK),
    "speech": (
        "/v1/audio/speech",
        {"type": "speech.audio.delta", "audio": "aGk="},
        {"type": "speech.audio.done", "usage": {}},
    ),
    "completion": (
        "/v1/complete",
        {"type": "completion", "completion": "a", "stop_reason": None},
        {"type": "completion", "completion": "", "stop_reason": "stop_sequence"},
    ),
}
ROUTE = Route("r", "", Target(Origin("http", "127.0.0.1", 1), "up.test"))


@pytest.mark.parametrize("spaces", [None, (",", ":")])
@pytest.mark.parametrize("name", STREAMS)
def test_which_event_is_the_end(name, spaces):
    _, before, last = STREAMS[name]
    raw = [b"data: " + json.dumps(body, separators=spaces).encode() + b"\n\n" for body in (before, last)]
    assert [ends(each) for each in raw] == [False, True]


@pytest.mark.parametrize("body", [{"text": "a"}, {"type": "ping"}, {"object": "transcription.chunk", "choices": []}])
def test_what_tells_nothing(body):
    assert ends(json.dumps(body).encode()) is None


async def read(path, *sent, headers=()):
    answer = events(*sent, done=False)
    answer.headers |= dict(headers)
    exchange = make_exchange(chat({"stream": True}, path=path), route=ROUTE)
    reply = await Forward(FakeUpstream(answer), judges_ends=True)(exchange)
    return exchange, await reply.body()


@pytest.mark.parametrize("framing", [{}, {"transfer-encoding": "chunked"}])
@pytest.mark.parametrize("name", STREAMS)
async def test_a_stream_without_its_end_was_cut_off(name, framing):
    path, before, last = STREAMS[name]
    for sent in ((before,), (before, before, {"type": "ping"})):
        with pytest.raises(UpstreamError, match="before it was complete"):
            await read(path, *sent, headers=framing)
    for sent in ((last,), (before, last), (before, last, before, last), (before, last, {"usage": {"total_tokens": 1}})):
        exchange, _ = await read(path, *sent, headers=framing)
        assert exchange.answer.complete


@pytest.mark.parametrize("name", STREAMS)
async def test_a_coded_stream_without_its_end_was_cut_off_too(name):
    path, before, last = STREAMS[name]
    for sent, whole in (((before,), False), ((before, last), True)):
        answer = events(*sent, done=False)
        answer.headers |= {"content-encoding": "gzip", "transfer-encoding": "chunked"}
        answer.pieces = [gzip.compress(b"".join(answer.pieces))]
        reply = await Forward(FakeUpstream(answer), judges_ends=True)(make_exchange(chat({}, path=path), route=ROUTE))
        if whole:
            await reply.body()
            continue
        with pytest.raises(UpstreamError, match="before it was complete"):
            await reply.body()
