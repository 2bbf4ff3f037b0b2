"""An answer as Anthropic's clients read it."""

from translating import frame, write

from aigw.core.tokens import Tokens
from aigw.translation.anthropic.write_stream import MessagesWriter
from aigw.translation.events import (
    CallDelta,
    CallEnd,
    CallStart,
    Citation,
    Counted,
    Ended,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingState,
)

END = (Finished("stop"), Ended())


def events(*given):
    return write(MessagesWriter(frame()), Started("c", "m1"), *given)


def blocks(written):
    """What happens to each block: (index, what)."""
    return [(body["index"], body["type"].removeprefix("content_block_")) for body in written if "index" in body]


def test_an_answer_begins_with_an_estimate_and_ends_with_the_numbers():
    """ai-dynamo/dynamo#7234, chenyme/grok2api#748: cached tokens are no input."""
    written = events(TextDelta("hi"), Counted(Tokens(input=10899, cache_read=229504, output=7)), *END)
    assert [body["type"] for body in written] == [
        "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    message = written[0]["message"]
    assert (message["id"], message["model"], message["usage"]["input_tokens"]) == ("msg_1", "m1", 10)
    assert written[-2]["usage"] == {
        "input_tokens": 10899, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 229504, "output_tokens": 7,
    }  # fmt: skip


def test_blocks_follow_one_another():
    """QuantumNous/new-api#5483: indices are contiguous, each block starts and stops once."""
    one, two = (
        (CallStart(0, "a", "f"), CallDelta(0, "{}"), CallEnd(0)),
        (CallStart(1, "b", "g"), CallDelta(1, "{}"), CallEnd(1)),
    )
    written = events(
        TextDelta("a"), ThinkingDelta("b"), ThinkingState("sig"), *one, *two, Finished("tool_calls"), Ended()
    )
    assert blocks(written) == [
        (0, "start"), (0, "delta"), (0, "stop"),
        (1, "start"), (1, "delta"), (1, "delta"), (1, "stop"),
        (2, "start"), (2, "delta"), (2, "stop"),
        (3, "start"), (3, "delta"), (3, "stop"),
    ]  # fmt: skip
    assert written[6]["delta"] == {"type": "signature_delta", "signature": "sig"}
    assert written[-2]["delta"]["stop_reason"] == "tool_use"


def test_a_call_has_a_piece_of_input_even_if_it_has_no_arguments():
    """BerriAI/litellm#25321, inflaborg/ccrelay#119: Claude Code would run it with the input of its start."""
    written = events(CallStart(0, "a", "f"), CallEnd(0), Finished("tool_calls"), Ended())
    assert written[1]["content_block"] == {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    assert written[2]["delta"] == {"type": "input_json_delta", "partial_json": "{}"}


def test_calls_in_turns():
    pieces = (
        CallStart(0, "a", "f"),
        CallDelta(0, '{"a":'),
        CallStart(1, "b", "g"),
        CallDelta(0, "1}"),
        CallEnd(0),
        CallEnd(1),
    )
    assert blocks(events(*pieces, *END)) == [
        (0, "start"), (0, "delta"), (1, "start"), (0, "delta"), (0, "stop"), (1, "delta"), (1, "stop"),
    ]  # fmt: skip


def test_reasoning_without_a_signature_has_none():
    written = events(ThinkingDelta("a"), ThinkingState(""), TextDelta("b"), *END)
    assert [body["delta"]["type"] for body in written if body["type"] == "content_block_delta"] == [
        "thinking_delta",
        "text_delta",
    ]


def test_redacted_reasoning_comes_whole():
    written = events(ThinkingState("data", redacted=True), TextDelta("b"), *END)
    assert written[1]["content_block"] == {"type": "redacted_thinking", "data": "data"}
    assert blocks(written)[:2] == [(0, "start"), (0, "stop")]


def test_reasons():
    for finish, reason in (("stop", "end_turn"), ("length", "max_tokens"), ("content_filter", "refusal")):
        assert events(Finished(finish), Ended())[-2]["delta"] == {"stop_reason": reason, "stop_sequence": None}
    stopped = events(Finished("stop", "###"), Ended())[-2]["delta"]
    assert stopped == {"stop_reason": "stop_sequence", "stop_sequence": "###"}


def test_what_the_provider_does_not_tell_is_estimated():
    """ai-dynamo/dynamo#7234, sgl-project/sglang#20678: Claude Code takes the last numbers. With zeros it would never
    shorten its conversation."""
    text = "x" * 40
    start, *_, end, _ = events(TextDelta(text), TextDelta(text), *END)
    assert end["usage"] == {**start["message"]["usage"], "output_tokens": 20} and end["usage"]["input_tokens"] > 0
    half = Counted(Tokens(output=7, source="reported"))
    *_, end, _ = events(ThinkingDelta(text), half, *END)
    assert (end["usage"]["input_tokens"], end["usage"]["output_tokens"]) == (10, 7)
    call = (CallStart(0, "a", "f"), CallDelta(0, '{"a":12}'), CallEnd(0))
    *_, end, _ = events(*call, Counted(Tokens(cache_read=5, source="reported")), *END)
    assert (end["usage"]["input_tokens"], end["usage"]["output_tokens"]) == (0, 2)


def test_citations_are_noted():
    """The vendor signs its own, and refuses others in the next turn."""
    given = frame()
    write(MessagesWriter(given), Started("c", "m1"), TextDelta("a"), Citation("https://a"), *END)
    assert given.notes.lost == ["answer: citations"]
