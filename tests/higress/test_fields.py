"""Fields are read as Go decodes them: null is nothing, and another type is an error that names the field."""

import pytest

from aigw.higress import fields

READ = {
    fields.text: ("a", ""),
    fields.whole: (5, 0),
    fields.number: (0.5, 0),
    fields.flag: (True, False),
    fields.mapping: ({"a": 1}, None),
    fields.rows: ([{"a": 1}, {}], []),
    fields.texts: (["a", ""], []),
}


@pytest.mark.parametrize("read", READ, ids=lambda read: read.__name__)
def test_value_of_its_type_or_zero(read):
    value, zero = READ[read]
    assert read({"x": value}, "x") == value
    assert read({"x": None}, "x") == read({}, "x") == zero


@pytest.mark.parametrize(
    ("read", "wrong"),
    [
        (fields.text, 5),
        (fields.whole, 1.5),
        (fields.whole, True),
        (fields.number, "1"),
        (fields.number, False),
        (fields.flag, 1),
        (fields.mapping, []),
        (fields.rows, {}),
        (fields.rows, ["a"]),
        (fields.texts, "a"),
        (fields.texts, [1]),
    ],
)
def test_other_types_are_named(read, wrong):
    with pytest.raises(ValueError, match=r"^x: must be "):
        read({"x": wrong}, "x")


def test_null_in_a_list_is_an_empty_one():
    assert fields.rows({"x": [None, {"a": 1}]}, "x") == [{}, {"a": 1}]
    assert fields.texts({"x": [None, "a"]}, "x") == ["", "a"]
