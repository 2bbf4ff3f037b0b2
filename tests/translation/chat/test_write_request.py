"""A conversation as a request for chat completions."""

import pytest

from aigw.translation.chat.write_request import write_request
from aigw.translation.envelope import sealed
from aigw.translation.hub import (
    Call,
    Conversation,
    Format,
    Media,
    Message,
    Reasoning,
    Result,
    Sampling,
    Text,
    Thinking,
    Tool,
)
from aigw.translation.notes import Notes
from aigw.translation.rules import Rules

PNG = Media("image", "image/png", "QQ==")


def write(*messages, rules=Rules(), **more):  # noqa: B008 - it is frozen
    notes = Notes()
    return write_request(Conversation(model="m", messages=messages, **more), rules, notes), notes.lost


def said(role, *parts):
    return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))


def test_texts_of_one_message_are_one_text():
    body, _ = write(said("system", "a", "b"), said("user", "c", "d"), said("assistant", "e", "f"))
    assert body["messages"] == [
        {"role": "system", "content": "a\n\nb"},
        {"role": "user", "content": "c\n\nd"},
        {"role": "assistant", "content": "ef"},
    ]


def test_results_come_before_the_users_text_and_images_behind_them():
    """router-for-me/CLIProxyAPI#5707, BerriAI/litellm#20403."""
    results = Message("user", (Result("1", (Text("ok"), PNG)), Result("2", (Text("no"),), failed=True), Text("and?")))
    body, _ = write(said("assistant", Call("1", "f", ""), Call("2", "g", '{"a":1}')), results)
    assert body["messages"] == [
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "2", "type": "function", "function": {"name": "g", "arguments": '{"a":1}'}},
        ]},
        {"role": "tool", "tool_call_id": "1", "content": "ok\n[image]"},
        {"role": "tool", "tool_call_id": "2", "content": "Error: no"},
        {"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}}, {"type": "text", "text": "and?"},
        ]},
    ]  # fmt: skip


def test_files_and_sounds():
    body, _ = write(
        said("user", Media("file", "application/pdf", "QQ==", name="a.pdf"), Media("audio", "audio/mpeg", "QQ=="))
    )
    assert body["messages"][0]["content"] == [
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QQ=="}},
        {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "mp3"}},
    ]


def test_the_maker_gets_its_reasoning_back_and_nobody_else():
    """QuantumNous/new-api#4806, musistudio/claude-code-router#1382."""
    turn = said("assistant", Thinking("hm", sealed("deepseek")), Thinking("foreign", "sig"), Call("1", "f", "{}"))
    rules = Rules(maker="deepseek", returns_reasoning=("*",))
    assert write(turn, rules=rules)[0]["messages"][0]["reasoning_content"] == "hm"
    assert "reasoning_content" not in write(turn)[0]["messages"][0]


def test_a_call_of_a_thinking_model_has_reasoning_even_if_nobody_kept_it():
    rules = Rules(maker="deepseek", returns_reasoning=("m",))
    assert write(said("assistant", Call("1", "f", "{}")), rules=rules)[0]["messages"][0]["reasoning_content"] == " "


def test_in_a_request_with_tools_each_answer_has_reasoning():
    rules = Rules(maker="deepseek", returns_reasoning=("m",))
    body, _ = write(said("assistant", Text("so")), rules=rules, tools=(Tool("f"),))
    assert body["messages"][0]["reasoning_content"] == " ", "DeepSeek V4 refuses an empty one as missing"


def test_tools():
    schema = {"type": "object", "$schema": "x"}
    tools = (
        Tool("f", "d", schema, strict=False),
        Tool("p", "patches", custom=True, grammar={"syntax": "lark"}),
        Tool("g"),
    )
    body, _ = write(tools=tools, choice=("tool", "f"), parallel=False)
    custom = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
    assert body["tools"] == [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": schema, "strict": False}},
        {
            "type": "function",
            "function": {
                "name": "p",
                "description": 'patches\n\nThe input follows this grammar: {"syntax":"lark"}',
                "parameters": custom,
            },
        },
        {"type": "function", "function": {"name": "g"}},
    ]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert body["parallel_tool_calls"] is False


def test_what_belongs_to_tools_is_left_out_without_them():
    assert write(parallel=True, choice="required")[0].keys() == {"model", "messages"}


def test_a_limit_above_the_models_is_lowered():
    """router-for-me/CLIProxyAPI#2758."""
    rules = Rules(limit_field="max_completion_tokens", most_tokens={"m*": 8192})
    body, lost = write(max_tokens=64000, rules=rules)
    assert (body["max_completion_tokens"], lost) == (8192, ["max_tokens above 8192"])
    assert write(max_tokens=5)[0]["max_tokens"] == 5


