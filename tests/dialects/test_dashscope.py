"""DashScope's native API as a dialect. Its translation to OpenAI's is in test_dashscope_openai.py."""

import contextlib
import json

import msgspec
import pytest
from any_json import anything, fields
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from aigw.core.answer import Answer, ToolCall
from aigw.core.dialect import TextPlace, Tool, Turn
from aigw.core.errors import GatewayError
from aigw.core.model import UNREAD, Chunk, Request
from aigw.core.tokens import Tokens
from aigw.dialects import apis, sse
from aigw.dialects.dashscope_openai import TEXT_PATH
from aigw.dialects.sse import EventSplitter
from aigw.dialects.table import DASHSCOPE, DIALECTS

EMBEDDINGS_PATH = "/api/v1/services/embeddings/text-embedding/text-embedding"
USAGE = Tokens(input=3, output=5, source="reported")


def request(body, headers=(), path=TEXT_PATH):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request("POST", path, "", CIMultiDict({"content-type": "application/json", **dict(headers)}), raw)


def asked(body, headers=()):
    return DASHSCOPE.asked(request(body, headers), apis.CHAT)


def chat(*messages, **parameters):
    return {"model": "qwen-max", "input": {"messages": list(messages)}, "parameters": parameters}


def user(content):
    return {"role": "user", "content": content}


def native(content="", finish="null", spent=3, made=5, **message):
    choice = {"finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    usage = {"input_tokens": spent, "output_tokens": made, "total_tokens": spent + made}
    return {"output": {"choices": [choice]}, "usage": usage, "request_id": "rid"}


def wire(*bodies, kind="result"):
    """A stream as DashScope writes it."""
    head = f"event:{kind}\n:HTTP_STATUS/200\ndata:"
    return b"".join(
        f"id:{number}\n{head}".encode() + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"
        for number, body in enumerate(bodies, 1)
    )


def reader(*, incremental=True, streaming=True, n=1):
    return DASHSCOPE.reader(asked(chat(user("hi"), incremental_output=incremental, n=n)), streaming=streaming)


def read(*bodies, incremental=True, kind="result"):
    found = reader(incremental=incremental)
    for body in bodies:
        found.feed(EventSplitter().feed(wire(body, kind=kind)))
    return found


def read_plain(body, found=None):
    found = found or reader(streaming=False)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    found.feed([Chunk(data, data)])
    return found


def calls(arguments):
    return [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}]


# Requests


def test_no_path_of_a_client_is_in_it():
    """It is what a provider is asked in; Higress knows these paths by other names."""
    assert DASHSCOPE not in DIALECTS.values()


def test_what_a_request_asks_for():
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    named = {"type": "function", "function": {"name": "f"}}
    view = asked(chat(user("hi"), max_tokens=7, n=2, tools=[tool], tool_choice=named, incremental_output=True))
    assert (view.model, view.max_tokens, view.choices) == ("qwen-max", 7, 2)
    assert (view.tools, view.tool_choice) == ([Tool("f", {"type": "object"})], "f")
    assert view.generates and view.wants_usage and not view.stream
    assert view.unrepeatable == "n"
    assert (
        asked(chat(user("hi"))).choices,
        asked(chat(user("hi"))).max_tokens,
        asked(chat(user("hi"))).unrepeatable,
    ) == (1, 0, "")


@pytest.mark.parametrize(
    ("headers", "stream"),
    [({}, False), ({"Accept": "*/*"}, False), ({"X-DashScope-SSE": "enable"}, True), ({"accept": "text/event-stream"}, True),
     ({"X-DashScope-SSE": "disable"}, False)],
)  # fmt: skip
def test_a_header_asks_for_a_stream(headers, stream):
    assert asked(chat(user("hi")), headers).stream is stream


CALLED = {"role": "assistant", "content": "", "tool_calls": calls('{"a":1}')}
RESULT = {"role": "tool", "content": "done", "name": "f"}


def test_the_prompt_is_its_messages_and_not_their_json():
    messages = [{"role": "system", "content": "s"}, user("hi"), CALLED, RESULT]
    assert asked(chat(*messages)).turns == [
        Turn("system", ("s",)), Turn("user", ("hi",)), Turn("assistant", ("",), calls=(ToolCall("f", '{"a":1}', "c1"),)),
        Turn("tool", ("done",), "f", results=True, answers=("",)),
    ]  # fmt: skip
    assert asked(chat(*messages)).question == "hi"


