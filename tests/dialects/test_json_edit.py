"""A value is replaced at its place, and everything beside it keeps its bytes."""

import pytest
from any_json import anything
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.document import Document
from aigw.dialects.answer_texts import MemberName
from aigw.dialects.json_edit import GONE, place_of, put

BODY = b'{"a": 1.0, "list": [ {"x" :1e2, "y": "old"}, "\\u00e9" ], "text":"t"}'


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("text",), b'{"a":1.0,"list":[ {"x" :1e2, "y": "old"}, "\\u00e9" ],"text":"new"}'),
        (("list", 0, "y"), b'{"a":1.0,"list":[{"x":1e2,"y":"new"},"\\u00e9"],"text":"t"}'),
        (("list", 1), b'{"a":1.0,"list":[{"x" :1e2, "y": "old"},"new"],"text":"t"}'),
    ],
)
def test_at_a_place(path, expected):
    document = Document(BODY)
    put(document, [(path, "new")])
    assert document.encode() == expected


def test_names_of_members_are_replaced_after_what_they_name():
    document = Document(b'{"a": {"x y": {"z z": "old", "b": 1.0}}}')
    names = [(("a", MemberName("x y")), "one"), (("a", "x y", MemberName("z z")), "two")]
    put(document, [*names, (("a", "x y", "z z"), "new")])
    assert document.encode() == b'{"a":{"one":{"two":"new","b":1.0}}}'


@pytest.mark.parametrize("path", [("none",), ("list", 2), ("list", 0, "z"), ("text", 0), ("text", "a"), ("a", "b")])
def test_there_is_no_such_place(path):
    document = Document(BODY)
    with pytest.raises(ValueError, match=str(path[0])):
        put(document, [(path, "new")])
    assert document.encode() == BODY


@given(anything, st.lists(st.integers(-3, 3) | st.text(max_size=3), max_size=3))
def test_any_path_is_put_or_refused(value, path):
    document = Document(b"{}")
    document.set("a", value)
    document = Document(document.encode())
    try:
        put(document, [(("a", *path), "new")])
    except ValueError:
        return
    found = document.get("a")
    for step in path:
        found = found[step]
    assert found == "new"


@pytest.mark.parametrize(("where", "place"), [("before", 0), ("behind system", 2), ("before last", 3), ("behind", 4)])
def test_where_turns_are_inserted(where, place):
    assert place_of(where, ["system", "system", "user", "user"]) == place


def test_before_the_last_of_none():
    assert place_of("before last", []) == 0


def test_several_places_at_once():
    document = Document(BODY)
    put(document, [(("list", 1), "b"), (("text",), "c"), (("list", 0, "y"), "a"), (("list", 0, "x"), GONE)])
    assert document.encode() == b'{"a":1.0,"list":[{"y":"a"},"b"],"text":"c"}'