def test_sampling_and_stops():
    body, lost = write(sampling=Sampling(0.5, 0.9, 40, 7), stop=tuple("abcde"), choices=2)
    assert {name: body[name] for name in ("temperature", "top_p", "seed", "stop", "n")} == {
        "temperature": 0.5, "top_p": 0.9, "seed": 7, "stop": list("abcd"), "n": 2,
    }  # fmt: skip
    assert lost == ["stop sequences behind the fourth", "top_k"]


@pytest.mark.parametrize(
    ("reasoning", "rules", "expected"),
    [
        (Reasoning("high"), Rules(efforts=("m",)), {"reasoning_effort": "high"}),
        (Reasoning("", 31999), Rules(efforts=("m",)), {"reasoning_effort": "high"}),
        (Reasoning("none"), Rules(switches_thinking=True), {"enable_thinking": False}),
        (Reasoning("", 2000), Rules(switches_thinking=True), {"enable_thinking": True, "thinking_budget": 2000}),
        (Reasoning("high"), Rules(thinking_types=("m",)), {"thinking": {"type": "enabled"}}),
        (Reasoning("none"), Rules(thinking_types=("m",)), {"thinking": {"type": "disabled"}}),
        (Reasoning(), Rules(thinking_types=("m",)), {}),
        (Reasoning("", 9000), Rules(takes_reasoning_budget=True), {"reasoning": {"max_tokens": 9000}}),
        (Reasoning("high"), Rules(), {}),
        (Reasoning(), Rules(switches_thinking=True), {}),
    ],
)
def test_how_much_to_think(reasoning, rules, expected):
    body, lost = write(reasoning=reasoning, rules=rules)
    assert {name: value for name, value in body.items() if name not in ("model", "messages")} == expected
    assert lost == (["how much to think"] if rules == Rules() else [])


def test_a_forced_tool_wins_over_thinking_where_a_provider_takes_only_one():
    """cloudwego/eino#994."""
    rules = Rules(switches_thinking=True, forces_while_thinking=False)
    body, lost = write(tools=(Tool("f"),), choice="required", reasoning=Reasoning("high"), rules=rules)
    assert (body["tool_choice"], body["enable_thinking"], len(lost)) == ("required", False, 1)


def test_a_schema():
    format = Format({"type": "object"}, "answer", strict=True)
    body, _ = write(format=format)
    schema = {"name": "answer", "strict": True, "schema": {"type": "object"}}
    assert body["response_format"] == {"type": "json_schema", "json_schema": schema}


def test_a_schema_that_a_provider_does_not_take_stands_in_the_system_text():
    """router-for-me/CLIProxyAPI#5280."""
    body, lost = write(said("system", "a"), format=Format({"x": 1}), rules=Rules(takes_schema=False))
    assert body["response_format"] == {"type": "json_object"}
    assert body["messages"][0]["content"] == 'a\n\nAnswer with a JSON object that fits this JSON Schema:\n{"x":1}'
    assert lost


def test_cache_marks_stay_only_where_a_provider_has_them():
    """decolua/9router#2169."""
    message = Message("system", (Text("a", cached=True), Text("b")))
    kept = write(message, rules=Rules(keeps_cache_marks=True))[0]["messages"][0]["content"]
    assert kept == [
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "b"},
    ]
    assert write(message)[0]["messages"][0]["content"] == "a\n\nb"


def test_a_stream_asks_for_its_usage():
    assert write(stream=True)[0]["stream_options"] == {"include_usage": True}
    assert "stream_options" not in write(stream=True, wants_usage=False)[0]


def test_a_long_user_is_left_out():
    assert write(user="u")[0]["user"] == "u"
    assert write(user="u" * 65)[1] == ["user"]


def test_a_model_that_takes_tools_here_only_without_thinking_does_not_think():
    """BerriAI/litellm#34569, danny-avila/LibreChat#14355: also if nothing is said of it."""
    rules = Rules(tools_need_responses=("m",), efforts=("m",))
    body, lost = write(tools=(Tool("f"),), reasoning=Reasoning("high"), rules=rules)
    assert (body["reasoning_effort"], lost) == ("none", ["thinking beside tools"])
    assert write(reasoning=Reasoning("high"), rules=rules)[0]["reasoning_effort"] == "high"


def test_that_no_answer_goes_on_with_the_last_message_is_noted():
    told = [write(said("assistant", Text("{")), goes_on=goes_on)[1] for goes_on in (False, True)]
    assert told == [[], ["that the answer goes on with the last message"]]
