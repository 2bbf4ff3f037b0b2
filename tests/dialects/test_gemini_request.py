"""Requests of google-genai and gemini-cli as they sent them."""

import contextlib
import json

import pytest
from any_json import anything, fields
from fakes import chat
from gemini_wire import (
    ARRAY,
    EVERYTHING,
    PLAIN,
    STREAM,
    any_content,
    asked,
    reader,
    recorded,
    request,
    said,
    snake,
    texts,
    wire,
)
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.answer import ToolCall
from aigw.core.dialect import TextPlace, Tool, Turn
from aigw.dialects import apis
from aigw.dialects.sse import EventSplitter
from aigw.dialects.table import GEMINI, dialect_of

# Requests


def test_it_is_known_by_its_path():
    assert dialect_of(apis.detect(PLAIN)) is dialect_of(apis.detect(ARRAY)) is GEMINI


CALL = ToolCall("list_directory", '{"dir_path":".","path":"."}', "list_directory_1700000000000_0")
LISTING = "Directory listing for /home/user/project:\nhello.txt (27 bytes)\nnew.txt (3 bytes)\nred.png (75 bytes)\n\n(1 ignored)"


def test_half_an_emoji_in_the_arguments_of_a_call():
    part = {"functionCall": {"name": "f", "args": {"a": "cut \ud83d"}}}
    (turn,) = asked({"contents": [{"role": "model", "parts": [part]}]}).turns
    assert json.loads(turn.calls[0].arguments) == {"a": "cut \ud83d"}


@pytest.mark.parametrize(
    ("name", "turns", "question"),
    [
        ("gemini-cli-1-first",
         [Turn("system", ("<text of 24946 characters>",)), Turn("user", ("<text of 609 characters>", "List the files here"))],
         "<text of 609 characters>\nList the files here"),
        ("gemini-cli-2-tool-result",
         [Turn("system", ("<text of 24946 characters>",)), Turn("user", ("<text of 609 characters>", "List the files here")),
          Turn("assistant", (), calls=(CALL,)), Turn("tool", (LISTING,), "list_directory", results=True, answers=("list_directory_1700000000000_0",))],
         "<text of 609 characters>\nList the files here"),
        ("google-genai-1-tools", [Turn("system", ("Be brief",)), Turn("user", ("Weather in Paris?",))], "Weather in Paris?"),
        ("google-genai-2-tool-result",
         [Turn("user", ("Weather in Paris?",)), Turn("assistant", (), calls=(ToolCall("get_weather", '{"city":"Paris"}'),)),
          Turn("tool", (), "get_weather", results=True)],
         "Weather in Paris?"),
        ("google-genai-3-stream", [Turn("user", ("Hello",))], "Hello"),
        ("google-genai-4-image", [Turn("user", ("what?",))], "what?"),
        ("google-genai-5-json", [Turn("user", ("x",))], "x"),
    ],
)  # fmt: skip
def test_the_conversation_of_real_requests(name, turns, question):
    view = recorded(name)
    assert view.turns == turns
    assert view.question == question
    assert view.model == "gemini-2.5-flash"
    assert view.stream is ("streamGenerateContent" in wire(name)["path"])
    assert view.generates and view.wants_usage
    assert (view.choices, view.unrepeatable) == (1, "")


def test_settings_and_tools_of_a_real_request():
    view = recorded("google-genai-1-tools")
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    assert view.tools == [Tool("get_weather", schema, "Weather.")]
    assert (view.max_tokens, view.tool_choice) == (99, "")
    assert [tool.name for tool in recorded("gemini-cli-1-first").tools] == ["list_directory", "read_file"]


def test_an_image_is_no_text():
    view = recorded("google-genai-4-image")
    assert (view.media, view.size) == (1, len("what?"))
    assert recorded("google-genai-3-stream").size == len(json.dumps(wire("google-genai-3-stream")["body"]))
    assert recorded("google-genai-3-stream").media == 0
    assert (asked({}).size, asked({}).media) == (0, 0)


