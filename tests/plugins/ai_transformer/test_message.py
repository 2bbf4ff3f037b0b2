"""What a model is shown of a message, and what it may change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from aigw.core.model import Request
from aigw.plugins.ai_transformer.http_text import HttpText, NotHttpError, read, read_as_higress
from aigw.plugins.ai_transformer.message import Message, ModelError, UnchangedError, shown, taken, taken_as_higress
from aigw.upstream.head import encode_head

HEADERS = [
    ("Content-Type", "application/xml"), ("Content-Length", "4"), ("Connection", "close"), ("ETag", '"1"'),
    ("Authorization", "Bearer sk-1"), ("Cookie", "c=1"), ("X-Mse-Consumer", "ann"), ("Set-Cookie", "s=1"),
    ("Date", "today"), ("X-Request-Id", "1"), ("X-A", "1"), ("X-A", "2"),
]  # fmt: skip


def answer(body=b"<a/>", headers=HEADERS, status="200"):
    return Message({":status": status}, CIMultiDict(headers), body)


def test_what_is_shown():
    kinds = [("content-type", "application/xml"), ("x-a", "1"), ("x-a", "2")]
    assert shown(answer()) == ({":status": "200"}, kinds, "<a/>")


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"\xff", "text/plain"), (b"a\0b", "text/plain"), (b"a", "application/octet-stream"), (b"a", "application/grpc")],
)
def test_a_binary_body(body, kind):
    with pytest.raises(UnchangedError, match="no text") as caught:
        shown(answer(body, [("content-type", kind)]))
    assert caught.value.passing


def test_what_is_taken():
    """What it left out is gone, what it could not see stays, and it cannot add what it could not have seen."""
    written = [("content-type", "application/json"), ("x-b", "3"), ("content-length", "99"), ("transfer-encoding", "x"),
               ("connection", "x"), ("authorization", "mine"), ("x-mse-consumer", "root"), ("content-encoding", "gzip")]  # fmt: skip
    new = taken(answer(), HttpText({":status": "201", ":authority": "evil"}, written, "{}"))
    assert (new.start, new.body) == ({":status": "201"}, b"{}")  # not where it goes
    assert sorted(new.headers.items()) == [
        ("Authorization", "Bearer sk-1"), ("Connection", "close"), ("Cookie", "c=1"), ("Date", "today"),
        ("Set-Cookie", "s=1"), ("X-Mse-Consumer", "ann"), ("X-Request-Id", "1"),
        ("content-type", "application/json"), ("x-b", "3"),
    ]  # fmt: skip


def test_the_same_body_keeps_its_tag():
    assert taken(answer(), HttpText({}, [("content-type", "application/xml")], "<a/>")).headers["etag"] == '"1"'


def test_the_charset_is_that_of_the_bytes():
    new = taken(answer(), HttpText({}, [("content-type", "text/plain; charset=gbk; x=1")], "é"))
    assert (new.headers["content-type"], new.body) == ("text/plain; charset=utf-8; x=1", "é".encode())


@pytest.mark.parametrize(
    ("kind", "body", "new"),
    [("application/json", "```json\n{}\n```", b"{}"), ("text/markdown", "```\na\n```", b"```\na\n```")],
)
def test_marks_around_the_body(kind, body, new):
    assert taken(answer(), HttpText({}, [("content-type", kind)], body)).body == new


@pytest.mark.parametrize(
    ("start", "kind", "body", "why"),
    [
        ({":status": "99"}, "text/plain", "", ":status '99'"),
        ({":status": "600"}, "text/plain", "", ":status '600'"),
        ({":status": "OK"}, "text/plain", "", ":status 'OK'"),
        ({}, "application/json", '{"a":', "not application/json"),
        ({}, "application/problem+json; charset=utf-8", "x", "not application/problem.json"),
        ({}, "text/xml", "<a>", "not text/xml"),
        ({}, "application/xml", '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "entities"),
    ],
)
def test_what_is_not_taken(start, kind, body, why):
    with pytest.raises(ModelError, match=why):
        taken(answer(), HttpText(start, [("content-type", kind)], body))


@pytest.mark.parametrize(
    ("name", "value"), [(":method", "get"), (":method", ""), (":path", "a"), (":path", "/a b"), (":path", "/a#b")]
)
def test_a_request_that_is_none(name, value):
    old = Message({":method": "GET", ":path": "/"}, CIMultiDict(), b"")
    with pytest.raises(ModelError, match=name):
        taken(old, HttpText({name: value}, [], ""))


def test_a_path_that_was_there_may_be_written_again():
    old = Message({":method": "GET", ":path": "/é#"}, CIMultiDict(), b"")
    assert taken(old, HttpText({":path": "/é#"}, [], "")).start[":path"] == "/é#"


LINES = st.sampled_from(
    [":status:201", ":status: 99", ":method:PUT", ":path:/a?b", ":path:/ a", "HTTP/1.1 200 OK", "GET / HTTP/1.1", "x-a:1", "x-a: é\x01",
     "content-type:application/json", "content-length:9", "Transfer-Encoding:chunked", "host:evil", "", "```", "{}", "x:\u2028", "a b:c"]
)  # fmt: skip


@given(st.lists(LINES | st.text(max_size=5), max_size=8).map("\n".join))
def test_what_is_taken_can_be_sent(text):
    """Whatever a model writes: the head is one of HTTP, it goes where the message went, and no key is gone."""
    old = Message({":method": "GET", ":path": "/"}, CIMultiDict(HEADERS), b"<a/>")
    for reader, taker in ((read, taken), (read_as_higress, taken_as_higress)):
        try:
            new = taker(old, reader(text))
        except (NotHttpError, ModelError):
            continue
        path, _, query = new.start[":path"].partition("?")
        head = encode_head(Request(new.start[":method"], path, query, new.headers, new.body), "here")
        assert head.count(b"\r\nhost: here\r\n") == 1
        assert b"evil" not in head and b"chunked" not in head.lower()
        assert taker is taken_as_higress or b"Authorization: Bearer sk-1" in head


def test_what_is_taken_in_higress():
    """All headers are the model's, but for those of the connection."""
    written = [("content-type", " application/json"), ("authorization", "mine"), ("content-length", "99")]
    new = taken_as_higress(answer(), HttpText({}, written, "{"))
    assert list(new.headers.items()) == [
        ("Connection", "close"),
        ("content-type", " application/json"),
        ("authorization", "mine"),
    ]
    assert new.body == b"{"
