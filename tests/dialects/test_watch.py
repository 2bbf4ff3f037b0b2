"""What is kept of an answer for the case that its provider tells no usage."""

import json

import pytest

from aigw.core.model import Chunk
from aigw.dialects.sse import json_event
from aigw.dialects.watch import KEPT_BYTES, UsageWatch


def watched(*payloads):
    watch = UsageWatch("openai")
    for payload in payloads:
        watch.feed(payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    return watch


OPENAI = {"choices": [{"delta": {"role": "assistant", "content": "a", "reasoning_content": "r"}}]}
TOOL = {"choices": [{"delta": {"tool_calls": [{"function": {"name": "f", "arguments": '{"x":'}}, {"function": None}]}}]}


@pytest.mark.parametrize(
    ("payloads", "produced"),
    [
        ([OPENAI, OPENAI], ("aa", "rr")),
        ([TOOL], ('f{"x":', "")),
        ([{"choices": [{"message": {"content": "whole", "refusal": "no"}}]}], ("wholeno", "")),
        ([{"choices": [{"text": "completion"}]}], ("completion", "")),
        ([{"output": {"choices": [{"message": {"content": "qwen"}}]}}], ("qwen", "")),
        ([{"delta": {"type": "text_delta", "text": "a"}}, {"delta": {"thinking": "t"}}], ("a", "t")),
        ([{"delta": {"type": "input_json_delta", "partial_json": "{}"}}], ("{}", "")),
        ([{"content": [{"type": "text", "text": "claude"}, {"type": "thinking", "thinking": "t"}]}], ("claude", "t")),
        ([b"[DONE]", b"\xff", b"[1]", b"{}", b'{"choices": 1}', b'{"choices": [1, {"delta": 2}]}'], ("", "")),
        ([{"data": [{"embedding": [1.0]}]}], ("", "")),
    ],
)
def test_what_was_produced(payloads, produced):
    assert watched(*payloads).produced() == produced


def test_events_count_by_their_data():
    watch = UsageWatch("openai")
    watch.events([Chunk(b": comment\n\n"), json_event({"model": "m", "choices": [], "usage": None})])
    watch.events([json_event({"choices": [], "usage": {"prompt_tokens": 3}})])
    assert (watch.tokens.input, watch.tokens.source, watch.model) == (3, "reported", "m")


def test_the_model_is_found_in_the_first_events_without_touching_the_usage():
    watch = UsageWatch("anthropic")
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 1}}}
    watch.events([json_event(start), json_event({"type": "ping", "model": "m"})])
    watch.events([json_event({"type": "message_delta", "usage": {"output_tokens": 9}})])
    assert (watch.model, watch.tokens.output) == ("m", 9)


def test_nothing_was_reported():
    assert watched(OPENAI).tokens.source == "absent"


def test_only_a_bounded_part_is_kept():
    piece = json.dumps({"choices": [{"delta": {"content": "x" * 1000}}]}).encode()
    count = 3 * KEPT_BYTES // len(piece)
    watch = watched(*[piece] * count)
    text, _ = watch.produced()
    assert len(text) <= KEPT_BYTES
    assert len(text) * watch.share == pytest.approx(1000 * count, rel=0.01)
    assert watched(piece).share == 1
