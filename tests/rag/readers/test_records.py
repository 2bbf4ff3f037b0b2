"""Records: values after their names."""

import pytest

from aigw.rag.readers.records import named, shown


def test_values_stand_after_their_names():
    record = {
        "name": "Ann",
        "age": 3,
        "none": None,
        "empty": " ",
        "tags": ["a", "b"],
        "home": {"city": "Köln", "at": [1, {"x": 2}]},
        "": "bare",
    }
    assert list(named(record)) == [
        "name: Ann",
        "age: 3",
        "tags: a, b",
        "home.city: Köln",
        'home.at: [1, {"x": 2}]',
        "bare",
    ]


def test_what_is_deep_is_written_as_json():
    assert list(named({"a": {"b": {"c": {"d": {"e": 1}}}}})) == ['a.b.c.d: {"e": 1}']


@pytest.mark.parametrize(
    ("value", "text"), [("x", "x"), (1.5, "1.5"), (True, "true"), (None, ""), ([], ""), ([1], "[1]")]
)
def test_values(value, text):
    assert shown(value) == text
