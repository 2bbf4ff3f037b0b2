"""Rules: each by itself, several after one another, and those that say nothing sensible."""

import msgspec
import pytest
from multidict import CIMultiDict

from aigw.plugins.ai_transformer.config import Part
from aigw.plugins.ai_transformer.message import Message, UnchangedError
from aigw.plugins.ai_transformer.rules import Rules, check


def rules(*given):
    return msgspec.convert({"rules": given}, Part).rules


def message(body=b'{"a":1}', **headers):
    named = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Message({":status": "200"}, CIMultiDict(named), body)


def applied(given, *args, **headers):
    return Rules(rules(*given)).apply(message(*args, **headers))


@pytest.mark.parametrize(
    ("rule", "old", "new", "kind"),
    [
        ("xmlToJson", b'<a b="1">c</a>', b'{"a":{"@b":"1","#text":"c"}}', "application/json"),
        (
            "jsonToXml",
            b'{"a":[1]}',
            b'<?xml version="1.0" encoding="utf-8"?>\n<root><a>1</a></root>',
            "application/xml",
        ),
        ("jsonToYaml", b'{"b":[1],"a":"x"}', b"b:\n- 1\na: x\n", "application/yaml"),
        ("yamlToJson", b"b: [1]\na: x", b'{"b":[1],"a":"x"}', "application/json"),
        ({"set": {"b.c": [1]}}, b'{"a":1}', b'{"a":1,"b":{"c":[1]}}', "application/json"),
        ({"remove": ["a", "x"]}, b'{"a":1,"b":2}', b'{"b":2}', "application/json"),
        ({"remove": "a"}, b'{"a":1,"b":2}', b'{"b":2}', "application/json"),
        ({"rename": {"a": "z"}}, b'{"a":1,"b":2}', b'{"z":1,"b":2}', "application/json"),
    ],
)
def test_bodies(rule, old, new, kind):
    made = applied([rule], old, content_length=str(len(old)), etag='"1"', x_other="1")
    assert (made.body, dict(made.headers)) == (new, {"content-type": kind, "x-other": "1"})


def test_headers():
    given = [
        {"setHeader": {"X-A": "1", "x-b": "2"}},
        {"removeHeader": ["x-c", "x-no"]},
        {"renameHeader": {"x-b": "x-d"}},
    ]
    made = applied(given, x_a="0", x_c="0", etag='"1"')
    assert dict(made.headers) == {"content-type": "application/json", "X-A": "1", "etag": '"1"', "x-d": "2"}
    assert (made.body, Rules(rules(*given)).reads_body) == (b'{"a":1}', False)


def test_one_after_another():
    given = ["xmlToJson", {"rename": {"a.@b": "b"}}, {"set": {"a.c": {"d": 1}}}, {"set": {"a.c.e": 2}}, "jsonToYaml"]
    for _ in range(2):  # what is set is not changed by the message before
        made = applied(given, b'<a b="1"/>')
        assert made.body == b"a:\n  b: '1'\n  c:\n    d: 1\n    e: 2\n"


def test_a_declared_encoding():
    made = applied(["xmlToJson"], "<a>é</a>".encode("latin-1"), content_type='text/xml; charset="ISO-8859-1"')
    assert (made.body.decode(), made.content_type) == ('{"a":"é"}', "application/json")


def test_json_that_is_the_same_keeps_its_headers():
    assert applied([{"remove": "x"}], b'{"a":1}', etag='"1"').headers["etag"] == '"1"'


@pytest.mark.parametrize(
    ("rule", "body", "why"),
    [
        ("xmlToJson", b"{}", "not XML"),
        ("jsonToXml", b"<a/>", "not JSON"),
        ("yamlToJson", b"a: *b", "not YAML"),
        ({"set": {"a.b": 1}}, b'{"a":1}', "cannot be set"),
        ({"set": {"a": 1}}, b"<a/>", "not JSON"),
        ("xmlToJson", b"", "there is no body"),
    ],
)
def test_what_does_not_fit(rule, body, why):
    with pytest.raises(UnchangedError, match=why):
        applied([{"setHeader": {"x": "1"}}, rule], body)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({}, "exactly one key, has none"),
        ({"set": {"a": 1}, "remove": "b"}, "exactly one key, has set, remove"),
        ({"set": {"a..b": 1}}, "is no path"),
        ({"rename": {"a": ""}}, "the new name of 'a' is empty"),
        ({"setHeader": {"a b": "1"}}, "'a b' is no name of a header"),
        ({"setHeader": {"a": "1\r\nb: 2"}}, "line break"),
        ({"renameHeader": {"a": "b c"}}, "'b c' is no name"),
        ({"removeHeader": "Content-Length"}, "made right by the gateway"),
        ({"setHeader": {"transfer-encoding": "chunked"}}, "made right by the gateway"),
    ],
)
def test_rules_that_are_wrong(rule, why):
    (problem,) = check(rules("xmlToJson", rule))
    assert problem.path[0] == 1
    assert why in problem.message


def test_right_rules_have_no_problems():
    assert check(rules("xmlToJson", {"set": {"a": None}}, {"removeHeader": ["x"]})) == []


@pytest.mark.parametrize(
    ("rule", "kind", "passing"),
    [
        ("xmlToJson", "image/png", True),
        ("xmlToJson", "application/json; charset=utf-8", True),
        ("xmlToJson", "Application/Atom+XML", False),
        ("xmlToJson", "text/plain", False),
        ("yamlToJson", "text/html", True),
        ({"remove": "a"}, "application/x-www-form-urlencoded", True),
        ({"remove": "a"}, "application/problem+json", False),
    ],
)
def test_a_body_of_another_kind_is_no_failure(rule, kind, passing):
    with pytest.raises(UnchangedError) as caught:
        applied([rule], b"<a: [", content_type=kind)
    assert caught.value.passing is passing
