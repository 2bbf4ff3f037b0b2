"""An answer as clients of chat completions read it."""

from translating import frame, write

from aigw.core.tokens import Tokens
from aigw.dialects.openai_chat import DONE
from aigw.translation.chat.write_stream import ChatWriter
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
from aigw.translation.hub import Reasoning

END = (Finished("stop"), Ended())
USED = Counted(Tokens(input=10, cache_read=20, cache_write=5, output=7, reasoning=3))


def chunks(*events, stream=True, **conversation):
    given = frame(stream=stream, **{"wants_usage": False, **conversation})
    written = write(ChatWriter(given), Started("msg_9", "m1"), *events)
    assert written.pop() is None  # [DONE] is no JSON
    return written


def deltas(*events, **conversation):
    return [each["choices"][0]["delta"] for each in chunks(*events, **conversation) if each["choices"]]


def test_the_head_is_the_same_in_all_chunks():
    written = chunks(ThinkingDelta("a"), ThinkingState("sig"), TextDelta("b"), TextDelta("c"), *END)
    heads = [{name: value for name, value in each.items() if name != "choices"} for each in written]
    assert heads == [{"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "m1"}] * 4
    assert [each["choices"][0]["delta"] for each in written] == [
        {"role": "assistant", "reasoning_content": "a"}, {"content": "b"}, {"content": "c"}, {},
    ]  # fmt: skip
    assert [each["choices"][0]["finish_reason"] for each in written] == [None, None, None, "stop"]


def test_the_last_event_says_that_it_is_over():
    given = ChatWriter(frame(stream=True, wants_usage=False))
    assert [chunk.raw for chunk in given.write(Ended())] == [DONE]


def test_calls_are_counted_not_blocks():
    """agent clients join pieces by `index`: the first call behind a text is number 0."""
    written = deltas(
        TextDelta("a"),
        CallStart(3, "x", "f"), CallDelta(3, '{"a":'), CallDelta(3, "1}"), CallEnd(3),
        CallStart(5, "y", "g", custom=True, state="s"), CallDelta(5, "raw"), CallEnd(5),
        Finished("tool_calls"), Ended(),
    )  # fmt: skip
    assert [each["tool_calls"][0] for each in written if "tool_calls" in each] == [
        {"index": 0, "id": "x", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a":'}},
        {"index": 0, "function": {"arguments": "1}"}},
        {"index": 1, "id": "y", "type": "custom", "custom": {"name": "g", "input": ""},
         "extra_content": {"google": {"thought_signature": "s"}}},
        {"index": 1, "custom": {"input": "raw"}},
    ]  # fmt: skip


def test_a_client_from_before_tools_gets_one_call():
    written = chunks(
        CallStart(3, "x", "f", state="s"), CallDelta(3, "{}"), CallEnd(3), CallStart(5, "y", "g"), CallDelta(5, "{}"),
        CallEnd(5), Finished("tool_calls"), Ended(), one_call=True,
    )  # fmt: skip
    assert [each["choices"][0]["delta"] for each in written] == [
        {"role": "assistant", "function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
        {},
    ]
    assert written[-1]["choices"][0]["finish_reason"] == "function_call"


def test_choices_are_written_beside_each_other():
    written = chunks(TextDelta("a"), TextDelta("b", 1), Finished("stop"), Finished("length", choice=1), Ended())
    assert [(each["choices"][0]["index"], each["choices"][0]["finish_reason"]) for each in written] == [
        (0, None), (1, None), (0, "stop"), (1, "length"),
    ]  # fmt: skip
    assert written[1]["choices"][0]["delta"] == {"role": "assistant", "content": "b"}


def test_usage_comes_only_if_it_was_asked_for():
    assert all("usage" not in each for each in chunks(TextDelta("a"), USED, *END))
    written = chunks(TextDelta("a"), USED, *END, wants_usage=True)
    assert [each["usage"] for each in written[:-1]] == [None, None]
    assert (written[-1]["choices"], written[-1]["usage"]) == ([], {
        "prompt_tokens": 35, "completion_tokens": 7, "total_tokens": 42,
        "prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 3},
    })  # fmt: skip


def test_a_plain_answer_has_its_usage():
    assert chunks(TextDelta("a"), USED, *END, stream=False)[-1]["usage"]["total_tokens"] == 42


def test_usage_that_is_not_known_is_not_made_up():
    assert all(not each.get("usage") for each in chunks(TextDelta("a"), *END, wants_usage=True))


def test_an_empty_answer_is_an_answer():
    assert deltas(*END) == [{"role": "assistant", "content": ""}]


def test_refusals_and_citations():
    written = deltas(TextDelta("ab"), Citation("https://a", "A"), TextDelta("no", refusal=True), *END)
    cited = {"start_index": 2, "end_index": 2, "title": "A", "url": "https://a"}
    assert written[1:3] == [{"annotations": [{"type": "url_citation", "url_citation": cited}]}, {"refusal": "no"}]


def test_thoughts_are_not_shown_to_who_does_not_want_them():
    assert deltas(ThinkingDelta("a"), TextDelta("b"), *END, reasoning=Reasoning(shown=False))[0]["content"] == "b"
