"""What the readers of all dialects have in common."""

import json

import pytest

from aigw.dialects.dashscope import DashScopeReader
from aigw.dialects.openai_chat import CompletionsReader
from aigw.dialects.reader import KEPT_BYTES, NAMED_SOON
from aigw.dialects.sse import Event


def event(body):
    return Event(b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n")


def chat(text, **more):
    return event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}], **more})


def native(text, **more):
    return event({"output": {"choices": [{"message": {"content": text}, "finish_reason": "null"}]}, **more})


COUNTED = {
    "chat": (
        lambda: CompletionsReader(1, streaming=True),
        lambda made: chat("x", usage={"prompt_tokens": 5, "completion_tokens": made}),
    ),
    "dashscope": (
        lambda: DashScopeReader(1, incremental=True, streaming=True),
        lambda made: native("x", usage={"input_tokens": 5, "output_tokens": made}),
    ),
}


@pytest.mark.parametrize(("begin", "piece"), COUNTED.values(), ids=COUNTED)
def test_to_look_for_the_model_leaves_the_tokens_as_they_are(begin, piece):
    """Each event tells the usage so far, and none names the model."""
    reader = begin()
    for made in range(1, NAMED_SOON + 9):
        reader.feed([piece(made)])
    assert reader.model == ""
    assert (reader.tokens.input, reader.tokens.output) == (5, NAMED_SOON + 8)


def test_the_model_is_named_in_the_first_events():
    reader = CompletionsReader(1, streaming=True)
    for number in range(NAMED_SOON):
        reader.feed([chat("x", model="m" if number == NAMED_SOON - 1 else "")])
    reader.feed([chat("x", model="another")])
    assert reader.model == "m"


def test_of_a_large_answer_the_beginning_is_kept():
    """Nothing behind the first event for which there is no room: the text would have a hole."""
    reader = CompletionsReader(1, streaming=True)
    sent = [chat("start"), chat("x" * KEPT_BYTES), chat("later")]
    for each in sent:
        reader.feed([each])
    assert reader.text == "start"
    assert reader.share == sum(len(each.raw) for each in sent) / len(sent[0].raw)
