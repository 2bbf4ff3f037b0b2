"""What a client may rely on in a stream: no usage that it did not ask for, and an end only where there was one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.dialects.openai_chat import DONE, CompletionsReader
from aigw.dialects.openai_chat_stream import ChatStream
from aigw.dialects.sse import Event

TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}\n\n'


def through(*batches, hide_usage=False, choices=1):
    stream = ChatStream(CompletionsReader(choices, streaming=True), hide_usage=hide_usage, reads=True)
    shown = [chunk.raw for batch in batches for chunk in stream.feed([Event(raw) for raw in batch])]
    return b"".join([*shown, *[chunk.raw for chunk in stream.end()]])


def test_a_complete_stream_passes_as_it_is():
    assert through([TEXT, STOP], [DONE]) == TEXT + STOP + DONE


def test_an_end_is_added_to_a_complete_stream_only():
    assert through([TEXT], [STOP]) == TEXT + STOP + DONE
    assert through([TEXT]) == TEXT
    assert through([STOP], choices=2) == STOP


@pytest.mark.parametrize("batches", [([TEXT, STOP, USAGE, DONE],), ([TEXT], [STOP], [USAGE], [DONE])])
def test_usage_is_hidden_from_who_did_not_ask(batches):
    assert through(*batches, hide_usage=True) == TEXT + STOP + DONE
    assert through(*batches) == TEXT + STOP + USAGE + DONE


@pytest.mark.parametrize("choices", [b'"choices":null,', b'"choices": [ ],', b""])
def test_usage_is_hidden_where_its_choices_are_null_or_missing(choices):
    usage = b"data: {" + choices + b'"usage":{"prompt_tokens":1}}\n\n'
    assert through([TEXT, STOP, usage, usage, DONE], hide_usage=True) == TEXT + STOP + DONE
    assert through([TEXT], [STOP], [usage], [DONE], hide_usage=True) == TEXT + STOP + DONE
    assert through([TEXT, STOP, usage, DONE]) == TEXT + STOP + usage + DONE


@pytest.mark.parametrize(
    "failure",
    [
        b'data: {"choices":null,"base_resp":{"status_code":1000,"status_msg":"busy"}}\n\n',
        b'data: {"choices":null,"usage":{"total_tokens":0},"base_resp":{"status_code":1027,"status_msg":"busy"}}\n\n',
        b'data: {"choices":[],"usage":{"total_tokens":1},"code":1305,"message":"busy"}\n\n',
        b'data: {"choices":[{"index":0,"delta":{},"error":{"message":"busy"},"finish_reason":null}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"error":{"message":"busy"}},"finish_reason":null}]}\n\n',
        b'data: {"object":"error","message":"busy","code":500}\n\n',
        b'event: error\ndata: {"message":"busy"}\n\n',
    ],
)
def test_a_failure_in_another_shape_becomes_an_error_that_clients_read(failure):
    for batches in ([[TEXT], [failure], [DONE]], [[TEXT, failure, DONE]]):
        text, error, *rest = through(*batches, hide_usage=True).split(b"\n\n")
        assert text + b"\n\n" == TEXT
        assert json.loads(error.removeprefix(b"data: "))["error"]["message"] == "busy"
        assert rest[-1] == b""


def test_an_error_that_clients_read_passes_as_it_is():
    error = b'data: {"error":{"message":"busy"},"x":1}\n\n'
    assert through([TEXT], [error], [DONE]) == TEXT + error + DONE


@pytest.mark.parametrize("last", [b"data: [DONE]", b"data: [DONE]\n", b"data: [DONE]\r\n"])
def test_an_end_without_its_blank_line_comes_whole(last):
    assert through([TEXT, STOP], [last]) == TEXT + STOP + DONE
    assert through([TEXT], [last]) == TEXT + DONE, "the provider's own end is not judged"


def test_an_end_that_is_added_does_not_run_into_the_last_event():
    last = STOP.rstrip(b"\n")
    assert through([last]) == last + b"\n\n" + DONE


@given(st.text())
def test_a_text_that_speaks_of_an_end_is_none(text):
    event = (
        b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": text + "[DONE]"}}]}).encode() + b"\n\n"
    )
    assert through([event]) == event
