"""A history as Higress keeps it, and how it comes into a request and out of an answer."""

import json

import pytest
from any_json import anything
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.model import Chunk
from aigw.higress.chat_history import MAX_BYTES, AnswerText, decoded, encoded, filled, question, streams

HISTORY = [("user", "q"), ("assistant", "a")]


@given(st.lists(st.tuples(st.text(), st.text())))
def test_what_is_written_is_read_again(turns):
    assert decoded(encoded(turns)) == turns


def test_it_is_written_as_go_writes_it():
    assert (
        encoded([("user", "a<b>&\u2028é")]) == b'[{"role":"user","content":"a\\u003cb\\u003e\\u0026\\u2028\xc3\xa9"}]'
    )
    assert encoded([]) == b"[]"
    assert encoded([("user", "a\ud83d")]) == b'[{"role":"user","content":"a?"}]'


@pytest.mark.parametrize(
    ("value", "turns"),
    [
        (b'[{"role":null,"more":1},{"content":"x"}]', [("", ""), ("", "x")]),
        (b"null", []),
        (b"{}", None),
        (b'[{"role":1}]', None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_what_go_can_decode(value, turns):
    assert decoded(value) == turns


def said(*messages, **more):
    return json.dumps(
        {"messages": [dict(zip(("role", "content"), each, strict=True)) for each in messages], **more}
    ).encode()


def test_a_body_is_written_anew():
    body = filled(said(("system", "s"), ("user", "x"), model="m", a=1), HISTORY)
    assert body == (
        b'{"a":1,"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"},'
        b'{"role":"system","content":"s"},{"role":"user","content":"x"}],"model":"m"}'
    )


def test_a_conversation_gets_nothing_and_loses_other_fields():
    body = json.dumps(
        {"messages": [{"role": "user", "content": "x", "name": "n"}, {"role": "user", "content": "y"}]}
    ).encode()
    assert json.loads(filled(body, HISTORY))["messages"] == [
        {"role": "user", "content": "x"},
        {"role": "user", "content": "y"},
    ]


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"messages":[{"role":"user","content":[{"type":"text"}]}]}'])
def test_what_go_cannot_decode_stays(body):
    assert filled(body, HISTORY) is None


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (said(("user", "x"), ("user", '"y"')), "y"),
        (b'{"messages":[{"content":[{"type":"text"}]}]}', '[{"type":"text"}]'),
        (b'{"messages":[]}', ""),
        (b"{", ""),
    ],
)
def test_the_question(body, text):
    assert question(body) == text


@pytest.mark.parametrize(("value", "asked"), [(True, True), ("true", True), (0, False), (None, False)])
def test_whether_a_stream_is_asked_for(value, asked):
    assert streams(json.dumps({"stream": value}).encode()) is asked
    assert not streams(b"[]")


def text_of(*pieces, stream):
    answer = AnswerText()
    for piece in pieces:
        answer.batch([Chunk(piece)])
    return answer.text(stream=stream)


def delta(content):
    return b"data: " + json.dumps({"choices": [{"delta": {"content": content}}]}).encode() + b"\n\n"


def test_the_text_of_an_answer_keeps_its_escapes():
    body = json.dumps({"choices": [{"message": {"content": 'a\n"b"'}}]}).encode()
    assert text_of(body[:20], body[20:], stream=False) == 'a\\n\\"b\\'
    assert text_of(b"{}", stream=False) is None


def test_the_text_of_a_stream():
    events = delta("") + delta("a") + b": ping\n\n" + delta("\n") + b"data: [DONE]\n\n"
    assert text_of(events[:30], events[30:], stream=True) == "a\\n"
    assert text_of(delta("a") + delta("b")[:-1], stream=True) == "a"
    assert text_of(delta(None), stream=True) == "null"
    assert text_of(b"data: {}\n\n", stream=True) is None
    assert text_of(b"", stream=True) is None


def test_an_answer_that_is_too_large_has_no_text():
    assert text_of(delta("a"), b" " * MAX_BYTES, delta("b"), stream=True) is None


@given(anything)
def test_any_json_is_read(value):
    body = json.dumps({"messages": value}).encode()
    question(body)
    filled(body, HISTORY)
    decoded(json.dumps(value).encode())


def test_half_of_a_surrogate_pair_in_a_request():
    body = rb'{"messages":[{"role":"user","content":"a\ud83d"}],"user":"\ud83d"}'
    assert question(body) == "a\ud83d"
    assert filled(body, HISTORY) is None or json.loads(filled(body, HISTORY))