def test_media_are_no_text():
    body = chat(user([{"image": "data:image/png;base64,aGk="}, {"text": "what?"}]))
    view = asked(body)
    assert (view.question, view.media, view.size) == ("what?", 1, len("what?"))
    assert view.places == [TextPlace(("input", "messages", 0, "content", 1, "text"), "what?", "user")]
    assert asked(chat(user("hi"))).size == len(json.dumps(chat(user("hi"))))


@pytest.mark.parametrize(
    ("given", "turns", "question", "generates"),
    [
        ({"prompt": "hi"}, [Turn("", ("hi",))], "hi", True),
        ({"prompt": "hi", "history": [{"user": "u", "bot": "b"}]},
         [Turn("user", ("u",)), Turn("assistant", ("b",)), Turn("", ("hi",))], "hi", True),
        ({"messages": [user("one")], "prompt": "two"}, [Turn("user", ("one",)), Turn("", ("two",))], "two", True),
        ({"texts": ["a", "b"]}, [Turn("", ("a",)), Turn("", ("b",))], "b", False),
        ({"texts": "a"}, [Turn("", ("a",))], "a", False),
        ({"contents": [{"text": "a"}, {"image": "https://x/y.png"}]}, [Turn("", ("a",))], "a", False),
        ({}, [], "", True),
        ("hi", [], "", True),
    ],
)  # fmt: skip
def test_prompts_of_other_kinds(given, turns, question, generates):
    body = {"model": "m", "input": given}
    view = asked(body)
    assert (view.turns, view.question, view.generates) == (turns, question, generates)
    for number, place in enumerate(view.places):
        changed = request(body)
        DASHSCOPE.replace(changed.document, [(place, "other")])
        now = DASHSCOPE.asked(changed, apis.CHAT).places
        assert [each.text == "other" for each in now] == [position == number for position in range(len(now))]


@pytest.mark.parametrize(
    ("where", "order"), [("before", "SU-s-hi"), ("behind system", "s-SU-hi"), ("behind", "s-hi-SU")]
)
def test_texts_are_inserted_among_messages(where, order):
    changed = request(chat({"role": "system", "content": "s"}, user("hi")))
    DASHSCOPE.insert(changed.document, [("system", "S"), ("user", "U")], where)
    messages = json.loads(changed.document.encode())["input"]["messages"]
    assert [message["content"] for message in messages] == list(order.replace("SU", "S-U").split("-"))
    assert {message["role"] for message in messages if message["content"] in "sS"} == {"system"}


def test_what_is_inserted_among_parts_is_a_part():
    changed = request(chat(user([{"text": "hi"}])))
    DASHSCOPE.insert(changed.document, [("system", "S")], "before")
    assert DASHSCOPE.asked(changed, apis.CHAT).turns == [Turn("system", ("S",)), Turn("user", ("hi",))]
    assert json.loads(changed.document.encode())["input"]["messages"][0]["content"] == [{"text": "S"}]


@pytest.mark.parametrize(
    ("where", "prompt"), [("before", "A\n\nhi"), ("behind system", "A\n\nhi"), ("behind", "hi\n\nA")]
)
def test_texts_are_inserted_into_a_prompt(where, prompt):
    changed = request(b'{"model":"m","input":{"prompt":"hi","x": 1.0}}')
    DASHSCOPE.insert(changed.document, [("user", "A")], where)
    assert json.loads(changed.document.encode())["input"]["prompt"] == prompt
    assert b"1.0" in changed.document.encode()


@pytest.mark.parametrize("given", [{"texts": ["a"]}, {}, {"messages": 5}, 5])
def test_nothing_is_inserted_where_there_is_no_conversation(given):
    with pytest.raises(ValueError):
        DASHSCOPE.insert(request({"input": given}).document, [("user", "U")], "before")
    with pytest.raises(ValueError):
        DASHSCOPE.insert(request({}).document, [("user", "U")], "before")


# Answers


INCREMENTAL = [
    native("", reasoning_content="hm", made=1), native("Hel", made=2), native("lo", made=3), native("", "stop", made=5),
]  # fmt: skip
CUMULATIVE = [native("Hel", made=2), native("Hello", made=3), native("Hello", "stop", made=5)]
STREAMS = [(INCREMENTAL, True, "hm"), (CUMULATIVE, False, "")]


