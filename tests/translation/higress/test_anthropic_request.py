"""Requests for the provider `claude`, beside the cases of tests/conformance."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.translation.higress.anthropic_request import CLAUDE_CODE, write_request

HI = {"role": "user", "content": "hi"}


def written(*messages, claude_code=False, context=None, **body):
    given = {"model": "c", "messages": list(messages) or [HI], **body}
    return write_request(given, claude_code=claude_code, context=context)


def conversation(*messages):
    return written(*messages)["messages"]


@pytest.mark.parametrize(
    ("body", "most"),
    [
        ({}, 4096),
        ({"max_tokens": 5}, 5),
        ({"max_tokens": 5, "max_completion_tokens": 7}, 7),
        ({"max_tokens": None}, 4096),
    ],
)
def test_limit(body, most):
    assert written(**body)["max_tokens"] == most


@pytest.mark.parametrize(
    ("body", "budget"),
    [
        ({"reasoning_effort": "high", "max_tokens": 16385}, 16384),
        ({"reasoning_effort": "high", "max_tokens": 16384}, 16383),
        ({"reasoning_effort": "minimal", "max_tokens": 20000}, 8192),
        ({"reasoning_max_tokens": 5, "max_tokens": 2000}, 1024),
        ({"reasoning_max_tokens": 3000, "reasoning_effort": "low"}, 3000),
        ({"reasoning_effort": "low", "max_tokens": 1025}, 1024),
    ],
)
def test_budget_is_below_the_limit(body, budget):
    assert written(**body)["thinking"] == {"type": "enabled", "budget_tokens": budget}


@pytest.mark.parametrize("body", [{}, {"reasoning_effort": "low", "max_tokens": 1024}, {"reasoning_effort": ""}])
def test_no_thinking(body):
    assert "thinking" not in written(**body)


def test_thinking_in_its_own_words_stays():
    given = {"type": "enabled", "budget_tokens": 30000, "display": "omitted"}
    assert written(claude_thinking=given, reasoning_effort="low")["thinking"] == given
    assert written(claude_output_config={"effort": "max"})["output_config"] == {"effort": "max"}


@pytest.mark.parametrize(
    ("choice", "written_choice"),
    [
        ("required", "auto"),
        ({"type": "function", "function": {"name": "f"}}, "auto"),
        ("none", "none"),
        ("auto", "auto"),
    ],
)
def test_no_tool_is_forced_on_a_model_that_thinks(choice, written_choice):
    assert written(tool_choice=choice, reasoning_effort="low")["tool_choice"] == {"type": written_choice}


def test_empty_values_are_missing_ones():
    body = written(temperature=0, top_p=None, stream=False, stop=[], tools=[], n=2, seed=5, tool_choice=None)
    assert body == {"model": "c", "messages": [HI], "max_tokens": 4096}


def test_stop_may_be_one_text():
    assert written(stop="END")["stop_sequences"] == ["END"]


def test_system_texts():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert written({"role": "system", "content": parts}, HI)["system"] == "a\nb\n"
    assert written({"role": "system", "content": ""}, HI)["system"] == ""
    assert "system" not in written()
    assert written({"role": "system", "content": "a"})["messages"] is None


def test_context_stands_in_front_of_the_system_text():
    assert written(context="C")["system"] == "C"
    assert written({"role": "system", "content": "s"}, HI, context="C")["system"] == "C\ns"
    assert written(context="C", claude_code=True)["system"] == f"C\n{CLAUDE_CODE}"


def test_claude_code_keeps_the_clients_own_system_text():
    (block,) = written({"role": "system", "content": "s"}, HI, claude_code=True)["system"]
    assert block == {"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}


def test_results_are_joined_across_a_system_message_only():
    def result(name):
        return {"role": "tool", "tool_call_id": name, "content": name}

    def block(name):
        return {"type": "tool_result", "tool_use_id": name, "content": name}

    apart = conversation(result("a"), {"role": "system", "content": "s"}, result("b"), HI, result("c"))
    assert apart == [
        {"role": "user", "content": [block("a"), block("b")]},
        HI,
        {"role": "user", "content": [block("c")]},
    ]


@pytest.mark.parametrize(
    ("arguments", "given_input"), [("{", {}), ("[1]", {}), ("", {}), ("null", None), ('{"a":1}', {"a": 1})]
)
def test_arguments(arguments, given_input):
    call = {"id": "t", "type": "function", "function": {"name": "f", "arguments": arguments}}
    (message,) = conversation({"role": "assistant", "content": None, "tool_calls": [call]})
    assert message["content"] == [{"type": "tool_use", "id": "t", "name": "f", "input": given_input}]


@pytest.mark.parametrize(
    ("content", "blocks"),
    [
        (None, []),
        ([{"type": "text", "text": ""}], [{"type": "text"}]),
        ([{"type": "image_url", "image_url": {"url": "data:image/png"}}], []),
        ([{"type": "file", "file": {"file_id": "f"}}], [{"type": "file", "source": {"type": "url", "file_id": "f"}}]),
        ([{"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}}], []),
    ],
)
def test_other_contents(content, blocks):
    assert conversation({"role": "user", "content": content}) == [{"role": "user", "content": blocks}]


@pytest.mark.parametrize(
    ("field", "value"),
    [("messages", "a"), ("max_tokens", "5"), ("temperature", "hot"), ("tools", {}), ("stream", "yes"), ("stop", [1])],
)
def test_wrong_types_are_named(field, value):
    with pytest.raises(ValueError, match=f"^{field}: must be"):
        write_request({"model": "c", "messages": [HI], field: value})


NAMES = ["model", "messages", "role", "content", "type", "text", "tool_calls", "function", "name", "arguments", "tools",
         "tool_choice", "tool_call_id", "image_url", "url", "stop", "max_tokens", "reasoning_effort", "id"]  # fmt: skip
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["user", "tool", "assistant", "system", "text", "{}", "data:a;b"])
)
BODIES = st.dictionaries(
    st.sampled_from(NAMES),
    st.recursive(VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner)),
)


@given(BODIES)
def test_any_body_is_written_or_refused(body):
    try:
        json.dumps(write_request(body, claude_code=True))
    except ValueError as error:
        assert "must be" in str(error)
