"""A request of Gemini's generateContent as a conversation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.errors import GatewayError
from aigw.dialects.gemini_request import snake
from aigw.translation.gemini.read_request import read_request
from aigw.translation.hub import Call, Format, Media, Message, Reasoning, Result, Sampling, Text, Thinking, Tool
from aigw.translation.notes import Notes


def read(**body):
    notes = Notes()
    return read_request(body, notes), notes.lost


def messages(*contents):
    return read(contents=list(contents))[0].messages


def user(*parts):
    return {"role": "user", "parts": list(parts)}


def model(*parts):
    return {"role": "model", "parts": list(parts)}


def call(name="f", args=None, **more):
    return {"functionCall": {"name": name, "args": args or {}, **more}}


def response(name="f", said=None, **more):
    return {"functionResponse": {"name": name, "response": {"output": "ok"} if said is None else said, **more}}


def ids(*contents):
    """The ids of the calls and of the results."""
    parts = [part for message in messages(*contents) for part in message.parts]
    return [part.id for part in parts if isinstance(part, Call)], [
        part.id for part in parts if isinstance(part, Result)
    ]


def test_a_conversation():
    found, lost = read(
        systemInstruction={"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        contents=[user({"text": "hi"}), model({"text": "yo"}, {"text": ""})],
    )
    assert found.messages == (
        Message("system", (Text("a"), Text("b"))),
        Message("user", (Text("hi"),)),
        Message("assistant", (Text("yo"),)),
    )
    assert lost == []


@pytest.mark.parametrize("contents", [user({"text": "hi"}), [{"parts": {"text": "hi"}}], ["hi"], [{"parts": ["hi"]}]])
def test_an_object_may_stand_for_a_list_of_one(contents):
    assert read(contents=contents)[0].messages == (Message("user", (Text("hi"),)),)


BODY = {
    "systemInstruction": {"parts": [{"text": "s"}]},
    "contents": [user({"inlineData": {"mimeType": "image/png", "data": "-_8"}}), model({**call(), "thoughtSignature": "S"})],
    "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    "generationConfig": {
        "temperature": 0.5, "topP": 0.9, "topK": 64.0, "seed": 3, "frequencyPenalty": 0.1, "presencePenalty": 0.2,
        "maxOutputTokens": 9, "stopSequences": ["x"], "candidateCount": 2, "responseMimeType": "application/json",
        "responseSchema": {"type": "STRING"}, "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 1024},
    },
}  # fmt: skip


def snaked(value):
    if isinstance(value, dict):
        return {snake(name): snaked(each) for name, each in value.items()}
    return [snaked(each) for each in value] if isinstance(value, list) else value


def test_names_are_in_either_spelling():
    found, lost = read(**BODY)
    assert lost == []
    assert found.messages[1:] == (
        Message("user", (Media("image", "image/png", "+/8="),)),  # the standard alphabet
        Message("assistant", (Call("call_1_0", "f", "{}", state="S"),)),
    )
    assert found.tools == (Tool("f", "", {"type": "object", "properties": {"a": {"type": "string"}}}),)
    assert found.choice == ("tool", "f")
    assert found.sampling == Sampling(0.5, 0.9, 64, 3, 0.1, 0.2)
    assert (found.max_tokens, found.stop, found.choices) == (9, ("x",), 2)
    assert (found.format, found.reasoning) == (
        Format({"type": "string"}, "answer"),
        Reasoning("", 1024, shown=True),
    )
    assert read(**snaked(BODY)) == (found, [])


def test_thoughts_are_one_piece_with_the_state_of_the_part_behind_them():
    thoughts = ({"text": "H", "thought": True}, {"text": "m", "thought": True})
    (said,) = messages(model(*thoughts, {"text": "a", "thoughtSignature": "S"}))
    assert said.parts == (Thinking("Hm", "S"), Text("a"))
    (said,) = messages(model(*thoughts, {**call(), "thoughtSignature": "S"}))
    assert said.parts == (Thinking("Hm", "S"), Call("call_0_0", "f", "{}", state="S"))
    (said,) = messages(model({"text": "a", "thoughtSignature": "S"}))
    assert said.parts == (Text("a"),)


@pytest.mark.parametrize(
    ("contents", "calls", "results"),
    [
        ([model(call(id="a"), call(id="b")), user(response(id="b"), response(id="a"))], ["a", "b"], ["b", "a"]),
        ([model(call("f"), call("g")), user(response("g"), response("f"))], ["call_0_0", "call_0_1"], ["call_0_1", "call_0_0"]),
        ([model(call("f"), call("f")), user(response("f"), response("f"))], ["call_0_0", "call_0_1"], ["call_0_0", "call_0_1"]),
        ([model(call("f")), user(response("")), model(call("f")), user(response())], ["call_0_0", "call_2_0"], ["call_0_0", "call_2_0"]),
        ([model(call("f", id="a")), user(response("f"))], ["a"], ["a"]),
        ([user(response("f", id="z"))], [], ["z"]),
    ],
    ids=["ids", "names", "order", "turns", "only the call has one", "of no call"],
)  # fmt: skip
def test_results_are_of_the_calls_before_them(contents, calls, results):
    """diegosouzapw/OmniRoute#13334, #11365: calls have no ids."""
    assert ids(*contents) == (calls, results)


