"""JSON Pointers with `*`: what they lead to is replaced, and nothing else."""

import pytest
from any_json import anything
from hypothesis import given
from hypothesis import strategies as st

from aigw.traffic.volatility.pointer import Pointer, pointer_to


@pytest.mark.parametrize(
    ("pointer", "replaced"),
    [
        ("/a", {"a": 0, "b": [{"c": 2}, {"c": 3}], "x/~y": 4}),
        ("/b/1/c", {"a": 1, "b": [{"c": 2}, {"c": 0}], "x/~y": 4}),
        ("/b/*/c", {"a": 1, "b": [{"c": 0}, {"c": 0}], "x/~y": 4}),
        ("/*", {"a": 0, "b": 0, "x/~y": 0}),
        ("/x~1~0y", {"a": 1, "b": [{"c": 2}, {"c": 3}], "x/~y": 0}),
        ("", 0),
    ],
)
def test_what_it_leads_to(pointer, replaced):
    value = {"a": 1, "b": [{"c": 2}, {"c": 3}], "x/~y": 4}
    assert Pointer(pointer).replace(value, lambda value: 0) == replaced


@pytest.mark.parametrize("pointer", ["/missing", "/b/2", "/b/-", "/b/²", "/b/99999999999", "/a/b", "/*/*/*/*"])
def test_where_there_is_nothing(pointer):
    assert Pointer(pointer).replace({"a": 1, "b": [2, 3]}, lambda value: 0) == {"a": 1, "b": [2, 3]}


@pytest.mark.parametrize("text", ["a", "a/b", "$.a", "/~", "/a~2"])
def test_what_is_none(text):
    with pytest.raises(ValueError, match="is no JSON Pointer"):
        Pointer(text)


@given(st.text(st.sampled_from("/~01*ab"), max_size=8), anything)
def test_any_text_is_a_pointer_or_refused(text, value):
    try:
        pointer = Pointer(text)
    except ValueError:
        return
    pointer.replace(value, lambda value: value)


@given(st.lists(st.text(st.sampled_from("/~01a"), max_size=3), max_size=3))
def test_the_pointer_to_a_path_leads_there(path):
    value = 1
    for step in reversed(path):
        value = {step: value}
    value = Pointer(pointer_to(tuple(path))).replace(value, lambda found: found + 1)
    for step in path:
        value = value[step]
    assert value == 2


def test_the_pointer_to_an_element_leads_to_all():
    assert pointer_to(("messages", 3, "content")) == "/messages/*/content"
