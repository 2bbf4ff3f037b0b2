"""Requests of Anthropic Messages: what real clients sent, and what is put into it."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from aigw.core.answer import ToolCall
from aigw.core.dialect import Turn
from aigw.core.model import Request
from aigw.dialects import apis
from aigw.dialects.anthropic import AnthropicMessages
from aigw.dialects.anthropic_view import session_in
from aigw.dialects.table import dialect_of

WIRE = Path(__file__).parent / "wire"
MESSAGES = AnthropicMessages()


def sent(name):
    """The request in a file, and its API."""
    file = json.loads((WIRE / f"{name}.json").read_bytes())
    path, _, query = file["path"].partition("?")
    body = json.dumps(file["body"]).encode() if file["body"] is not None else b""
    return Request(file["method"], path, query, CIMultiDict(file["headers"]), body), apis.detect(path) or ""


def request(**fields):
    body = json.dumps(
        {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}], **fields}
    ).encode()
    return Request("POST", "/v1/messages", "", CIMultiDict({"content-type": "application/json"}), body)


def asked(**fields):
    return MESSAGES.asked(request(**fields), apis.MESSAGES)


class Seen(NamedTuple):
    roles: list[str]
    question: str
    tools: list[str]
    limit: int
    stream: bool = True
    calls: list[ToolCall] = []
    model: str = "claude-opus-4-8"


PROMPT = "<text of 306 characters>\nRead the file /home/user/project/hello.txt"
READ = ToolCall("Read", '{"file_path":"/home/user/project/hello.txt"}', "toolu_rec01")
REQUESTS = {
    "anthropic-sdk-1-plain": Seen(["user"], "Hello", [], 100, stream=False, model="claude-sonnet-4-5"),
    "anthropic-sdk-2-stream": Seen(["user"], "Hello", [], 100, model="claude-sonnet-4-5"),
    "anthropic-sdk-3-tool-result": Seen(
        ["user", "assistant", "tool"], "Weather in Paris?", ["get_weather"], 100, model="claude-sonnet-4-5",
        calls=[ToolCall("get_weather", '{"city":"Paris"}', "toolu_rec01")],
    ),
    "anthropic-sdk-4-count": Seen(["user"], "Hello", [], 0, stream=False, model="claude-sonnet-4-5"),
    "claude-code-0-probe": Seen([], "", [], 0, stream=False, model=""),
    "claude-code-1-first": Seen(["system", "user", "system"], PROMPT + " and tell me the word", ["Bash", "Read"], 64000),
    "claude-code-2-tool-result": Seen(
        ["system", "user", "system", "assistant", "tool"], PROMPT + " and tell me the word", ["Bash", "Read"], 64000, calls=[READ]
    ),
    "claude-code-3-unknown-model-thinking": Seen(
        ["system", "user", "system", "assistant", "tool"], PROMPT + " and tell me the word", ["Read"], 32000, calls=[READ],
        model="qwen-max",
    ),
    "claude-code-4-image-result": Seen(
        ["system", "user", "assistant", "tool"],
        "<text of 1786 characters>\n<text of 4556 characters>\n<text of 306 characters>\nLook at /home/user/project/red.png",
        ["Read"], 32000, calls=[ToolCall("Read", '{"file_path":"/home/user/project/red.png"}', "toolu_rec01")],
        model="claude-sonnet-4-5",
    ),
    "claude-code-5-plain-after-broken-stream": Seen(["system", "user", "system"], PROMPT, ["Read"], 64000, stream=False),
    "claude-code-6-count-tokens": Seen(["user"], "foo", ["NotebookEdit"], 0, stream=False),
    "claude-code-7-count-by-message": Seen(["user"], "count", ["Read"], 1, stream=False),
    "claude-code-8-malformed-tool": Seen(
        ["system", "user", "system", "assistant", "user"], "Your tool call was malformed and could not be parsed. Please retry.",
        ["Read"], 32000, model="qwen-max",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_what_clients_ask_for(name):
    request, api = sent(name)
    view = dialect_of(api).asked(request, api)
    turns = view.turns if request.body else []
    calls = [call for turn in turns for call in turn.calls]
    roles = [turn.role for turn in turns]
    tools = [tool.name for tool in view.tools]
    assert Seen(roles, view.question, tools, view.max_tokens, view.stream, calls, view.model) == REQUESTS[name]
    assert [turn.results for turn in turns] == [turn.role == "tool" for turn in turns]
    assert all(tool.parameters["type"] == "object" for tool in view.tools)


def test_every_request_file_is_read():
    files = {path.stem for pattern in ("anthropic-*", "claude-*") for path in WIRE.glob(pattern)}
    assert files == set(REQUESTS)


@pytest.mark.parametrize("name", [name for name in REQUESTS if name != "claude-code-0-probe"])
def test_every_text_can_be_replaced_where_it_was_found(name):
    request, api = sent(name)
    view = dialect_of(api).asked(request, api)
    found = view.places
    assert [text for turn in view.turns for text in turn.texts] == [place.text for place in found]
    for number, place in enumerate(found):
        MESSAGES.replace(request.document, [(place, f"text {number}")])
    assert [place.text for place in view.places] == [f"text {number}" for number in range(len(found))]
    before, after = (json.loads(body) for body in (request.body, request.document.encode()))
    assert before.keys() == after.keys() and before["model"] == after["model"]


def test_what_a_count_asks_for_generates_nothing():
    request, api = sent("claude-code-6-count-tokens")
    assert api == apis.COUNT_TOKENS
    view = dialect_of(api).asked(request, api)
    assert not view.generates and view.size and asked().generates


def test_texts_of_every_kind_have_places():
    blocks = [
        {"type": "text", "text": "a"},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "b"}},
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "c"}]}},
        {"type": "document", "source": {"type": "base64", "data": "no"}},
        {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "d"}]},
        {"type": "thinking", "thinking": "no", "signature": "no"},
    ]
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "e"}, {"type": "image"}]}
    view = asked(
        system=[{"type": "text", "text": "s"}],
        messages=[
            {"role": "developer", "content": "D"},
            {"role": "user", "content": blocks},
            {"role": "user", "content": [result, {"type": "text", "text": "f"}]},
        ],
    )
    found = [(place.text, place.role) for place in view.places]
    assert found == [
        ("s", "system"),
        ("D", "system"),
        *((text, "user") for text in "abcd"),
        ("e", "tool"),
        ("f", "user"),
    ]
    assert view.turns[-1] == Turn("tool", ("e", "f"), results=True, answers=("t", ""))
    assert view.question == "a\nb\nc\nd"


@pytest.mark.parametrize(
    "choice, expected",
    [
        ({"type": "any"}, "required"),
        ({"type": "tool", "name": "f"}, "f"),
        ({"type": "auto"}, ""),
        ({"type": "none"}, "none"),
        (None, ""),
        ("any", ""),
    ],
)
def test_tool_choice(choice, expected):
    assert asked(tool_choice=choice).tool_choice == expected


def test_tools_of_anthropics_own_are_no_functions():
    tools = [
        {"name": "f", "input_schema": {"type": "object"}},
        {"type": "custom", "name": "g"},
        {"type": "web_search_20250305", "name": "w"},
    ]
    assert [tool.name for tool in asked(tools=tools).tools] == ["f", "g"]


def test_images_are_no_text():
    request, api = sent("claude-code-4-image-result")
    view = MESSAGES.asked(request, api)
    assert view.media == 1
    assert 0 < view.size < len(request.body) - 100


def test_what_cannot_change_an_answer_does_not_count():
    view = asked(stream=True, metadata={"user_id": "u"}, temperature=1)
    assert view.material() == {
        "model": "m",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 1,
    }
    assert view.unrepeatable == "" and asked(container="c").unrepeatable == "container"
    assert asked(thread={"type": "continue", "previous_message_id": "m"}).unrepeatable == "thread"
    assert view.wants_usage and view.choices == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
TYPES = st.sampled_from(
    ["text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "tool_result", "document", "search_result", "error",
     "message_start", "message_delta", "message_stop", "content_block_start", "content_block_delta", "content_block_stop",
     "text_delta", "input_json_delta", "thinking_delta", "signature_delta", "citations_delta"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["type", "text", "content", "role", "system", "messages", "tools", "name", "input", "input_schema", "tool_choice", "source",
     "data", "index", "delta", "content_block", "message", "usage", "stop_reason", "error", "partial_json", "thinking", "id"]
)  # fmt: skip
LIKELY = st.recursive(
    JSON | TYPES | st.sampled_from(["user", "assistant", "system"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=25,
)
BODIES = st.dictionaries(NAMES, LIKELY, max_size=7)


@given(BODIES)
def test_any_json_can_be_looked_at(body):
    view = MESSAGES.asked(request(**body), apis.MESSAGES)
    texts = [place.text for place in view.places]
    assert texts == [text for turn in view.turns for text in turn.texts]
    assert all(isinstance(call.arguments, str) for turn in view.turns for call in turn.calls)
    assert isinstance(view.question, str) and isinstance(view.tool_choice, str) and view.size >= 0
    assert all(isinstance(tool.name, str) for tool in view.tools)
    for place in view.places:
        MESSAGES.replace(view.document, [(place, place.text)])
    assert [place.text for place in view.places] == texts


def test_half_of_an_emoji_in_a_call_is_kept():
    body = b'{"messages":[{"role":"assistant","content":[{"type":"tool_use","name":"f","input":{"a":"\\ud83d"}}]}]}'
    request = Request("POST", "/v1/messages", "", CIMultiDict({"content-type": "application/json"}), body)
    assert MESSAGES.asked(request, apis.MESSAGES).turns[0].calls[0].arguments == '{"a": "\\ud83d"}'


def inserted(turns, where, **fields):
    document = request(**fields).document
    MESSAGES.insert(document, turns, where)
    return json.loads(document.encode())


def block(text):
    return {"type": "text", "text": text}


@pytest.mark.parametrize(
    "system, where, expected",
    [
        (None, "before", [block("S")]),
        ("s", "before", [block("S"), block("s")]),
        ("s", "behind", [block("s"), block("S")]),
        ("s", "behind system", [block("s"), block("S")]),
        (
            [{**block("s"), "cache_control": {"type": "ephemeral"}}],
            "before",
            [block("S"), {**block("s"), "cache_control": {"type": "ephemeral"}}],
        ),
    ],
)
def test_what_the_system_says_goes_into_system(system, where, expected):
    body = inserted([("system", "S"), ("system", "")], where, **({} if system is None else {"system": system}))
    assert body["system"] == expected
    assert body["messages"] == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    "turns, where, expected",
    [
        (
            [("user", "a"), ("assistant", "b")],
            "before",
            [("user", "a"), ("assistant", "b"), ("user", "1"), ("assistant", "2"), ("user", "3")],
        ),
        ([("user", "a")], "before", [("user", ["a", "1"]), ("assistant", "2"), ("user", "3")]),
        ([("user", "a")], "behind system", [("user", ["a", "1"]), ("assistant", "2"), ("user", "3")]),
        ([("user", "a")], "behind", [("user", "1"), ("assistant", "2"), ("user", ["3", "a"])]),
        (
            [("assistant", "a"), ("user", "b")],
            "behind",
            [("user", "1"), ("assistant", "2"), ("user", "3"), ("assistant", "a"), ("user", "b")],
        ),
    ],
)
def test_roles_alternate_behind_an_insertion(turns, where, expected):
    talk = [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}, {"role": "user", "content": "3"}]
    body = inserted(turns, where, messages=talk)
    shown = [
        (
            each["role"],
            [part["text"] for part in each["content"]] if isinstance(each["content"], list) else each["content"],
        )
        for each in body["messages"]
    ]
    assert shown == expected and "system" not in body


def test_results_stay_in_front_of_what_is_added():
    result = {"type": "tool_result", "tool_use_id": "t", "content": "r"}
    body = inserted([("user", "a")], "behind", messages=[{"role": "user", "content": [result]}])
    assert body["messages"] == [{"role": "user", "content": [result, block("a")]}]


def test_behind_system_is_behind_leading_messages_of_the_system():
    talk = [{"role": "system", "content": "0"}, {"role": "assistant", "content": "1"}]
    body = inserted([("user", "a")], "behind system", messages=talk)
    assert [each["role"] for each in body["messages"]] == ["system", "user", "assistant"]


def test_an_insertion_leaves_the_bytes_of_the_rest():
    raw = b'{"messages":[{"x": 1.0,"role":"user","content":"h"},{"role":"assistant","content":"i"}]}'
    document = Request("POST", "", "", CIMultiDict(), raw).document
    MESSAGES.insert(document, [("user", "a")], "behind")
    assert document.encode() == raw[:-2] + b',{"role":"user","content":"a"}]}'


@pytest.mark.parametrize("messages", [None, "x", 5, ["x"]])
def test_no_conversation_is_a_value_error(messages):
    with pytest.raises(ValueError):
        MESSAGES.insert(request(messages=messages).document, [("user", "a")], "before")


@given(BODIES, st.sampled_from(["before", "behind", "behind system"]))
def test_any_json_is_inserted_into_or_refused(body, where):
    document = request(**body).document
    try:
        MESSAGES.insert(document, [("system", "S"), ("user", "U")], where)
    except ValueError:
        return
    assert {"type": "text", "text": "S"} in document.get("system")
    said = [message["content"] for message in document.get("messages") if message.get("role") == "user"]
    assert any(content == "U" or {"type": "text", "text": "U"} in content for content in said)


@pytest.mark.parametrize(
    ("user", "session"),
    [
        ('{"device_id":"0","account_uuid":"","session_id":"s-1"}', "s-1"),
        ("user_0123_account__session_s-1", "s-1"),
        ("user_0123_account_4_session_", ""),
        ("ann", ""), ("", ""), ("{", ""), ("[]", ""), ("7", ""), ('{"session_id":7}', ""), ("\ud800", ""),
    ],
)  # fmt: skip
def test_the_session_in_a_user_id(user, session):
    assert session_in(user) == session
