"""Values as they are written in JSON."""

import json

import pytest

from aigw.higress.gjson import GjsonPath
from aigw.higress.raw_value import as_text, as_written, unquoted, without_unicode_escapes

BODY = rb'{"messages": [{"content": "a"}, {"content": "b\n\u4e2d \"c\""}], "parts": [ 1,  {"x":2} ], "n": null}'


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("messages.@reverse.0.content", r'"b\n\u4e2d \"c\""'),
        ("messages.0.content", '"a"'),
        ("parts", "[ 1,  {\"x\":2} ]"),
        ("messages.7.content", ""),
        ("messages.#.content", ""),
        ("missing.x", ""),
        ("n.x", ""),
    ],
)  # fmt: skip
def test_as_written(path, written):
    assert as_written(BODY, path) == written


@pytest.mark.parametrize("source", [b"", b"{", b"\xff", b"[" * 9999])
def test_what_is_no_json_has_nothing(source):
    assert as_written(source, "a.0") == ""


@pytest.mark.parametrize(
    ("path", "raw"),
    [("messages.@reverse.0.content", r"b\n\u4e2d \"c\\"[:-1]), ("messages.#.content", '["a","b\\n中 \\"c\\""]'), ("missing", "")],
)  # fmt: skip
def test_without_quotes(path, raw):
    assert unquoted(BODY, json.loads(BODY), GjsonPath(path)) == raw


@pytest.mark.parametrize(
    ("raw", "text"),
    [(r"a\n\u4e2d", r"a\n中"), (r"\\u0041", r"\A"), (r"\ud83d\ude00", ""), (r"\u12", ""), ("plain", "plain")],
)
def test_unicode_escapes(raw, text):
    assert without_unicode_escapes(raw) == text


@pytest.mark.parametrize(
    ("found", "path", "text"),
    [("a", "messages.0.content", "a"), ([1], "parts", '[ 1,  {"x":2} ]'), ([1], "parts.#", "[1]"), (None, "n", ""), (2, "n", "2")],
)  # fmt: skip
def test_a_value_as_text(found, path, text):
    assert as_text(BODY, found, path) == text