@pytest.mark.parametrize(
    ("said", "text", "failed"),
    [
        ({"output": "ok"}, "ok", False), ({"result": {"a": 1}}, '{"a":1}', False), ({"error": "no"}, "no", True),
        ({"temp": 20}, '{"temp":20}', False), ({"output": "ok", "b": 1}, '{"output":"ok","b":1}', False), ({}, "{}", False),
    ],
)  # fmt: skip
def test_what_a_tool_said(said, text, failed):
    result = messages(model(call()), user(response(said=said)))[1].parts[0]
    assert (result.text, result.failed) == (text, failed)


def test_a_result_with_an_image():
    image = {"inlineData": {"mimeType": "image/png", "data": "QQ"}}
    result = messages(model(call()), user(response(parts=[image])))[1].parts[0]
    assert result.media == (Media("image", "image/png", "QQ=="),)


@pytest.mark.parametrize(
    ("type", "kind"), [("image/png", "image"), ("audio/mp3", "audio"), ("application/pdf", "file"), ("", "file")]
)
def test_media(type, kind):
    (said,) = messages(user({"inlineData": {"mimeType": type, "data": "QQ=="}}))
    assert said.parts == (Media(kind, type, "QQ=="),)


def test_code_that_google_ran_is_text():
    (said,) = messages(
        model({"executableCode": {"language": "PYTHON", "code": "1"}}, {"codeExecutionResult": {"output": "one"}})
    )
    assert said.parts == (Text("```python\n1\n```"), Text("one"))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"cachedContent": "cachedContents/1"}, "cachedContent"),
        ({"contents": user({"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/1",
                                         "mimeType": "image/png"}})}, "fileData"),
        ({"contents": user({"file_data": {"file_uri": "gs://a/b.pdf", "mime_type": "application/pdf"}})}, "fileData"),
        ({"generationConfig": {"responseModalities": ["AUDIO"]}}, "responseModalities"),
    ],
)  # fmt: skip
def test_what_cannot_be_left_out_is_refused_by_name(body, field):
    with pytest.raises(GatewayError, match=field) as refusal:
        read(**body)
    assert refusal.value.status == 400


def test_an_image_that_everybody_can_fetch():
    (said,) = messages(user({"fileData": {"fileUri": "https://example.com/a.png", "mimeType": "image/png"}}))
    assert said.parts == (Media("image", "image/png", url="https://example.com/a.png"),)