@pytest.mark.parametrize(("bodies", "incremental", "reasoning"), STREAMS)
def test_a_stream_is_read(bodies, incremental, reasoning):
    raw = wire(*bodies)
    whole, bytewise, splitter = reader(incremental=incremental), reader(incremental=incremental), EventSplitter()
    whole.feed(EventSplitter().feed(raw))
    for byte in raw:
        if batch := splitter.feed(bytes([byte])):
            bytewise.feed(batch)
    for found in (whole, bytewise):
        assert (found.text, found.reasoning, found.finish, found.complete) == ("Hello", reasoning, "stop", True)
        assert (found.tokens, found.error, found.size) == (USAGE, "", len(raw))


@pytest.mark.parametrize(("bodies", "incremental", "reasoning"), STREAMS)
def test_a_stream_that_is_cut_off_is_not_complete(bodies, incremental, reasoning):
    for kept in range(len(bodies)):
        found = read(*bodies[:kept], incremental=incremental)
        said = [body["output"]["choices"][0]["message"]["content"] for body in bodies[:kept]]
        assert found.text == ("".join(said) if incremental else "".join(said[-1:]))
        assert (found.complete, found.finish, found.error) == (False, "", "")
        assert found.tokens.output == (bodies[kept - 1]["usage"]["output_tokens"] if kept else None)


def test_the_text_of_a_cumulative_stream_can_be_asked_for_at_any_time():
    found = reader(incremental=False)
    for length in range(1, 6):
        found.feed(EventSplitter().feed(wire(native("Hello"[:length], tool_calls=calls("{" * length)))))
        assert (found.text, found.calls) == ("Hello"[:length], [ToolCall("f", "{" * length, "c1")])
    found.feed([sse.Event(b":ping\n\n")])
    assert (found.text, found.share) == ("Hello", 1.0)


def test_a_long_cumulative_stream_is_read_to_its_end():
    """Its events together are larger than what is kept of a stream."""
    found = reader(incremental=False)
    for number in range(60):
        found.feed(EventSplitter().feed(wire(native("x" * 50_000 + str(number)))))
    assert found.text.endswith("x59")
    assert found.share == 1.0


def test_pieces_of_a_call_are_joined():
    later = [{"index": 0, "id": "", "type": "function", "function": {"name": "", "arguments": "1}"}}]
    found = read(native(tool_calls=calls('{"a":')), native(tool_calls=later), native("", "tool_calls"))
    assert (found.calls, found.finish, found.complete) == ([ToolCall("f", '{"a":1}', "c1")], "tool_calls", True)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("new", "stop"),
        ("null", ""),
        (None, ""),
        ("", ""),
    ],
)
def test_why_an_answer_ended(reason, finish):
    for found in (read(native("a", reason)), read_plain(native("a", reason))):
        assert (found.finish, found.complete) == (finish, bool(finish))


def test_an_answer_that_is_a_text():
    for finish, reason in (("null", ""), ("stop", "stop")):
        body = {"output": {"text": "Hello", "finish_reason": finish}, "usage": {"input_tokens": 3, "output_tokens": 5}}
        for found in (read(body), read_plain(body)):
            assert (found.text, found.finish, found.complete, found.tokens) == ("Hello", reason, bool(reason), USAGE)


def test_a_plain_answer():
    found = read_plain(native([{"text": "a"}, {"text": "b"}], "stop", reasoning_content="hm", tool_calls=calls("{}")))
    assert (found.text, found.reasoning, found.calls) == ("ab", "hm", [ToolCall("f", "{}", "c1")])
    assert (found.finish, found.complete, found.tokens) == ("stop", True, USAGE)
    assert not read_plain(native("a", "stop"), reader(streaming=False, n=2)).complete


@pytest.mark.parametrize(
    "error",
    [
        {"code": "Throttling", "message": "slow", "request_id": "r"},
        {"code": "Throttling", "message": "slow", "output": None},
    ],
)
def test_errors_in_an_answer(error):
    broken = read(native("a", "stop"))
    broken.feed(EventSplitter().feed(wire(error, kind="error")))
    for found in (broken, read_plain(error)):
        assert (found.error, found.complete) == ("slow", False)
    assert not read(native("a", "stop") | {"code": "", "message": ""}).error


class Counted(sse.Event):
    """Counts how often events are decoded."""

    __slots__ = ()
    decoded = 0

    def json(self):
        Counted.decoded += self._json is UNREAD
        return super().json()


