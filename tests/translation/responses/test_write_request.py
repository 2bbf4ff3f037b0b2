"""A conversation as a request for OpenAI's Responses API."""

import pytest

from aigw.core.errors import GatewayError
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
from aigw.translation.responses.write_items import state_of
from aigw.translation.responses.write_request import write_request
from aigw.translation.rules import Rules

THINKS = Rules(maker="openai", efforts=("gpt-5*",), plain_sampling=("gpt-4*",))
STATE = sealed("openai", state_of("rs_1", "gAAAA"))


def write(*messages, rules=THINKS, **more):
    notes = Notes()
    given = Conversation(**{"model": "gpt-5", "messages": tuple(messages), **more})
    return write_request(given, rules, notes), notes.lost


def items(*messages):
    return write(*messages)[0]["input"]


def said(*parts):
    return items(Message("assistant", parts))


def test_each_side_has_parts_of_its_own_types():
    """Wei-Shaw/sub2api#6247."""
    given = items(
        Message("system", (Text("s"),)),
        Message("user", (Text("u"),)),
        Message("assistant", (Text("a"), Text("no", refusal=True))),
    )
    assert given == [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "s"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "u"}]},
        {"type": "message", "role": "assistant",
         "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "no"}]},
    ]  # fmt: skip


def test_reasoning_goes_back_as_its_maker_gave_it():
    """experientiallabs/experiential#665, NousResearch/hermes-agent#10217."""
    thought, call = said(Thinking("hm", STATE), Call("c", "f", ""))
    assert thought == {
        "type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "gAAAA",
    }  # fmt: skip
    assert call == {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    assert said(Thinking("", STATE, redacted=True), Text("a"))[0]["summary"] == []


@pytest.mark.parametrize("state", ["", "gAAAA", sealed("claude", "sig"), sealed("openai", ""), sealed("openai", "sig")])
def test_reasoning_of_others_does_not_go(state):
    assert [item["type"] for item in said(Thinking("hm", state), Text("a"))] == ["message"]


def test_reasoning_does_not_go_without_what_it_led_to():
    """continuedev/continue#8933."""
    assert [item["type"] for item in said(Text("a"), Thinking("hm", STATE))] == ["message"]


def test_results():
    """BerriAI/litellm#18226, router-for-me/CLIProxyAPI#4116: a text, or a list with an image."""
    image = Media("image", "image/png", "aGk=", detail="low")
    given = items(Message("user", (
        Result("a", (Text("r"), Text("s"))), Result("b", (Text("r"),), failed=True, custom=True),
        Result("c", (Text("see"), image), failed=True), Text("go"),
    )))  # fmt: skip
    assert [item["type"] for item in given] == [
        "function_call_output", "custom_tool_call_output", "function_call_output", "message",
    ]  # fmt: skip
    assert [item["output"] for item in given[:3]] == ["r\ns", "Error: r", [
        {"type": "input_text", "text": "Error:"}, {"type": "input_text", "text": "see"},
        {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "low"},
    ]]  # fmt: skip


def test_media():
    parts = (
        Media("file", "application/pdf", "aGk=", name="a.pdf"),
        Media("file", url="https://x"),
        Media("audio", "audio/mpeg", "aGk="),
    )
    assert items(Message("user", parts))[0]["content"] == [
        {"type": "input_file", "file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"},
        {"type": "input_file", "file_url": "https://x"},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
    ]  # fmt: skip


def test_tools():
    grammar = {"type": "grammar", "syntax": "lark", "definition": "x"}
    tools = (Tool("f", "F", {"type": "object"}), Tool("g", strict=True), Tool("h", "H", custom=True, grammar=grammar))
    body, _ = write(tools=tools, choice=("tool", "h"), parallel=False)
    assert body["tools"] == [
        {"type": "function", "name": "f", "description": "F", "parameters": {"type": "object"}, "strict": False},
        {"type": "function", "name": "g", "parameters": {"type": "object", "properties": {}}, "strict": True},
        {"type": "custom", "name": "h", "description": "H", "format": grammar},
    ]  # fmt: skip
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ({"type": "custom", "name": "h"}, False)
    assert write(tools=tools, choice=("tool", "f"))[0]["tool_choice"] == {"type": "function", "name": "f"}
    assert write(tools=tools, choice="required")[0]["tool_choice"] == "required"
    assert "parallel_tool_calls" not in write(parallel=False)[0]


def test_settings():
    body, lost = write(
        model="gpt-4o", max_tokens=99, sampling=Sampling(0.5, 0.1), user="u", verbosity="low", stream=True,
        format=Format({"type": "object"}, "", strict=True),
    )  # fmt: skip
    assert lost == []
    assert body == {
        "model": "gpt-4o", "input": [], "store": False, "max_output_tokens": 99, "user": "u", "temperature": 0.5,
        "top_p": 0.1, "stream": True,
        "text": {
            "format": {"type": "json_schema", "name": "answer", "strict": True, "schema": {"type": "object"}},
            "verbosity": "low",
        },
    }  # fmt: skip
    assert write(format=Format())[0]["text"] == {"format": {"type": "json_object"}}


def test_how_much_to_think():
    body, _ = write(reasoning=Reasoning("high", shown=True))
    assert (body["reasoning"], body["include"]) == (
        {"effort": "high", "summary": "auto"},
        ["reasoning.encrypted_content"],
    )
    assert write(reasoning=Reasoning(budget=2000))[0]["reasoning"] == {"effort": "low"}
    assert "reasoning" not in write()[0]
    body, lost = write(model="gpt-4o", reasoning=Reasoning("high"))
    assert ("reasoning" in body, "include" in body, lost) == (False, False, ["how much to think"])


def test_what_the_format_does_not_have():
    _, lost = write(sampling=Sampling(1, 1, 5, 7, 0.1, 0.2), max_tokens=1, user="u" * 65)
    assert lost == [
        "max_tokens below 16", "user", "temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty",
    ]  # fmt: skip


@pytest.mark.parametrize("how", [{"stop": ("x",)}, {"choices": 2}])
def test_what_would_change_the_answer_is_refused(how):
    with pytest.raises(GatewayError) as refused:
        write(**how)
    assert refused.value.status == 400


def test_that_no_answer_goes_on_with_the_last_message_is_noted():
    told = [write(Message("assistant", (Text("{"),)), goes_on=goes_on)[1] for goes_on in (False, True)]
    assert told == [[], ["that the answer goes on with the last message"]]


def test_what_both_apis_of_openai_have():
    assert write(openais={"service_tier": "flex"})[0]["service_tier"] == "flex"
