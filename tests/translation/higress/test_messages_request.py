"""Requests of Anthropic's clients for chat completions, beside the cases of tests/conformance."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.translation.higress.messages_request import read_request, without_cch


def read(*messages, keeps_reasoning=False, asks_for_usage=True, **body):
    given = {"model": "m", "max_tokens": 5, "messages": list(messages), **body}
    return read_request(given, keeps_reasoning=keeps_reasoning, asks_for_usage=asks_for_usage)


def message(*blocks, role="assistant", **how):
    return read({"role": role, "content": list(blocks)}, **how)["messages"]


THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s"}
CALL = {"type": "tool_use", "id": "t", "name": "f", "input": {}}


def test_reasoning_is_kept_where_the_provider_wants_it():
    text = {"type": "text", "text": "a"}
    (kept,) = message(THOUGHT, {**THOUGHT, "thinking": "so"}, text, keeps_reasoning=True)
    assert kept == {"role": "assistant", "content": [text], "reasoning_content": "hm\n\nso"}
    (called,) = message(THOUGHT, CALL, keeps_reasoning=True)
    assert (called["reasoning_content"], "content" in called) == ("hm", False)
    assert message(THOUGHT, text) == [{"role": "assistant", "content": [text]}]


def test_message_of_thoughts_alone_is_empty():
    assert (
        message(THOUGHT)
        == message({"type": "redacted_thinking", "data": "d"})
        == [{"role": "assistant", "content": ""}]
    )
    assert message(THOUGHT, keeps_reasoning=True) == [{"role": "assistant", "reasoning_content": "hm"}]
    assert message() == [{"role": "assistant"}]


def test_images_by_url_stay_and_others_are_dropped():
    url = {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}
    file = {"type": "image", "source": {"type": "file", "file_id": "f"}}
    document = {"type": "document", "source": {"type": "text", "data": "d"}}
    ((part,),) = [each["content"] for each in message(url, file, document, role="user")]
    assert part == {"type": "image_url", "text": "", "image_url": {"url": "https://x/y.png"}}


def test_images_in_results_are_lost():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A"}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [image, {"type": "text", "text": "r"}]}
    assert message(result, image, role="user") == [{"role": "tool", "content": "r", "tool_call_id": "t"}]
    assert message({"type": "tool_result", "tool_use_id": "t"}, role="user")[0]["content"] == ""


def test_calls_without_an_id_or_a_name_are_dropped():
    assert message({**CALL, "id": ""}, {**CALL, "name": None}) == [{"role": "assistant"}]
    (called,) = message({"type": "tool_use", "id": "t", "name": "f"})
    assert called["tool_calls"][0]["function"] == {"name": "f", "arguments": ""}


@pytest.mark.parametrize(
    ("thinking", "effort"),
    [
        ({"type": "enabled", "budget_tokens": 4095}, "low"),
        ({"type": "enabled", "budget_tokens": 4096}, "medium"),
        ({"type": "enabled", "budget_tokens": 16384}, "high"),
        ({"type": "adaptive"}, None),
        ({"type": "disabled"}, None),
    ],
)
def test_effort(thinking, effort):
    assert read(thinking=thinking).get("reasoning_effort") == effort


@pytest.mark.parametrize(
    ("choice", "written"),
    [({"type": "auto"}, "auto"), ({"type": "none"}, "none"), ({"type": "any"}, "required"), ({"type": "tool"}, "tool")],
)
def test_tool_choices(choice, written):
    assert read(tool_choice=choice)["tool_choice"] == written


def test_usage_is_asked_for_unless_it_is_switched_off():
    assert read(stream=True)["stream_options"] == {"include_usage": True}
    assert "stream_options" not in read(stream=True, asks_for_usage=False)
    assert "stream_options" not in read()


def test_system():
    assert read(system="")["messages"] == [{"role": "system", "content": ""}]
    assert read(system=[])["messages"] == [{"role": "system", "content": []}]
    assert read(system=None)["messages"] is None
    later = {"role": "system", "content": "b"}
    assert read(later, system="a")["messages"] == [{"role": "system", "content": "a"}, later]


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ("v=1; cch=abc;", "v=1;"),
        ("v=1; cch=abc", "v=1"),
        ("v=1; cch=a; cch=b; x=1;", "v=1; x=1;"),
        ("v=1; x=1;", "v=1; x=1;"),
    ],
)
def test_part_of_the_billing_header_that_differs_each_time(header, kept):
    """The source of the trap: higress-group/higress, whose prompts were in no cache."""
    name = "x-anthropic-billing-header: "
    assert without_cch(name + header) == name + kept
    assert without_cch(header) == header


@pytest.mark.parametrize(
    ("field", "value"),
    [("messages", [{"content": 5}]), ("system", 5), ("stop_sequences", "a"), ("max_tokens", "5"), ("tools", [1])],
)
def test_wrong_types_are_named(field, value):
    name = "content" if field == "messages" else field
    with pytest.raises(ValueError, match=f"^{name}: must be"):
        read(**{field: value})


NAMES = ["model", "messages", "role", "content", "type", "text", "thinking", "id", "name", "input", "source", "system",
         "tool_use_id", "tools", "tool_choice", "stop_sequences"]  # fmt: skip
BODIES = st.dictionaries(
    st.sampled_from(NAMES),
    st.recursive(
        st.none()
        | st.integers()
        | st.sampled_from(["user", "text", "image", "tool_use", "tool_result", "thinking", "base64"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
    ),
)


@given(BODIES)
def test_any_body_is_read_or_refused(body):
    try:
        json.dumps(read_request(body, keeps_reasoning=True))
    except ValueError as error:
        assert "must be" in str(error)
