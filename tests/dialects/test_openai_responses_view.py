"""Requests of OpenAI Responses: what real clients sent, and what is put into it."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from aigw.core.answer import ToolCall
from aigw.core.dialect import Tool, Turn
from aigw.core.model import Request
from aigw.dialects import apis
from aigw.dialects.openai_responses import OpenAIResponses
from aigw.dialects.table import dialect_of

WIRE = Path(__file__).parent / "wire"
RESPONSES = OpenAIResponses()


def sent(name):
    file = json.loads((WIRE / f"{name}.json").read_bytes())
    path, _, query = file["path"].partition("?")
    body = json.dumps(file["body"]).encode() if file["body"] is not None else b""
    return Request(file["method"], path, query, CIMultiDict(file["headers"]), body)


def request(**fields):
    body = json.dumps({"model": "m", "input": "hi", **fields}).encode()
    return Request("POST", "/v1/responses", "", CIMultiDict({"content-type": "application/json"}), body)


def asked(**fields):
    return RESPONSES.asked(request(**fields), apis.RESPONSES)


class Seen(NamedTuple):
    roles: list[str]
    question: str
    tools: list[str]
    stateful: str = ""
    stream: bool = True
    calls: list[ToolCall] = []
    model: str = "gpt-5.5"


FIRST = ["system", "system", "user", "user"]
PROGRAM = 'const r = await tools.exec_command({cmd:"ls"}); text(JSON.stringify(r));'
PATCH = "*** Begin Patch\n*** Add File: new.txt\n+hi\n*** End Patch"
CODE_MODE = ["system", "system", "system", "system", "user", "user"]
REQUESTS = {
    "codex-1-first": Seen(FIRST, "Run ls", ["exec_command", "apply_patch"]),
    "codex-2-tool-result": Seen(
        [*FIRST, "assistant", "tool"], "Run ls", ["exec_command"], calls=[ToolCall("exec_command", '{"cmd": "ls"}', "call_rec1")]
    ),
    "codex-3-unknown-model": Seen(
        FIRST, "Run ls and tell me what you see", ["exec_command", "close_agent", "resume_agent"], model="gpt-5"
    ),
    "codex-4-code-mode": Seen(CODE_MODE, "Run ls", ["exec", "wait", "spawn_agent"], model="gpt-6.2-sol"),
    "codex-5-code-mode-result": Seen(
        [*CODE_MODE, "assistant", "tool"], "Run ls", ["exec"], calls=[ToolCall("exec", PROGRAM, "call_rec1")], model="gpt-6.2-sol"
    ),
    "codex-6-image-result": Seen(
        [*FIRST, "assistant", "tool"], "go", ["view_image"],
        calls=[ToolCall("view_image", '{"path":"/home/user/project/red.png"}', "call_rec1")],
    ),
    "codex-7-apply-patch-result": Seen(
        [*FIRST, "assistant", "tool"], "go", ["apply_patch"], calls=[ToolCall("apply_patch", PATCH, "call_rec1")]
    ),
    "codex-8-websocket": Seen([], "", [], "store", stream=False, model=""),
    "openai-sdk-2-responses": Seen(["user"], "Hello", [], "store", stream=False, model="gpt-4o"),
    "openai-sdk-3-responses-tool-result": Seen(
        ["user", "assistant", "tool"], "Weather?", ["get_weather"], "store", stream=False, model="gpt-4o",
        calls=[ToolCall("get_weather", '{"city": "Paris"}', "call_rec1")],
    ),
    "openai-sdk-4-responses-previous": Seen(["user"], "again", [], "previous_response_id", stream=False, model="gpt-4o"),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_what_clients_ask_for(name):
    request = sent(name)
    view = dialect_of(apis.RESPONSES).asked(request, apis.RESPONSES)
    turns = view.turns
    calls = [call for turn in turns for call in turn.calls]
    roles = [turn.role for turn in turns]
    tools = [tool.name for tool in view.tools]
    assert Seen(roles, view.question, tools, view.unrepeatable, view.stream, calls, view.model) == REQUESTS[name]
    assert [turn.results for turn in turns] == [turn.role == "tool" for turn in turns]


def test_every_request_file_is_read():
    assert {path.stem for pattern in ("codex-*", "openai-*") for path in WIRE.glob(pattern)} == set(REQUESTS)


@pytest.mark.parametrize("name", [name for name in REQUESTS if name != "codex-8-websocket"])
def test_every_text_can_be_replaced_where_it_was_found(name):
    request = sent(name)
    view = RESPONSES.asked(request, apis.RESPONSES)
    found = view.places
    assert [text for turn in view.turns for text in turn.texts] == [place.text for place in found]
    for number, place in enumerate(found):
        RESPONSES.replace(request.document, [(place, f"text {number}")])
    assert [place.text for place in view.places] == [f"text {number}" for number in range(len(found))]
    before, after = (json.loads(body) for body in (request.body, request.document.encode()))
    assert before.keys() == after.keys() and before["model"] == after["model"]


def call(id, name="f", **fields):
    return {"type": "function_call", "call_id": id, "name": name, "arguments": "{}", **fields}


def output(id, text="r"):
    return {"type": "function_call_output", "call_id": id, "output": text}


def message(role, *texts):
    return {"role": role, "content": [{"type": "input_text", "text": text} for text in texts]}


def test_what_the_model_did_in_one_turn_is_one_turn():
    items = [
        message("user", "q"), {"type": "reasoning", "summary": [{"type": "summary_text", "text": "no"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "b"}]},
        call("1"), {"type": "reasoning", "summary": []}, call("2", "g"), output("1"), output("2", [{"type": "input_text", "text": "s"}]),
        call("3"), output("3"),
    ]  # fmt: skip
    assert asked(input=items, instructions="i").turns == [
        Turn("system", ("i",)),
        Turn("user", ("q",)),
        Turn("assistant", ("a", "b"), calls=(ToolCall("f", "{}", "1"), ToolCall("g", "{}", "2"))),
        Turn("tool", ("r",), results=True, answers=("1",)),
        Turn("tool", ("s",), results=True, answers=("2",)),
        Turn("assistant", (), calls=(ToolCall("f", "{}", "3"),)),
        Turn("tool", ("r",), results=True, answers=("3",)),
    ]


@pytest.mark.parametrize(
    "item, expected",
    [
        (
            {"type": "local_shell_call", "call_id": "c", "action": {"command": ["ls"]}},
            ToolCall("local_shell", '{"command":["ls"]}', "c"),
        ),
        (
            {"type": "web_search_call", "id": "w", "action": {"query": "q"}},
            ToolCall("web_search", '{"query":"q"}', "w"),
        ),
        (
            {"type": "tool_search_call", "call_id": "t", "arguments": {"query": "q"}},
            ToolCall("tool_search", '{"query":"q"}', "t"),
        ),
        ({"type": "image_generation_call", "id": "i"}, ToolCall("image_generation", "", "i")),
    ],
)
def test_calls_of_other_kinds(item, expected):
    assert asked(input=[item]).turns == [Turn("assistant", (), calls=(expected,))]


def test_places_have_roles():
    shell = {"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "o", "stderr": "e", "outcome": {}}]}
    items = [message("developer", "d"), message("user", "u"), message("assistant", "a"), output("1"), shell]
    found = [(place.text, place.role) for place in asked(instructions="i", input=items).places]
    assert found == [
        ("i", "system"), ("d", "system"), ("u", "user"), ("a", "assistant"), ("r", "tool"), ("o", "tool"), ("e", "tool"),
    ]  # fmt: skip


def test_tools_of_all_kinds():
    namespace = {
        "type": "namespace",
        "name": "n",
        "tools": [{"type": "function", "name": "g", "parameters": {"type": "object"}}],
    }
    view = asked(
        tools=[{"type": "function", "name": "f", "parameters": {}}, {"type": "web_search"}, namespace],
        input=[{"type": "additional_tools", "role": "developer", "tools": [{"type": "custom", "name": "h"}]}],
    )
    assert view.tools == [Tool("f", {}), Tool("g", {"type": "object"}), Tool("h")]
    assert [view.declaration(name) for name in "fghx"] == [
        ("function", ""),
        ("function", "n"),
        ("custom", ""),
        ("function", ""),
    ]


@pytest.mark.parametrize(
    "choice, expected",
    [
        ("required", "required"), ("none", "none"), ("auto", ""), (None, ""), ({"type": "function", "name": "f"}, "f"),
        ({"type": "custom", "name": "c"}, "c"),
        ({"type": "web_search"}, ""), ({"type": "allowed_tools", "mode": "required", "tools": []}, "required"),
        ({"type": "allowed_tools", "mode": "auto", "tools": []}, ""),
    ],
)  # fmt: skip
def test_tool_choice(choice, expected):
    assert asked(tool_choice=choice).tool_choice == expected


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({}, "store"), ({"store": True}, "store"), ({"store": None}, "store"), ({"store": False}, ""),
        ({"store": False, "previous_response_id": "r"}, "previous_response_id"), ({"store": False, "conversation": {"id": "c"}}, "conversation"),
        ({"store": False, "background": True}, "background"), ({"store": False, "stream": "yes"}, "stream"),
    ],
)  # fmt: skip
def test_a_response_is_stored_unless_the_client_says_no(fields, expected):
    assert asked(**fields).unrepeatable == expected


def test_limits_and_what_does_not_count():
    view = asked(max_output_tokens=7, max_tokens=9, store=False, stream=True, prompt_cache_key="k", temperature=1)
    assert view.max_tokens == 7 and view.wants_usage and view.choices == 1 and view.generates
    assert view.material() == {"model": "m", "input": "hi", "max_output_tokens": 7, "max_tokens": 9, "temperature": 1}


def test_images_are_no_text_but_results_and_arguments_are():
    request = sent("codex-6-image-result")
    view = RESPONSES.asked(request, apis.RESPONSES)
    texts = sum(len(text) for turn in view.turns for text in turn.texts)
    assert view.media == 1 and view.size == texts + len('{"path":"/home/user/project/red.png"}')


# Insertion


def inserted(turns, where, **fields):
    document = request(**fields).document
    RESPONSES.insert(document, turns, where)
    return json.loads(document.encode())


def item(role, text):
    return {"type": "message", "role": role, "content": text}


BEFORE = [("system", "S"), ("user", "U"), ("assistant", "A"), ("system", "")]
ADDED = [item("system", "S"), item("user", "U"), item("assistant", "A")]


@pytest.mark.parametrize(
    "where, given, expected",
    [
        ("before", "hi", [*ADDED, item("user", "hi")]),
        ("behind system", "hi", [*ADDED, item("user", "hi")]),
        ("behind", "hi", [item("user", "hi"), *ADDED]),
        ("behind", [message("user", "q"), output("1")], [message("user", "q"), output("1"), *ADDED]),
        (
            "behind system",
            [{"type": "additional_tools", "role": "developer"}, message("developer", "d"), message("user", "q"), message("system", "s")],
            [{"type": "additional_tools", "role": "developer"}, message("developer", "d"), *ADDED, message("user", "q"), message("system", "s")],
        ),
        ("behind system", [message("developer", "d")], [message("developer", "d"), *ADDED]),
    ],
)  # fmt: skip
def test_texts_become_items(where, given, expected):
    body = inserted(BEFORE, where, input=given)
    assert body["input"] == expected and "instructions" not in body


def test_before_all_others_is_before_the_instructions():
    body = inserted(BEFORE, "before", instructions="i")
    assert (body["instructions"], body["input"]) == ("S\n\ni", [*ADDED[1:], item("user", "hi")])
    assert inserted([("system", "S")], "before", instructions="i")["input"] == "hi"
    assert inserted(BEFORE, "behind", instructions="i")["instructions"] == "i"


def test_an_insertion_leaves_the_bytes_of_the_rest():
    raw = b'{"input":[{"x": 1.0,"role":"user","content":"h"}]}'
    document = Request("POST", "", "", CIMultiDict(), raw).document
    RESPONSES.insert(document, [("user", "a")], "behind")
    assert document.encode() == raw[:-2] + b',{"type":"message","role":"user","content":"a"}]}'


@pytest.mark.parametrize("given", [None, 5, {}])
def test_no_conversation_is_a_value_error(given):
    with pytest.raises(ValueError):
        RESPONSES.insert(request(input=given).document, [("user", "a")], "before")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
WORDS = st.sampled_from(
    ["message", "user", "developer", "assistant", "function", "custom", "namespace", "function_call", "shell_call", "shell_call_output",
     "additional_tools", "required"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["type", "role", "content", "input", "instructions", "tools", "tool_choice", "text", "output", "name", "arguments", "call_id",
     "store", "stream", "refusal", "stdout", "parameters", "mode"]
)  # fmt: skip
LIKELY = st.recursive(
    JSON | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=25,
)


@given(st.dictionaries(NAMES, LIKELY, max_size=7))
def test_any_json_can_be_looked_at(body):
    view = asked(**body)
    texts = [place.text for place in view.places]
    assert all(text in texts for turn in view.turns for text in turn.texts)
    assert all(isinstance(part, str) for turn in view.turns for called in turn.calls for part in called)
    assert isinstance(view.question, str) and isinstance(view.tool_choice, str) and view.size >= 0
    assert all(isinstance(tool.name, str) for tool in view.tools) and isinstance(view.unrepeatable, str)
    for place in view.places:
        RESPONSES.replace(view.document, [(place, place.text)])
    assert [place.text for place in view.places] == texts


@given(st.dictionaries(NAMES, LIKELY, max_size=7), st.sampled_from(["before", "behind", "behind system"]))
def test_any_json_is_inserted_into_or_refused(body, where):
    document = request(**body).document
    try:
        RESPONSES.insert(document, [("system", "S"), ("user", "U")], where)
    except ValueError:
        return
    assert [item for item in document.get("input") if item == {"type": "message", "role": "user", "content": "U"}]
