"""A request for chat completions as a conversation."""

import pytest
from any_json import anything, fields
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.errors import GatewayError
from aigw.translation.chat.read_request import read_request
from aigw.translation.chat.write_request import write_request
from aigw.translation.history import mended
from aigw.translation.hub import Call, Conversation, Format, Media, Message, Reasoning, Result, Text, Thinking, Tool
from aigw.translation.notes import Notes
from aigw.translation.rules import Rules


def read(**body):
    notes = Notes()
    return read_request({"model": "m", "messages": [], **body}, notes), notes.lost


def messages(*given):
    return read(messages=list(given))[0].messages


def function(name, **more):
    return {"type": "function", "function": {"name": name, **more}}


def call(id, name, arguments):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_a_turn_is_its_reasoning_its_text_and_its_calls():
    """MoonshotAI/kosong#45: results are parts of a user's message. An assistant's content may be null or empty."""
    said = messages(
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "text", "text": ""}]},
        {"role": "assistant", "content": None, "reasoning_content": "hm", "refusal": None,
         "tool_calls": [call("a", "f", '{"x": 1.0}'), {"id": "b", "type": "custom", "custom": {"name": "g", "input": "raw"}}]},
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "r"}]},
        {"role": "tool", "tool_call_id": "b", "content": "s"},
    )  # fmt: skip
    assert said == (
        Message("system", (Text("be brief"),)),
        Message("user", (Text("hi"),)),
        Message("assistant", (Thinking("hm"), Call("a", "f", '{"x": 1.0}'), Call("b", "g", "raw", custom=True))),
        Message("user", (Result("a", (Text("r"),)),)),
        Message("user", (Result("b", (Text("s"),)),)),
    )


def test_calls_in_the_old_form_have_ids_by_their_numbers():
    said = messages(
        {"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "r"},
    )
    assert said == (
        Message("assistant", (Call("function_1", "f", "{}"),)),
        Message("user", (Result("function_1", (Text("r"),)),)),
    )


def test_images_sounds_and_files():
    (said,) = messages(
        {"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ==", "detail": "low"}},
            {"type": "image_url", "image_url": "https://a/b"},
            {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "mp3"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QQ=="}},
        ]}
    )  # fmt: skip
    assert said.parts == (
        Media("image", "image/png", "QQ==", detail="low"),
        Media("image", url="https://a/b"),
        Media("audio", "audio/mpeg", "QQ=="),
        Media("file", "application/pdf", "QQ==", name="a.pdf"),
    )


def test_marks_of_what_shall_be_cached():
    said = messages(
        {"role": "system", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]},
        {"role": "user", "content": [{"type": "text", "text": "b", "prompt_cache_breakpoint": {}}]},
        {"role": "user", "content": "c", "cache_control": {"type": "ephemeral"}},
    )
    assert [part.cached for message in said for part in message.parts] == [True, False, True]


def test_the_signature_of_a_call():
    signed = {**call("a", "f", "{}"), "extra_content": {"google": {"thought_signature": "s"}}}
    assert messages({"role": "assistant", "tool_calls": [signed]})[0].calls[0].state == "s"


def test_what_would_get_a_wrong_answer_is_refused():
    with pytest.raises(GatewayError, match="file_id") as refusal:
        read(messages=[{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}])
    assert refusal.value.status == 400


@pytest.mark.parametrize(
    ("choice", "expected"), [(None, ""), ("auto", ""), ("none", "none"), ({"name": "f"}, ("tool", "f"))]
)
def test_functions_are_tools_of_which_one_is_called(choice, expected):
    """openai 0.28 and what was written for it."""
    read_, lost = read(
        functions=[{"name": "f", "description": "d", "parameters": {"type": "object"}}], function_call=choice
    )
    assert read_.tools == (Tool("f", "d", {"type": "object"}),)
    assert (read_.choice, read_.parallel, read_.one_call, lost) == (expected, False, True, [])


def test_functions_beside_tools_are_left():
    read_, lost = read(functions=[{"name": "f"}], tools=[{"type": "function", "function": {"name": "g"}}])
    assert ([tool.name for tool in read_.tools], read_.one_call, lost) == (["g"], False, ["functions"])


def test_what_has_no_counterpart_is_noted():
    _, lost = read(
        logit_bias={"5": 1}, logprobs=True, store=False, metadata={}, modalities=["text"], prediction={"type": "content"},
        tools=[{"type": "web_search"}],
        messages=[{"role": "user", "content": [{"type": "video_url", "video_url": {"url": "x"}}]}],
        response_format={"type": "grammar"},
    )  # fmt: skip
    assert lost == [
        "logit_bias", "logprobs", "prediction", "tools: web_search", "messages: video_url", "response_format: grammar",
    ]  # fmt: skip


