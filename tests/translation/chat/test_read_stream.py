"""Streams of chat completions, as many providers write them."""

from translating import chat_reader, frame, read

from aigw.core.tokens import Tokens
from aigw.translation.chat.read_stream import ChatReader
from aigw.translation.envelope import sealed
from aigw.translation.events import (
    CallDelta,
    CallStart,
    Citation,
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


def chunk(delta=None, finish=None, **more):
    return {"id": "c", "model": "m1", "choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish}], **more}


def piece(arguments, index=0, **more):
    function = {"arguments": arguments, **({"name": more.pop("name")} if "name" in more else {})}
    return chunk({"tool_calls": [{"index": index, "function": function, **more}]})


def test_text_usage_and_end():
    usage = {
        "id": "c",
        "choices": [],
        "usage": {"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}},
    }
    assert read(
        chat_reader(),
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "hi"}),
        chunk(finish="length"),
        usage,
        "[DONE]",
    ) == [
        Started("c", "m1"),
        TextDelta("hi"),
        Finished("length"),
        Counted(Tokens(input=6, cache_read=4, output=2, source="reported")),
        Ended(),
    ]


def test_reasoning_in_either_field_ends_when_the_text_begins():
    """run-llama/llama_index#21220, BerriAI/litellm#20246."""
    for field in ("reasoning", "reasoning_content"):
        assert read(chat_reader(), chunk({field: "hm", "content": None}), chunk({"content": "hi"}))[1:] == [
            ThinkingDelta("hm"), ThinkingState(""), TextDelta("hi"),
        ]  # fmt: skip


def test_a_maker_that_wants_its_reasoning_back_is_named():
    reader = chat_reader(rules=Rules(maker="deepseek", returns_reasoning=("m",)))
    assert read(reader, chunk({"reasoning_content": "hm"}), chunk(finish="stop"))[2] == ThinkingState(
        sealed("deepseek")
    )


def test_mistrals_reasoning_in_parts():
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "hi"}]
    assert read(chat_reader(), chunk({"content": parts}))[1:] == [
        ThinkingDelta("hm"),
        ThinkingState(""),
        TextDelta("hi"),
    ]


def test_parallel_calls_that_all_say_index_0_are_told_apart_by_their_ids():
    """lich0821/ccNexus#89."""
    events = read(chat_reader(), piece("{}", id="a", name="f"), piece("{}", id="b", name="f"))
    assert [(event.key, event.id) for event in events if isinstance(event, CallStart)] == [(0, "a"), (1, "b")]


def test_pieces_of_a_call():
    events = read(chat_reader(), piece("", id="a", name="f"), piece('{"x"'), piece(":1}"))
    assert events[1:] == [CallStart(0, "a", "f"), CallDelta(0, '{"x"'), CallDelta(0, ":1}")]


def test_a_name_that_comes_later():
    events = read(chat_reader(), piece("", id="a"), piece("{}", name="f"))
    assert events[1:] == [CallStart(0, "a", ""), CallStart(0, "", "f"), CallDelta(0, "{}")]


def test_a_call_in_the_old_form():
    events = read(
        chat_reader(), chunk({"function_call": {"name": "f", "arguments": "{}"}}), chunk(finish="function_call")
    )
    assert events[1:] == [CallStart(-1, "", "f"), CallDelta(-1, "{}"), Finished("tool_calls")]


def test_failures():
    """BerriAI/litellm#32475: a failure behind the 200 is no end."""
    assert isinstance(read(chat_reader(), {"error": {"message": "overloaded", "code": 529}})[0], Failed)
    assert isinstance(read(chat_reader(), chunk({"content": "a"}), chunk(finish="error"))[-1], Failed)


def test_refusals_and_citations():
    cited = {"annotations": [{"type": "url_citation", "url_citation": {"url": "u", "title": "t"}}]}
    assert read(chat_reader(), chunk({"refusal": "no"}), chunk(cited))[1:] == [
        TextDelta("no", refusal=True), Citation("u", "t"),
    ]  # fmt: skip


def test_what_is_of_a_wrong_type_says_nothing():
    for delta in (
        {"content": 1},
        {"tool_calls": "x"},
        {"tool_calls": [1, {}]},
        {"reasoning": {}},
        {"function_call": []},
    ):
        assert read(chat_reader(), chunk(delta), [], 1, None)[1:] == []


def test_what_a_piece_says_beside_its_text_is_noted():
    given = frame()
    read(ChatReader(given), {"choices": [{"index": 0, "delta": {"content": "a", "images": [{}], "audio": None}}]})
    assert given.notes.lost == ["answer: images"]