@pytest.mark.parametrize("body", [EVERYTHING, snake(EVERYTHING)], ids=["camel", "snake"])
def test_every_name_may_be_written_in_two_ways(body):
    view = asked(body)
    assert view.turns == [
        Turn("system", ("Be brief",)),
        Turn("user", ("hi",)),
        Turn("assistant", (), calls=(ToolCall("f", '{"a_B":1}', "c1"),)),
        Turn("tool", ("done",), "f", results=True, answers=("",)),
        Turn("assistant", ("1+1", "2")),
    ]
    assert [place.text for place in view.places] == ["Be brief", "hi", "done", "1+1", "2"]
    assert view.tools == [Tool("f", {"type": "object"})]
    assert (view.tool_choice, view.max_tokens, view.choices, view.media) == ("f", 7, 2, 1)
    assert view.unrepeatable.replace("_c", "C") == "cachedContent"


def test_one_object_may_stand_in_place_of_a_list():
    view = asked({"system_instruction": {"parts": {"text": "s"}}, "contents": {"parts": {"text": "hi"}}})
    assert view.turns == [Turn("system", ("s",)), Turn("user", ("hi",))]
    assert view.places == [
        TextPlace(("system_instruction", "parts", "text"), "s", "system"), TextPlace(("contents", "parts", "text"), "hi", "user"),
    ]  # fmt: skip


def test_nothing_hides_behind_the_other_way_of_writing_a_name():
    view = asked(
        {"systemInstruction": {"parts": []}, "system_instruction": {"parts": [{"text": "hidden"}]}, "contents": []}
    )
    assert [place.text for place in view.places] == ["hidden"]


def test_a_question_beside_results_is_a_turn_of_its_own():
    result = {"functionResponse": {"name": "f", "response": {"output": "x"}}}
    view = asked({"contents": [{"role": "user", "parts": [result, {"text": "and now?"}]}]})
    assert view.turns == [Turn("tool", ("x",), "f", results=True, answers=("",)), Turn("user", ("and now?",))]
    assert view.question == "and now?"


def test_what_a_model_thought_is_not_read_to_others():
    thought = {"text": "hm", "thought": True, "thoughtSignature": "eA=="}
    view = asked({"contents": [{"role": "model", "parts": [thought, {"text": "A"}]}, {"role": "user", "parts": [{"text": "u", "thought": True}]}]})  # fmt: skip
    assert [place.text for place in view.places] == ["A", "u"]


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1/models/a%2Fb%3Ac:generateContent", "a/b:c"),
        ("/g/v1beta/models/x:streamGenerateContent", "x"),
        ("/v1/chat", ""),
    ],
)
def test_the_model_stands_in_the_path(path, model):
    assert GEMINI.asked(request({}, path), apis.GENERATE_CONTENT).model == model


@pytest.mark.parametrize(
    ("target", "stream", "unrepeatable"),
    [(PLAIN, False, ""), (STREAM, True, ""), (f"{ARRAY}?key=k&alt=sse", True, ""), (f"{ARRAY}?%24alt=sse", True, ""),
     (ARRAY, False, "alt"), (f"{ARRAY}?alt=json", False, "alt"), (f"{PLAIN}?alt=sse", False, "")],
)  # fmt: skip
def test_the_path_says_what_is_a_stream(target, stream, unrepeatable):
    view = said("hi", target)
    assert (view.stream, view.unrepeatable) == (stream, unrepeatable)


@pytest.mark.parametrize(
    ("config", "choice"),
    [({"mode": "ANY"}, "required"), ({"mode": "any", "allowed_function_names": ["f"]}, "f"), ({"mode": "NONE"}, "none"),
     ({"mode": "ANY", "allowedFunctionNames": ["f", "g"]}, "required"), ({"mode": "VALIDATED"}, ""), (5, "")],
)  # fmt: skip
def test_which_tool_has_to_be_called(config, choice):
    assert asked({"toolConfig": {"functionCallingConfig": config}}).tool_choice == choice