def test_nothing_is_decoded_before_somebody_asks():
    Counted.decoded = 0
    found = reader()
    for number in range(50):
        found.feed([Counted(wire(native('"x"', made=number))), Counted(wire(native("x", None, made=number)))])
    assert Counted.decoded == 0
    assert (found.tokens.output, found.complete, Counted.decoded) == (49, False, 1)
    found.feed([Counted(wire(native("", "length", made=60)))])
    assert (found.tokens.output, found.finish, Counted.decoded) == (60, "length", 2)


def embeddings_reader():
    return DASHSCOPE.reader(asked({"model": "text-embedding-v1", "input": {"texts": ["a"]}}), streaming=False)


def test_embeddings():
    body = {
        "output": {"embeddings": [{"text_index": 0, "embedding": [0.1]}]},
        "usage": {"total_tokens": 4},
        "request_id": "r",
    }
    found = read_plain(body, embeddings_reader())
    assert (found.tokens, found.complete, found.text) == (Tokens(input=4, output=0, source="reported"), True, "")
    broken = read_plain({"code": "InvalidApiKey", "message": "no key"}, embeddings_reader())
    assert (broken.error, broken.complete) == ("no key", False)
    for raw in (b"<html>", b'{"output":{"embeddings":[{"embedding":[0.1', b'{"output":{"embeddings":[]}}'):
        assert not read_plain(raw, embeddings_reader()).complete


def test_embeddings_are_not_decoded():
    """A number that no decoder takes does not disturb."""
    raw = (
        b'{"output":{"embeddings":[{"embedding":['
        + b",".join([b"0.1"] * 5)
        + b',1e999999]}]},"usage":{"total_tokens":4}}'
    )
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(raw)
    assert read_plain(raw, embeddings_reader()).tokens.input == 4


# Rewriting


def test_an_event_gets_another_text_and_keeps_its_other_lines():
    (chunk,) = EventSplitter().feed(wire(native("secret", "stop")))
    changed = DASHSCOPE.write(chunk, "***")
    assert changed.raw.startswith(b"id:1\nevent:result\n:HTTP_STATUS/200\ndata: {")
    assert changed.json() == native("***", "stop")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (native([{"text": "a"}, {"audio": "x"}, {"text": "b"}]), native([{"text": "***"}, {"audio": "x"}])),
        ({"output": {"text": "a", "finish_reason": "stop"}}, {"output": {"text": "***", "finish_reason": "stop"}}),
    ],
)
def test_a_plain_body_gets_another_text(given, expected):
    data = json.dumps(given).encode()
    changed = DASHSCOPE.write(Chunk(data, data), "***")
    assert json.loads(changed.raw) == expected
    assert changed.raw is changed.data


@pytest.mark.parametrize(
    "body", [native(""), {"output": {"choices": []}}, {"output": {"choices": [5]}}, {"code": "x"}, {"output": 5}, [], 5]
)
def test_an_event_without_text_stays_as_it_is(body):
    (chunk,) = EventSplitter().feed(wire(body))
    assert DASHSCOPE.write(chunk, "x") is chunk


def test_streams_and_plain_answers_are_not_made_of_each_other():
    assert not DASHSCOPE.convertible
    with pytest.raises(ValueError):
        DASHSCOPE.whole(EventSplitter().feed(wire(*INCREMENTAL)))
    with pytest.raises(ValueError):
        DASHSCOPE.events(json.dumps(native("a", "stop")).encode(), usage=True)
    assert not DASHSCOPE.is_last(EventSplitter().feed(wire(*INCREMENTAL)))


# Answers and errors of ours


GIVEN = [
    (Answer("Hello"), "Hello", [], "stop"),
    (Answer("Hello", "length"), "Hello", [], "length"),
    (Answer("", "content_filter"), "", [], "content_filter"),
    (Answer('{"a":1}', "tool_calls", ToolCall("f", "", "c1")), "", [ToolCall("f", '{"a":1}', "c1")], "tool_calls"),
]
CONTENTS = ["hi", [{"text": "hi"}]]


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("parameters", [{}, {"result_format": "message"}, {"incremental_output": True}])
@pytest.mark.parametrize(("answer", "text", "called", "finish"), GIVEN)
def test_an_answer_of_ours_is_read_back(answer, text, called, finish, parameters, content):
    view = asked(chat(user(content), **parameters))
    writer = DASHSCOPE.writer(view, "rid", 1)
    raw = writer.opening(0, answer.call)
    for piece in (answer.text[:2], answer.text[2:]):
        raw += writer.piece(0, piece, answer.call)
    raw += [*writer.closing(0, answer), *writer.end(USAGE)]
    found = DASHSCOPE.reader(view, streaming=True)
    found.feed(EventSplitter().feed(b"".join(raw)))
    for each in (found, read_plain(writer.whole([answer], USAGE))):
        assert (each.text, each.calls, each.finish, each.complete, each.tokens) == (text, called, finish, True, USAGE)


