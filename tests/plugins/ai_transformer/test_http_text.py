"""What models write is read as an HTTP message, or refused with the reason."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.plugins.ai_transformer.http_text import NotHttpError, read, read_as_higress, unfenced_body, write

JSON = [("content-type", "application/json")]


@pytest.mark.parametrize(
    ("text", "start", "headers", "body"),
    [
        ("content-type:application/json\n\n{}", {}, JSON, "{}"),
        ("content-type: application/json\r\n\r\n{}", {}, JSON, "{}"),
        (":status:404\nContent-Type:  application/json  \n\n", {":status": "404"}, JSON, ""),
        ("HTTP/1.1 200 OK\nContent-Type: application/json\n\n{}\n", {":status": "200"}, JSON, "{}\n"),
        ("GET /a?b=c HTTP/1.1\nx-a:1\n\n", {":method": "GET", ":path": "/a?b=c"}, [("x-a", "1")], ""),
        ("\ufeff \n```http\ncontent-type:application/json\n\n{}\n```\nDone!", {}, JSON, "{}"),
        ("```\nHTTP/2 204\n\n\n```", {":status": "204"}, [], ""),
        ("x-a:1\nx-a:2\nx-b:\n\na\n\nb", {}, [("x-a", "1"), ("x-a", "2"), ("x-b", "")], "a\n\nb"),
        ("location:https://a/b\n\n", {}, [("location", "https://a/b")], ""),
    ],
)
def test_what_is_a_message(text, start, headers, body):
    assert read(text) == (start, headers, body)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("\n\n", "it is empty"),
        ("I cannot do that.", "no blank line"),
        ("I cannot do that.\n\n{}", "line 1 is no header"),
        ("content-type:application/json\n{}", "no blank line|no header"),
        ("content-type:application/json", "no blank line"),
        ("```http\ncontent-type:application/json\n\n{}", "cut off"),
        ("a b:c\n\n", "no header"),
        ("x:a\x00b\n\n", "no header"),
        ("x:a\rb\n\n", "no header"),
        ("x:\ud800\n\n", "no header"),
        (":\n\n", "no header"),
    ],
)
def test_what_is_none(text, why):
    with pytest.raises(NotHttpError, match=why):
        read(text)


@pytest.mark.parametrize(
    ("text", "headers", "body"),
    [
        ("content-type:application/json\nx-new: 1\n\n{}", [*JSON, ("x-new", " 1")], "{}"),
        (":status:200\nx:1\n\n\n", [("x", "1")], "\n"),
    ],
)
def test_values_keep_their_blanks_in_higress(text, headers, body):
    assert read_as_higress(text)[1:] == (headers, body)


@pytest.mark.parametrize(
    "text", ["", "x:1", "x:1\r\n\r\n{}", "HTTP/1.1 200 OK\n\n{}", ":\n\n", "a b:1\n\n", "x:\x00\n\n"]
)
def test_what_higress_cannot_read(text):
    with pytest.raises(NotHttpError):
        read_as_higress(text)


@pytest.mark.parametrize(
    ("body", "inside"),
    [
        ("```json\n{}\n```", "{}"),
        ("\n```\n{}\n```\n", "{}"),
        ("```json\n{}", "```json\n{}"),
        ("{}", "{}"),
        ("text ```a``` text", "text ```a``` text"),
    ],
)
def test_marks_of_markdown_around_a_body(body, inside):
    assert unfenced_body(body) == inside


NAMES = st.from_regex(re.compile(r"[a-z0-9!#$%&'*+.^_|~-]+"), fullmatch=True).filter(
    lambda name: not name.startswith("`")
)
VALUES = st.text(st.characters(exclude_categories=["Cc", "Cs"])).map(str.strip).filter(lambda value: "\n" not in value)
STARTS = st.sampled_from([{":status": "200"}, {":method": "GET", ":path": "/a?b"}])


@given(STARTS, st.lists(st.tuples(NAMES, VALUES)), st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_written_is_read_again(start, headers, body):
    for reader in (read, read_as_higress):
        assert reader(write(start, headers, body)) == (start, headers, body)


PIECES = st.sampled_from(
    ["```", "\n", "\r", ":", "HTTP/1.1 ", "200", "content-type", "\n\n", "{", "\x00", " ", "é", "\ud800"]
)


@given(st.lists(PIECES | st.text(max_size=3)).map("".join))
def test_nothing_else_is_raised(text):
    for reader in (read, read_as_higress):
        try:
            found = reader(text)
        except NotHttpError:
            continue
        assert found.start or found.headers
        assert not any("\n" in value or "\r" in value or "\0" in value for _, value in found.headers)
