"""What a command reads of an answer: of any length, and with the content coding that a provider chose unasked."""

import gzip
import json
import zlib

import brotli
import pytest
from answering import answering

from aigw.cli.sources.gateway_client import stream_of, whole_of
from aigw.cli.sources.template_send import SendError, reaching
from aigw.cli.sources.templates import TemplateCall
from aigw.dialects import apis
from aigw.server.first_call import FirstCall

CALL = TemplateCall("", apis.CHAT, FirstCall("/v1/chat/completions"), {"model": "m", "messages": [], "stream": True})
EVENTS = ("content-type", "text/event-stream")
LONG = "a" * 1_200_000


def event(text, finish=None):
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return b"data: " + json.dumps({"model": "m", "choices": [choice]}).encode() + b"\n\n"


def stream(*texts):
    return b"".join([*map(event, texts), event("", "stop"), b"data: [DONE]\n\n"])


def streamed(body, *headers):
    pieces = []
    with answering(body, headers=headers) as port:
        told = stream_of(f"http://127.0.0.1:{port}", CALL, pieces.append)
    assert (told.status, told.error, told.model) == (200, "", "m")
    return "".join(pieces)


def test_a_stream_that_is_longer_than_what_the_gateway_keeps():
    assert streamed(stream(LONG, "END"), EVENTS) == LONG + "END"


@pytest.mark.parametrize(
    ("coding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress)]
)
def test_a_content_coding_is_undone(coding, encode):
    header = ("content-encoding", coding)
    assert streamed(encode(stream("Hello")), EVENTS, header) == "Hello"
    body = encode(json.dumps({"model": "m", "choices": [{"message": {"content": "Hello"}}]}).encode())
    assert streamed(body, ("content-type", "application/json"), header) == "Hello"
    with answering(body, headers=[header]) as port:
        assert whole_of(f"http://127.0.0.1:{port}", CALL)[1] == "Hello"


@pytest.mark.parametrize("coding", ["gzip", "snappy"])
def test_one_that_cannot_be_undone_is_said(coding):
    said = "the gateway at h answered, but its answer cannot be read: "
    with pytest.raises(SendError, match=said), reaching("h"):
        streamed(b"x" * 100, EVENTS, ("content-encoding", coding))


def test_an_answer_without_an_event_was_cut_off():
    with answering(b"data: ", headers=[EVENTS]) as port:
        assert stream_of(f"http://127.0.0.1:{port}", CALL, print).error == "the answer was cut off"