def test_a_schema_in_capitals_is_a_json_schema():
    given = {
        "type": "OBJECT",
        "properties": {"type": {"type": "STRING"}, "n": {"type": "ARRAY", "items": {"anyOf": [{"type": "INTEGER"}]}}},
    }
    (tool,) = asked({"tools": [{"functionDeclarations": [{"name": "f", "parameters": given}]}]}).tools
    assert tool.parameters == {
        "type": "object", "properties": {"type": {"type": "string"}, "n": {"type": "array", "items": {"anyOf": [{"type": "integer"}]}}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"candidateCount": 2}, "candidateCount"),
        ({"candidateCount": 2, "temperature": 0}, ""),
        ({"candidate_count": 1}, ""),
    ],
)
def test_several_answers_that_differ_are_not_repeatable(config, field):
    assert asked({"contents": [], "generationConfig": config}).unrepeatable == field


def test_the_same_question_has_the_same_material_whatever_the_path_asks_for():
    plain, streamed = said("hi").material(), said("hi", STREAM).material()
    assert plain == streamed == {"contents": [{"parts": [{"text": "hi"}]}], "model": "gemini-2.5-flash"}
    assert said("hi", "/v1/models/other:generateContent").material() != plain
    assert asked({"contents": [], "labels": {"team": "a"}}).material() == asked({"contents": []}).material()
    with pytest.raises(ValueError):
        asked(b"[]").material()


any_request = fields(
    contents=st.lists(anything | any_content, max_size=3) | any_content, systemInstruction=any_content, system_instruction=any_content,
    tools=st.lists(fields(functionDeclarations=st.lists(fields(name=texts, parameters=anything)))),
    toolConfig=fields(functionCallingConfig=fields(mode=texts, allowedFunctionNames=st.lists(texts))),
    generationConfig=fields(candidateCount=st.integers(), maxOutputTokens=st.integers(), temperature=st.integers(0, 1)),
)  # fmt: skip


@given(anything | any_request)
def test_a_request_of_any_json_has_a_view(body):
    view = asked(body)
    assert view.choices >= 1 and view.max_tokens >= 0 and view.size >= 0 and isinstance(view.question, str)
    assert (
        isinstance(view.tool_choice, str)
        and isinstance(view.unrepeatable, str)
        and view.turns is not None
        and view.tools is not None
    )
    for place in view.places:
        changed = request(body)
        GEMINI.replace(changed.document, [(place, "other")])
        assert "other" in [each.text for each in GEMINI.asked(changed, apis.GENERATE_CONTENT).places]
    with contextlib.suppress(ValueError):
        GEMINI.insert(request(body).document, [("system", "S"), ("user", "U")], "before")


@pytest.mark.parametrize("depth", [300, 900, 990, 5000])
def test_deep_json_is_survived(depth):
    deep = b"[" * depth + b'"x"' + b"]" * depth
    changed = request(
        b'{"contents":[{"parts":[{"functionResponse":{"response":'
        + deep
        + b'}},{"functionCall":{"args":'
        + deep
        + b"}}]}]}"
    )
    view = GEMINI.asked(changed, apis.GENERATE_CONTENT)
    assert view.turns is not None
    for place in view.places:
        with contextlib.suppress(ValueError):
            GEMINI.replace(changed.document, [(place, "y")])
    found = reader()
    found.feed(
        EventSplitter().feed(
            b'data: {"candidates":[{"content":{"parts":[{"functionCall":{"args":' + deep + b"}}]}}]}\n\n"
        )
    )
    assert len(found.calls) <= 1


@pytest.mark.parametrize("query", ["", "alt=sse", "alt=sse&x=1", "%24alt=sse"])
def test_the_address_does_not_say_whether_the_answer_is_a_stream(query):
    """A cached answer takes the form that each client asks for."""
    verb = "streamGenerateContent" if "alt" in query else "generateContent"
    sent = chat({"contents": []}, path=f"/v1beta/models/m:{verb}")
    sent.query = query
    assert dialect_of(apis.STREAM_GENERATE_CONTENT).asked(sent, apis.STREAM_GENERATE_CONTENT).address == (
        "/v1beta/models/m:generateContent",
        "x=1" if "x" in query else "",
    )
