"""A conversation as a request for Gemini's generateContent."""

import pytest

from aigw.core.errors import GatewayError
from aigw.translation.envelope import sealed
from aigw.translation.gemini.write_request import NO_SIGNATURE, write_request
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
SCHEMA = {"type": "object", "properties": {"a": {"const": 1}}, "additionalProperties": False}


def write(*messages, rules=Rules(maker="gemini"), model="gemini-3-pro", **more):  # noqa: B008 - it is frozen
    notes = Notes()
    body = write_request(Conversation(model=model, messages=messages, **more), rules, notes)
    assert "model" not in body
    return body, notes.lost


def said(role, *parts):
    return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))


HI = said("user", "hi")


def test_the_systems_first_words_stand_apart_and_later_ones_stay_in_their_place():
    """songquanpeng/one-api#1135."""
    body, _ = write(said("system", "a", "b"), said("system", "c"), HI, said("system", "d"), said("assistant", "yo"))
    assert body["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "hi"}, {"text": "<system>\nd\n</system>"}]},
        {"role": "model", "parts": [{"text": "yo"}]},
    ]


@pytest.mark.parametrize(
    ("messages", "first"),
    [((), " "), ((said("system", "a"),), "a"), ((said("user", ""), said("assistant", "b")), " ")],
)
def test_a_user_begins(messages, first):
    body, _ = write(*messages)
    assert body["contents"][0] == {"role": "user", "parts": [{"text": first}]}


def test_results_of_a_turn_are_in_one_content_with_the_names_of_their_calls():
    """cloudwego/eino-ext#571, microsoft/semantic-kernel#10597: as many results as calls. PasClaw#49: the name is
    needed."""
    body, _ = write(
        HI,
        said("assistant", "I look", Call("1", "f", '{"x": 1}'), Call("call_aigw3_", "g", "")),
        said("user", Result("1", (Text("ok"),)), Result("call_aigw3_", (Text("no"),), failed=True), "and?"),
    )
    assert body["contents"][1:] == [
        {"role": "model", "parts": [
            {"text": "I look"},
            {"functionCall": {"id": "1", "name": "f", "args": {"x": 1}}, "thoughtSignature": NO_SIGNATURE},
            {"functionCall": {"name": "g", "args": {}}},
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"id": "1", "name": "f", "response": {"output": "ok"}}},
            {"functionResponse": {"name": "g", "response": {"error": "no"}}},
            {"text": "and?"},
        ]},
    ]  # fmt: skip


def signatures(*parts, model="gemini-3-pro"):
    body, _ = write(HI, said("assistant", *parts), model=model)
    return [part.get("thoughtSignature") for part in body["contents"][1]["parts"]]


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ((Call("1", "f", "", state=sealed("gemini", "S")),), ["S"]),
        ((Thinking("t", sealed("gemini", "S")), "text", Call("1", "f", "")), [None, "S"]),
        ((Thinking("", sealed("gemini", "S"), redacted=True), Call("1", "f", ""), Call("2", "f", "")), ["S", None]),
        ((Thinking("t", sealed("gemini", "")), Call("1", "f", "")), [NO_SIGNATURE]),
        ((Thinking("t", sealed("claude", "S")), Call("1", "f", ""), Call("2", "f", "")), [NO_SIGNATURE, None]),
        ((Thinking("t", "S"), Call("1", "f", "", state="S")), [NO_SIGNATURE]),
    ],
    ids=["in the call", "in the thought", "alone", "thought without", "of another maker", "without envelope"],
)
def test_a_first_call_has_its_signature_or_the_constant(parts, found):
    """langgenius/dify-official-plugins#2088, jeremychone/rust-genai#115, pipecat-ai/pipecat#3420."""
    assert signatures(*parts) == found


@pytest.mark.parametrize("model", ["gemini-2.5-pro", "gemini-2.0-flash", "models/gemma-3"])
def test_older_models_need_no_constant(model):
    assert signatures(Call("1", "f", ""), model=model) == [None]


def test_media():
    body, _ = write(said("user", PNG, Media("file", "", "QQ==", name="a.pdf"), Media("image", url="gs://b/c.jpg")))
    assert body["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "QQ=="}},
        {"text": "[a.pdf]"},
        {"inlineData": {"mimeType": "application/pdf", "data": "QQ=="}},
        {"fileData": {"mimeType": "image/jpeg", "fileUri": "gs://b/c.jpg"}},
    ]


@pytest.mark.parametrize(
    ("url", "type"),
    [
        ("https://example.com/a.webp?signature=x.y", "image/webp"),
        ("https://example.com/picture", "image/png"),
    ],
)
def test_gemini_fetches_what_is_public(url, type):
    body, _ = write(said("user", Media("image", url=url)))
    assert body["contents"][0]["parts"] == [{"fileData": {"mimeType": type, "fileUri": url}}]


def test_but_not_without_encryption():
    told = r"fetches no URL but https; send the image itself in base64; .*, as data:"
    with pytest.raises(GatewayError, match=told):
        write(said("user", Media("image", url="http://example.com/a.png")))


@pytest.mark.parametrize("model", ["gemini-3-pro", "gemini-2.5-pro"])
def test_an_image_in_a_result(model):
    """In the result where the model takes it there, otherwise behind all results."""
    calls = said("assistant", Call("1", "f", ""), Call("2", "f", ""))
    body, _ = write(HI, calls, said("user", Result("1", (Text("x"), PNG)), Result("2", ())), model=model)
    parts, image = body["contents"][2]["parts"], {"inlineData": {"mimeType": "image/png", "data": "QQ=="}}
    inside = parts[0]["functionResponse"].get("parts")
    assert (inside, parts[2:]) == (([image], []) if model == "gemini-3-pro" else (None, [image]))