def test_the_name_of_who_speaks_is_noted():
    said = [{"role": "user", "name": "bob", "content": "a"}, {"role": "tool", "name": "f", "content": "b"}]
    assert read(messages=said)[1] == ["messages: name"]


def test_a_beginning_of_the_answer_is_noted():
    """Mistral's SDK says of each message that it is none."""
    assert read(messages=[{"role": "assistant", "content": "a", "prefix": False}])[1] == []
    assert read(messages=[{"role": "assistant", "content": "a", "prefix": True}])[1] == ["messages: prefix"]


def test_tools():
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "d"}}
    given, _ = read(
        tools=[
            function("f", description="d", parameters={"type": "object"}, strict=True),
            {"type": "custom", "custom": {"name": "g", "description": "e", "format": grammar}},
        ],
        parallel_tool_calls=False,
    )
    assert given.tools == (
        Tool("f", "d", {"type": "object"}, strict=True),
        Tool("g", "e", custom=True, grammar={"type": "grammar", "syntax": "lark", "definition": "d"}),
    )
    assert given.parallel is False


ALLOWED = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [function("g")]}}


@pytest.mark.parametrize(
    ("choice", "expected", "names"),
    [
        (None, "", ["f", "g"]),
        ("auto", "", ["f", "g"]),
        ("required", "required", ["f", "g"]),
        ("none", "none", ["f", "g"]),
        (function("f"), ("tool", "f"), ["f", "g"]),
        ({"type": "custom", "custom": {"name": "g"}}, ("tool", "g"), ["f", "g"]),
        (ALLOWED, "required", ["g"]),
        (7, "", ["f", "g"]),
    ],
)
def test_the_choice_of_a_tool(choice, expected, names):
    given, _ = read(tools=[function("f"), function("g")], tool_choice=choice)
    assert (given.choice, [tool.name for tool in given.tools]) == (expected, names)


@pytest.mark.parametrize(
    ("body", "reasoning"),
    [
        ({}, Reasoning()),
        ({"reasoning_effort": "high"}, Reasoning("high")),
        ({"reasoning": {"effort": "low", "exclude": True}}, Reasoning("low", shown=False)),
        ({"reasoning": {"max_tokens": 2000}}, Reasoning(budget=2000)),
        ({"reasoning": {"enabled": False}}, Reasoning("none")),
        ({"thinking": {"type": "enabled", "budget_tokens": 3000}}, Reasoning(budget=3000)),
        ({"thinking": {"type": "disabled"}}, Reasoning("none")),
        ({"enable_thinking": True}, Reasoning("medium")),
        ({"enable_thinking": True, "thinking_budget": 5}, Reasoning(budget=5)),
        ({"enable_thinking": False, "reasoning_effort": "high"}, Reasoning("none")),
        ({"reasoning_effort": "so so"}, Reasoning()),
    ],
)
def test_how_much_to_think(body, reasoning):
    assert read(**body)[0].reasoning == reasoning


def test_limits_and_usage():
    given, _ = read(max_tokens=5, max_completion_tokens=7, stop="x", n=2, user="u", stream=True)
    assert (given.max_tokens, given.stop, given.choices, given.user) == (7, ("x",), 2, "u")
    assert (given.stream, given.wants_usage) == (True, False)
    assert read(stream_options={"include_usage": True})[0].wants_usage


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, Format()),
        (
            {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True, "description": "d"},
            },
            Format({"type": "object"}, "n", strict=True, description="d"),
        ),
    ],
)
def test_the_form_of_the_answer(given, expected):
    assert read(response_format=given)[0].format == expected


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5)
images = st.just({"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ==", "detail": "high"}})
users = st.fixed_dictionaries(
    {"role": st.just("user"), "content": texts | images.map(lambda image: [{"type": "text", "text": "see"}, image])}
)


@st.composite
def turns(draw):
    calls = [call(f"id{number}", draw(st.sampled_from(["f", "g"])), draw(st.sampled_from(["{}", '{"a": 1}'])))
             for number in range(draw(st.integers(0, 3)))]  # fmt: skip
    said = {"role": "assistant", "content": draw(texts) if not calls else draw(st.none() | texts)}
    results = [{"role": "tool", "tool_call_id": each["id"], "content": draw(texts)} for each in calls]
    return [{**said, **({"tool_calls": calls} if calls else {})}, *results]


