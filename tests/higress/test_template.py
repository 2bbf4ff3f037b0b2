"""How Higress reads a request for a template, and pastes its values."""

import pytest

from aigw.core.document import Document
from aigw.higress.template import asks_for_template, call_in, named, pasted


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('"a\\"b"', 'a"b'), ("3", "3"), ("-3", "-3"), ("1.50", "1.5"), ("1e3", "1000"), ("1E-7", "0.0000001"), ("2.0", "2"),
        ("true", "true"), ("false", "false"), ("null", ""), ('{"a": [1, 2]}', '{"a": [1, 2]}'), ("[ 1 ]", "[ 1 ]"),
        ("12345678901234567890123", "12345678901234567890123"),
    ],
)  # fmt: skip
def test_a_value_is_printed_as_gjson_does(value, text):
    call = call_in(Document(f'{{"template":"t","properties":{{"x":{value}}}}}'.encode()))
    assert call.properties["x"].text == text
    assert call.properties["x"].raw.decode() == value
    assert pasted('"{{x}} {{x}} {{y}}"', call.properties) == f'"{text} {text} {{{{y}}}}"'


@pytest.mark.parametrize(
    ("body", "asks", "name"),
    [
        ('{"template":"t","properties":{}}', True, "t"),
        ('{"template":3,"properties":null}', True, "3"),
        ('{"template":"t"}', False, "t"),
        ('{"properties":{}}', False, ""),
    ],
)
def test_both_fields_ask_for_a_template(body, asks, name):
    document = Document(body.encode())
    assert (asks_for_template(document), named(document)) == (asks, name)


@pytest.mark.parametrize(
    ("properties", "read", "has"), [("null", {}, False), ("{}", {}, True), ("[1]", None, True), ('"x"', None, True)]
)
def test_properties_that_are_no_object(properties, read, has):
    call = call_in(Document(f'{{"template":"t","properties":{properties}}}'.encode()))
    assert (call.properties, call.has_properties) == (read, has)


def test_other_bodies_name_no_template():
    assert call_in(Document(b'{"messages":[]}')) is None
    assert call_in(Document(b'{"template":{}}')).name is None
