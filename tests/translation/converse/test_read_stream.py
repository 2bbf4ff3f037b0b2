"""Streams of Bedrock."""

from translating import frame, read

from aigw.core.tokens import Tokens
from aigw.translation.converse.read_stream import ConverseReader
from aigw.translation.envelope import sealed
from aigw.translation.events import (
    CallDelta,
    CallEnd,
    CallStart,
    Counted,
    Ended,
    Failed,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingState,
)
from aigw.translation.rules import Rules


def reader():
    return ConverseReader(frame(rules=Rules(maker="bedrock")))


def delta(index=0, **what):
    return {"contentBlockDelta": {"contentBlockIndex": index, "delta": what}}


def stop(index=0):
    return {"contentBlockStop": {"contentBlockIndex": index}}


def test_all_kinds_of_blocks():
    it = reader()
    call = {"contentBlockStart": {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}}}
    assert read(
        it, {"messageStart": {"role": "assistant"}},
        delta(reasoningContent={"text": "hm"}), delta(reasoningContent={"signature": "c2ln"}), stop(),
        delta(1, text="hi"), stop(1), call, delta(2, toolUse={"input": '{"a":1}'}), stop(2),
        {"messageStop": {"stopReason": "tool_use"}}, {"metadata": {"usage": {"inputTokens": 3, "outputTokens": 2}}},
    ) == [
        Started(), ThinkingDelta("hm"), ThinkingState(sealed("bedrock", "c2ln")), TextDelta("hi"), CallStart(2, "t", "f"),
        CallDelta(2, '{"a":1}'), CallEnd(2), Finished("tool_calls"),
        Counted(Tokens(input=3, output=2, source="reported")),
    ]  # fmt: skip
    assert it.end() == [Ended()]


def test_reasoning_without_a_signature_ends_with_its_block():
    assert read(reader(), delta(reasoningContent={"text": "hm"}), stop()) == [ThinkingDelta("hm"), ThinkingState("")]


def test_redacted_reasoning():
    assert read(reader(), delta(reasoningContent={"redactedContent": "eA=="})) == [
        ThinkingState(sealed("bedrock", "eA=="), redacted=True)
    ]


def test_failures():
    (failed,) = read(reader(), {"modelStreamErrorException": {"message": "it broke"}})
    assert (failed.failure.status, failed.failure.message) == (424, "it broke")
    assert isinstance(read(reader(), {"messageStop": {"stopReason": "malformed_tool_use"}})[0], Failed)


def test_what_is_of_a_wrong_type_says_nothing():
    strange = ({"contentBlockDelta": 1}, delta(text=1), delta(toolUse="x"), {"contentBlockStart": {"start": []}}, [], 1)
    assert read(reader(), *strange) == []