def test_an_answer_has_the_form_that_was_asked_for():
    def output(body):
        return json.loads(DASHSCOPE.writer(asked(body), "rid", 1).whole([Answer("a")], USAGE))["output"]

    assert output(chat(user("hi"))) == {"text": "a", "finish_reason": "stop"}
    assert output(chat(user("hi"), result_format="message"))["choices"][0]["message"]["content"] == "a"
    assert output(chat(user([{"text": "hi"}])))["choices"][0]["message"]["content"] == [{"text": "a"}]


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "InvalidParameter"), (401, "InvalidApiKey"), (403, "AccessDenied"), (404, "ModelNotFound"), (429, "Throttling"),
     (500, "InternalError"), (502, "InternalError"), (503, "ModelUnavailable")],
)  # fmt: skip
def test_errors_in_dashscopes_shape(status, code):
    error = GatewayError(status, "no \udcff")
    expected = {"code": code, "message": "no �", "request_id": "r"}
    assert json.loads(DASHSCOPE.error(error, "r")) == expected
    raw = DASHSCOPE.error_event(error, "r")
    assert raw.startswith(b"event:error\n") and f"\nstatus:{status}\n".encode() in raw
    found = reader()
    found.feed(EventSplitter().feed(raw))
    assert found.error == "no �"


texts = st.sampled_from(["a", "null", "stop", "user", "assistant", "message"])
contents = texts | st.lists(anything | fields(text=texts), max_size=2)
tool_calls = st.lists(
    anything | fields(index=st.integers(0, 1), id=texts, function=fields(name=texts, arguments=texts)), max_size=2
)
any_message = st.builds(
    dict, fields(content=contents, tool_calls=tool_calls, reasoning_content=texts), role=texts | st.none()
)
any_request = fields(
    model=texts,
    input=fields(
        messages=st.lists(anything | any_message, max_size=3), prompt=texts, texts=st.lists(texts | anything, max_size=2) | texts,
        history=st.lists(fields(user=texts, bot=texts), max_size=2), contents=contents,
    ),
    parameters=fields(max_tokens=st.integers(), n=st.integers(), result_format=texts, tools=st.lists(anything), incremental_output=st.booleans()),
)  # fmt: skip
any_answer = fields(
    output=fields(choices=st.lists(anything | fields(finish_reason=texts, message=any_message, index=st.integers(0, 1))), text=texts, finish_reason=texts),
    usage=fields(input_tokens=st.integers()), code=texts, message=texts, request_id=texts,
)  # fmt: skip


@given(anything | any_request)
def test_a_request_of_any_json_has_a_view(body):
    view = asked(body)
    assert (
        view.choices >= 1
        and view.max_tokens >= 0
        and view.size >= 0
        and isinstance(view.question + view.unrepeatable, str)
    )
    assert view.turns is not None and view.tools is not None and view.form in ("text", "message", "parts")
    for place in view.places:
        changed = request(body)
        DASHSCOPE.replace(changed.document, [(place, "other")])
        assert "other" in [each.text for each in DASHSCOPE.asked(changed, apis.CHAT).places]
    with contextlib.suppress(ValueError):
        DASHSCOPE.insert(request(body).document, [("system", "S")], "behind system")


@given(st.lists(anything | any_answer, max_size=3), st.booleans())
def test_an_answer_of_any_json_is_read(bodies, incremental):
    for found in (
        read(*bodies, incremental=incremental),
        *map(read_plain, bodies),
        *(read_plain(body, embeddings_reader()) for body in bodies),
    ):
        assert isinstance(found.text + found.reasoning + found.finish + found.error + found.model, str)
        assert found.calls is not None and found.tokens is not None and found.complete in (True, False)
    for chunk in EventSplitter().feed(wire(*bodies)):
        DASHSCOPE.write(chunk, "other")


def test_an_answer_that_was_aborted_is_not_complete():
    reader = DASHSCOPE.reader(asked(chat(user("a"))), streaming=False)
    data = json.dumps({"output": {"choices": [{"finish_reason": "abort", "message": {"content": "a"}}]}}).encode()
    reader.feed([Chunk(data, data)])
    assert (reader.error, reader.finish, reader.complete) == ("abort", "error", False)