def test_what_is_lost_is_named():
    _, lost = read(
        contents=user({"text": "a"}, {"videoMetadata": {"fps": 1}}),
        safety_settings=[{"category": "HARM"}],
        labels={},
        tools=[{"googleSearch": {}}, {"functionDeclarations": [{"name": "f"}]}],
        generationConfig={"responseLogprobs": True, "responseMimeType": "text/x.enum", "responseModalities": ["TEXT", "IMAGE"]},
    )  # fmt: skip
    assert lost == [
        "safety_settings", "generationConfig.responseLogprobs", "generationConfig.responseModalities IMAGE",
        "contents: videoMetadata", "tools: googleSearch", "generationConfig.responseMimeType text/x.enum",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("calling", "choice", "tools"),
    [
        ({"mode": "auto"}, "", ["f", "g"]), ({"mode": "ANY"}, "required", ["f", "g"]),
        ({"mode": "any", "allowedFunctionNames": ["g"]}, ("tool", "g"), ["f", "g"]),
        ({"mode": "ANY", "allowed_function_names": ["f", "g"]}, "required", ["f", "g"]),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["f"]}, "", ["f"]), ({"mode": "NONE"}, "none", ["f", "g"]),
    ],
)  # fmt: skip
def test_the_choice_of_a_tool(calling, choice, tools):
    found, _ = read(
        tools=[{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}], toolConfig={"functionCallingConfig": calling}
    )
    assert (found.choice, [tool.name for tool in found.tools]) == (choice, tools)


def test_what_parts_and_settings_of_tools_say_beside_what_is_read_is_noted():
    image = {"inlineData": {"mimeType": "image/png", "data": "QQ=="}}
    _, lost = read(
        systemInstruction={"parts": [{"text": "a"}, image]},
        toolConfig={"functionCallingConfig": {"mode": "AUTO"}, "retrievalConfig": {"languageCode": "de"}},
        contents=[user({"inlineData": {"mimeType": "video/mp4", "data": "QQ=="}, "videoMetadata": {"fps": 1}})],
    )
    assert lost == ["systemInstruction: inlineData", "toolConfig.retrievalConfig", "contents: videoMetadata"]


def test_schemas_as_they_are():
    schema = {"type": "object", "additionalProperties": False}
    found, _ = read(
        tools=[{"functionDeclarations": {"name": "f", "description": "d", "parameters_json_schema": schema}}],
        generationConfig={"responseMimeType": "application/json", "responseJsonSchema": schema},
    )
    assert (found.tools, found.format) == ((Tool("f", "d", schema),), Format(schema, "answer"))


@pytest.mark.parametrize(
    ("thinking", "reasoning"),
    [
        (None, Reasoning(shown=False)), ({"thinkingLevel": "high"}, Reasoning("high", shown=False)),
        ({"thinking_budget": 0, "include_thoughts": True}, Reasoning("", 0, shown=True)),
    ],
)  # fmt: skip
def test_thinking(thinking, reasoning):
    assert read(generationConfig={"thinkingConfig": thinking})[0].reasoning == reasoning


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["contents", "parts", "text", "functionCall", "functionResponse", "name", "id", "args", "response", "thought",
         "inlineData", "data", "mimeType", "tools", "functionDeclarations", "parameters", "type", "role", "error"]), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip
NAMES = st.sampled_from([*BODY, *map(snake, BODY), "cachedContent", "safetySettings"])


@given(st.dictionaries(NAMES, ANY, max_size=4))
def test_no_body_is_a_bug(body):
    try:
        read(**body)
    except GatewayError as error:
        assert error.status == 400


def test_what_a_tool_says_beside_its_declaration_is_noted():
    declared = {"name": "f", "parameters_json_schema": {}, "response": {"type": "OBJECT"}, "behavior": "NON_BLOCKING"}
    lost = read(contents=[user({"text": "hi"})], tools=[{"functionDeclarations": [declared]}])[1]
    assert lost == ["tools: response", "tools: behavior"]


def test_what_a_part_says_beside_its_content_is_noted():
    """Which pages the model shall read, and how it shall look at them."""
    pdf = {"inlineData": {"mimeType": "application/pdf", "data": "QQ==", "displayName": "a.pdf"}}
    png = {"inline_data": {"mime_type": "image/png", "data": "QQ==", "display_name": "a.png"}}
    given, lost = read(contents=[
        user({**pdf, "documentMetadata": {"startPage": 2}}, png), model(call(willContinue=True)),
        user(response(scheduling="SILENT", parts=[{**png, "media_resolution": {"level": "LOW"}}])),
    ])  # fmt: skip
    assert given.messages[0].parts[0].name == "a.pdf"
    assert lost == [
        "contents: documentMetadata", "contents: displayName", "contents: functionCall.willContinue",
        "contents: functionResponse.scheduling", "contents: functionResponse.media_resolution",
    ]  # fmt: skip