bodies = st.fixed_dictionaries(
    {"model": st.just("m"), "messages": st.lists(st.tuples(users, turns()), max_size=3)},
    optional={
        "tools": st.just([function("f", description="d", parameters={"type": "object"}, strict=False)]),
        "max_tokens": st.integers(1, 9),
        "stop": st.lists(texts, min_size=1, max_size=4),
        "n": st.integers(2, 4),
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "seed": st.integers(),
        "frequency_penalty": st.floats(0.1, 2),
        "presence_penalty": st.floats(0.1, 2),
        "reasoning_effort": st.sampled_from(["low", "high"]),
        "response_format": st.sampled_from([{"type": "json_object"}, {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": {"type": "object"}}}]),
        "user": texts,
    },
)  # fmt: skip


@given(bodies)
def test_nothing_is_lost_on_the_way_through_the_conversation(body):
    flat = [message for user, turn in body["messages"] for message in (user, *turn)]
    notes = Notes()
    body = {**body, "messages": [{"role": "system", "content": "s"}, *flat]}
    conversation = read_request(body, notes)
    whole = Conversation(**{
        **{name: getattr(conversation, name) for name in conversation.__struct_fields__},
        "messages": mended(conversation.messages, notes),
    })  # fmt: skip
    assert write_request(whole, Rules(efforts=("*",)), notes) == body
    assert notes.lost == []


parts = fields(
    type=st.sampled_from(["text", "image_url", "input_audio", "file", "refusal"]), text=texts, image_url=fields(url=texts),
    input_audio=fields(data=texts, format=texts), file=fields(file_id=texts, file_data=texts, filename=texts),
)  # fmt: skip
calls = fields(
    id=texts, function=fields(name=texts, arguments=texts), custom=fields(name=texts, input=texts),
    extra_content=fields(google=fields(thought_signature=texts)),
)  # fmt: skip


@given(
    fields(
        messages=st.lists(fields(
            role=st.sampled_from(["system", "user", "assistant", "tool", "function", "developer"]),
            content=texts | st.lists(parts, max_size=3), tool_calls=st.lists(calls, max_size=3), tool_call_id=texts,
            function_call=fields(name=texts, arguments=texts), reasoning_content=texts, refusal=texts, audio=fields(id=texts),
        ), max_size=3),
        tools=st.lists(fields(type=texts, function=fields(name=texts, parameters=anything), custom=fields(name=texts, format=fields(type=st.just("grammar"), grammar=anything))), max_size=3),
        tool_choice=fields(function=fields(name=texts), custom=anything, allowed_tools=fields(mode=texts, tools=anything)),
        response_format=fields(type=st.sampled_from(["json_schema", "json_object", "text"]), json_schema=fields(schema=anything)),
        functions=anything, n=anything, stop=anything, user=anything, stream_options=anything,
        reasoning=fields(effort=texts, max_tokens=anything, enabled=anything),
        thinking=fields(type=texts, budget_tokens=anything), enable_thinking=anything, thinking_budget=anything,
    )
)  # fmt: skip
def test_no_body_gives_anything_but_a_refusal(body):
    try:
        read_request(body, Notes())
    except GatewayError as refusal:
        assert refusal.status == 400


def test_what_a_tool_says_beside_its_declaration_is_noted():
    """BerriAI/litellm#31571."""
    custom = {"type": "custom", "custom": {"name": "g", "format": None, "allowed_callers": ["f"]}}
    tools = [function("f", parameters={}, strict=None, response={"type": "object"}), custom]
    assert read(tools=tools)[1] == ["tools: response", "tools: allowed_callers"]


def test_a_search_is_asked_for_by_an_empty_object():
    assert read(web_search_options={}, metadata={})[1] == ["web_search_options"]


def test_an_answer_without_text_is_refused():
    assert read(modalities=["text", "audio"])[1] == ["modalities"]
    with pytest.raises(GatewayError, match="answers with text"):
        read(modalities=["audio"])


def test_what_only_openai_knows_waits_for_openai():
    given, lost = read(service_tier="flex", prompt_cache_key="k", metadata={}, safety_identifier="u", user="v")
    assert (given.openais, given.user, lost) == ({"prompt_cache_key": "k", "service_tier": "flex"}, "u", [])


def test_what_a_message_says_beside_its_content_is_noted():
    part = {"type": "text", "text": "a", "min_pixels": 5}
    said = [
        {"role": "user", "content": [part]},
        {"role": "assistant", "content": "b", "prefix": True, "annotations": [{}]},
    ]
    assert read(messages=said)[1] == ["messages: min_pixels", "messages: prefix"]