def test_tools_keep_their_schema():
    """brainlid/langchain#599, forgecode#3426: the older field refuses most of JSON Schema."""
    tools = (Tool("f", "Does.", SCHEMA), Tool("g"), Tool("p", custom=True, grammar={"type": "lark"}))
    body, lost = write(HI, tools=tools, choice=("tool", "f"), parallel=False)
    f, g, p = body["tools"][0]["functionDeclarations"]
    assert f == {"name": "f", "description": "Does.", "parametersJsonSchema": SCHEMA}
    assert g == {"name": "g"}
    assert p["parametersJsonSchema"]["required"] == ["input"]
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}
    assert lost == ["one call at a time"]


@pytest.mark.parametrize(("choice", "mode"), [("required", "ANY"), ("none", "NONE")])
def test_the_choice_of_a_tool(choice, mode):
    body, _ = write(HI, tools=(Tool("f"),), choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": mode}}
    assert "toolConfig" not in write(HI, choice=choice)[0]


def test_settings():
    body, lost = write(
        HI,
        rules=Rules(safety={"HARM": "BLOCK_NONE"}, most_tokens={"*": 50}),
        max_tokens=99,
        stop=tuple("abcdef"),
        choices=2,
        sampling=Sampling(0.5, 0.9, 40, 7, 0.1, 0.2),
        user="u",
    )
    assert body["generationConfig"] == {
        "temperature": 0.5, "topP": 0.9, "topK": 40, "seed": 7, "frequencyPenalty": 0.1, "presencePenalty": 0.2,
        "maxOutputTokens": 50, "stopSequences": ["a", "b", "c", "d", "e"], "candidateCount": 2,
    }  # fmt: skip
    assert body["safetySettings"] == [{"category": "HARM", "threshold": "BLOCK_NONE"}]
    assert lost == ["max_tokens above 50", "stop sequences behind the fifth", "user"]


def test_a_format():
    body, _ = write(HI, format=Format(SCHEMA))
    assert body["generationConfig"] == {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}
    assert write(HI, format=Format())[0]["generationConfig"] == {"responseMimeType": "application/json"}


def test_older_models_take_no_format_beside_tools():
    body, lost = write(HI, format=Format(SCHEMA), tools=(Tool("f"),), model="gemini-2.5-flash")
    assert "generationConfig" not in body
    assert "JSON Schema" in body["systemInstruction"]["parts"][0]["text"]
    assert lost == ["a schema that the provider enforces"]
    assert "generationConfig" in write(HI, format=Format(SCHEMA), tools=(Tool("f"),))[0]


@pytest.mark.parametrize(
    ("model", "reasoning", "config"),
    [
        ("gemini-2.5-flash", Reasoning("none"), {"thinkingBudget": 0}),
        ("gemini-2.5-pro", Reasoning("none"), {"thinkingBudget": 128}),
        ("gemini-2.5-flash-lite", Reasoning(budget=100), {"thinkingBudget": 512}),
        ("gemini-2.5-flash", Reasoning(budget=31999, shown=True), {"includeThoughts": True, "thinkingBudget": 24576}),
        ("gemini-2.5-pro", Reasoning("medium"), {"thinkingBudget": 8192}),
        ("gemini-2.5-pro", Reasoning(budget=-1), {"thinkingBudget": -1}),
        ("gemini-3-flash-preview", Reasoning("minimal"), {"thinkingLevel": "MINIMAL"}),
        ("gemini-3-flash-preview", Reasoning("medium"), {"thinkingLevel": "MEDIUM"}),
        ("gemini-3-pro-preview", Reasoning("none"), {"thinkingLevel": "LOW"}),
        ("gemini-3-pro-preview", Reasoning("medium"), {"thinkingLevel": "HIGH"}),
        ("gemini-3.1-pro", Reasoning("medium"), {"thinkingLevel": "MEDIUM"}),
        ("gemini-3-pro", Reasoning("max", shown=True), {"includeThoughts": True, "thinkingLevel": "HIGH"}),
        ("gemini-3-pro", Reasoning(budget=31999), {"thinkingLevel": "HIGH"}),
        ("gemini-flash-latest", Reasoning("low"), {"thinkingLevel": "LOW"}),
        ("gemini-2.0-flash", Reasoning("none"), None),
        ("gemini-3-pro", Reasoning(), None),
    ],
)
def test_how_much_to_think(model, reasoning, config):
    body, lost = write(HI, model=model, reasoning=reasoning)
    assert (body.get("generationConfig"), lost) == ({"thinkingConfig": config} if config else None, [])


def test_a_model_that_cannot_think():
    assert write(HI, model="gemini-2.0-flash", reasoning=Reasoning("high"))[1] == ["how much to think"]


def test_a_configured_budget_is_for_clients_that_say_nothing():
    rules = Rules(thinking_budget=2000)
    body, _ = write(HI, rules=rules, model="gemini-2.5-pro")
    assert body["generationConfig"]["thinkingConfig"] == {"includeThoughts": True, "thinkingBudget": 2000}
    body, _ = write(HI, rules=rules, model="gemini-2.5-pro", reasoning=Reasoning("high"))
    assert body["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 24576}


def test_an_image_of_the_system_is_noted():
    assert write(said("system", "a", PNG), said("user", "hi"))[1] == ["an image of the system"]
