"""What is read of requests and answers of chat and text completions."""

import json

import pytest
from multidict import CIMultiDict

from aigw.core.answer import ToolCall
from aigw.core.model import Chunk, Request
from aigw.dialects import apis
from aigw.dialects.openai_chat import CompletionsReader, OpenAIChat
from aigw.dialects.sse import EventSplitter


def data(body):
    return b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"


def delta(finish=None, index=0, **members):
    return {"index": index, "delta": members, "finish_reason": finish}


def read(*bodies, choices=1):
    """A stream of these."""
    reader, splitter = CompletionsReader(choices, streaming=True), EventSplitter()
    for body in bodies:
        reader.feed(splitter.feed(data(body)))
    reader.feed(splitter.feed(b"data: [DONE]\n\n"))
    return reader


def read_plain(body, choices=1):
    reader, raw = CompletionsReader(choices, streaming=False), json.dumps(body).encode()
    reader.feed([Chunk(raw, raw)])
    return reader


# Ends that are failures

ERROR = {"code": 502, "message": "Provider disconnected"}
SHORT = "insufficient_system_resource"
FAILURES = {
    "an error beside a choice (OpenRouter)": ({"error": ERROR}, {"finish_reason": "error"}, ERROR["message"]),
    "an error beside a choice that goes on": ({"error": ERROR}, {"finish_reason": None}, ERROR["message"]),
    "an error in a choice (OpenRouter)": ({}, {"finish_reason": "error", "error": ERROR}, ERROR["message"]),
    "a reason alone": ({}, {"finish_reason": "error"}, "error"),
    "a request that was aborted (vLLM)": ({}, {"finish_reason": "abort"}, "abort"),
    "a broken connection (Zhipu)": ({}, {"finish_reason": "network_error"}, "network_error"),
    "out of resources (DeepSeek)": ({}, {"finish_reason": SHORT}, SHORT),
}


@pytest.mark.parametrize(("beside", "choice", "message"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_no_end(beside, choice, message):
    finish = "error" if choice["finish_reason"] else ""
    streamed = read({"choices": [delta(content="Hel")]}, {**beside, "choices": [{**delta(content=""), **choice}]})
    plain = read_plain({**beside, "choices": [{"index": 0, "message": {"content": "Hel"}, **choice}]})
    for found in (streamed, plain):
        assert (found.error, found.finish, found.complete, found.text) == (message, finish, False, "Hel")


def test_what_the_provider_said_is_kept_where_the_end_says_less():
    found = read({"error": ERROR, "choices": []}, {"choices": [delta("error")]})
    assert found.error == ERROR["message"]


@pytest.mark.parametrize("error", [None, "", {}])
def test_an_empty_error_is_none(error):
    found = read({"error": error, "choices": [delta("stop", content="a")]})
    assert (found.error, found.complete) == ("", True)


# Calls in a request


def test_the_calls_of_a_turn_of_whatever_kind():
    calls = [
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "2", "type": "custom", "custom": {"name": "sh", "input": "ls"}},
        {"id": "3", "type": "another"},
    ]
    old = {"role": "assistant", "content": None, "function_call": {"name": "g", "arguments": "{}"}}
    body = {"messages": [{"role": "assistant", "content": None, "tool_calls": calls}, old]}
    request = Request("POST", "/", "", CIMultiDict({"content-type": "application/json"}), json.dumps(body).encode())
    turns = OpenAIChat().asked(request, apis.CHAT).turns
    assert [turn.calls for turn in turns] == [
        (ToolCall("f", "{}", "1"), ToolCall("sh", "ls", "2")),
        (ToolCall("g", "{}"),),
    ]


# The end of a stream


@pytest.mark.parametrize("rest", [b"", b": bye\n\n"])
def test_the_last_event_is_seen_wherever_it_stands(rest):
    last = EventSplitter().feed(b"data: {}\n\ndata: [DONE]\n\n" + rest)
    assert OpenAIChat().is_last(last)
    assert not OpenAIChat().is_last([event for event in last if b"DONE" not in event.raw])
