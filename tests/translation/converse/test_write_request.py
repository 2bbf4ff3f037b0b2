"""A conversation as a request to Bedrock."""

import pytest

from aigw.core.errors import GatewayError
from aigw.translation.converse.write_request import write_request
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


def write(*messages, rules=Rules(maker="bedrock"), **more):  # noqa: B008 - it is frozen
    notes = Notes()
    return write_request(Conversation(model="m", messages=messages, **more), rules, notes), notes.lost


def said(role, *parts):
    return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))


def test_a_tool_round():
    thought = Thinking("hm", sealed("bedrock", "c2ln"))
    body, _ = write(
        said("system", "be brief"), said("user", "hi"), said("assistant", thought, "so", Call("1", "f", '{"a":1}')),
        said("user", "and?", Result("1", (Text(""),), failed=True)), said("system", "now"),
        tools=(Tool("f", "d", {"type": "object"}),), choice=("tool", "f"),
    )  # fmt: skip
    assert body == {
        "system": [{"text": "be brief"}],
        "messages": [
            {"role": "user", "content": [{"text": "hi"}]},
            {"role": "assistant", "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}}, {"text": "so"},
                {"toolUse": {"toolUseId": "1", "name": "f", "input": {"a": 1}}},
            ]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "1", "content": [{"text": "(empty)"}], "status": "error"}},
                {"text": "and?"}, {"text": "<system>\nnow\n</system>"},
            ]},
        ],
        "toolConfig": {
            "tools": [{"toolSpec": {"name": "f", "description": "d", "inputSchema": {"json": {"type": "object"}}}}],
            "toolChoice": {"tool": {"name": "f"}},
        },
    }  # fmt: skip


def test_the_assistant_never_begins_and_foreign_reasoning_stays_here():
    body, _ = write(said("assistant", Thinking("x", "signature of another"), "hi"), said("user", "a"))
    assert body["messages"] == [
        {"role": "user", "content": [{"text": "."}]},
        {"role": "assistant", "content": [{"text": "hi"}]},
        {"role": "user", "content": [{"text": "a"}]},
    ]


def test_images_and_documents():
    body, _ = write(
        said("user", Media("image", "image/jpeg", "QQ=="), Media("file", "application/pdf", "QQ==", name="a/b.pdf"))
    )
    assert body["messages"][0]["content"] == [
        {"image": {"format": "jpeg", "source": {"bytes": "QQ=="}}},
        {"document": {"format": "pdf", "name": "a-b", "source": {"bytes": "QQ=="}}},
    ]


@pytest.mark.parametrize(
    "media",
    [Media("image", url="https://a/b"), Media("audio", "audio/wav", "QQ=="), Media("file", "application/zip", "QQ==")],
)
def test_what_it_cannot_see_is_refused(media):
    with pytest.raises(GatewayError) as refusal:
        write(said("user", media))
    assert refusal.value.status == 400


def test_settings():
    body, lost = write(
        max_tokens=99,
        stop=("x",),
        sampling=Sampling(1.5, 0.9, 40),
        user="u",
        rules=Rules(most_tokens={"*": 50}, extra_fields={"k": 1}),
    )
    assert body["inferenceConfig"] == {"maxTokens": 50, "stopSequences": ["x"], "temperature": 1, "topP": 0.9}
    assert body["additionalModelRequestFields"] == {"k": 1}
    assert lost == ["max_tokens above 50", "temperature above 1", "top_k", "user"]


@pytest.mark.parametrize(
    ("reasoning", "more", "expected"),
    [
        (Reasoning("", 2000), {"max_tokens": 5000}, {"type": "enabled", "budget_tokens": 2000}),
        (Reasoning("high"), {"max_tokens": 5000}, {"type": "enabled", "budget_tokens": 4999}),
        (Reasoning("high"), {"max_tokens": 500}, None),
        (Reasoning("high"), {"choice": "required", "tools": (Tool("f"),)}, None),
        (Reasoning("none"), {}, None),
    ],
)
def test_how_much_to_think(reasoning, more, expected):
    """maximhq/bifrost#1479: a budget below 1024 is refused, and so is one that is not below the limit."""
    body, _ = write(reasoning=reasoning, rules=Rules(anthropic_models=("*",)), **more)
    assert body.get("additionalModelRequestFields", {}).get("thinking") == expected


def test_anthropic_takes_one_setting_of_the_sampling_and_none_while_it_thinks():
    ours = {"rules": Rules(anthropic_models=("m",)), "sampling": Sampling(0.5, 0.9)}
    body, lost = write(said("user", "hi"), **ours)
    assert (body["inferenceConfig"], lost) == ({"temperature": 0.5}, ["top_p"])
    body, lost = write(said("user", "hi"), reasoning=Reasoning("", 2000), **ours)
    assert ("inferenceConfig" in body, lost) == (False, ["temperature", "top_p"])


def test_instructions_alone_are_what_the_user_asks_for():
    body, _ = write(said("system", "be brief"), said("system", "say hi"))
    assert body["system"] == [{"text": "be brief"}]
    assert body["messages"] == [{"role": "user", "content": [{"text": "say hi"}]}]


def test_a_schema_stands_in_the_system_text():
    body, lost = write(format=Format({"x": 1}))
    assert '{"x":1}' in body["system"][0]["text"] and lost


def test_at_most_four_marks_of_the_cache_the_last_ones():
    parts = [Text(str(number), cached=True) for number in range(6)]
    body, _ = write(said("user", *parts), rules=Rules(keeps_cache_marks=True))
    content = body["messages"][0]["content"]
    assert [at for at, block in enumerate(content) if "cachePoint" in block] == [3, 5, 7, 9]
    assert "cachePoint" not in str(write(said("user", *parts))[0])


def test_tools_that_must_not_be_called():
    """langgenius/dify#17545: the format has no word for that, and wants to know the tools of earlier calls."""
    body, lost = write(said("user", "hi"), tools=(Tool("f"),), choice="none")
    assert ("toolConfig" in body, lost) == (False, [])
    turn = (said("user", "hi"), said("assistant", Call("1", "f", "{}")), said("user", Result("1", (Text("r"),))))
    body, lost = write(*turn, tools=(Tool("f"),), choice="none")
    assert ("toolChoice" in body["toolConfig"], lost) == (False, ["tool_choice none"])
    body, lost = write(*turn)
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["f"]
    assert lost == ["tool_choice none"]


def test_an_image_of_the_system_is_noted():
    assert write(said("system", "a", Media("image", "image/png", "QQ==")), said("user", "hi"))[1] == [
        "an image of the system"
    ]
