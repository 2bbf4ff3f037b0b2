"""Values are set, removed and renamed at paths."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.plugins.ai_transformer.json_edit import PathError, parse_path, remove_at, rename_at, set_at

TOP = {"a": {"b": 1}, "list": [{"c": 2}, 3], "x.y": 4}


def changed(change, path, *more):
    top = copy.deepcopy(TOP)
    change(top, parse_path(path), *more)
    return top


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b", {**TOP, "a": {"b": 9}}),
        ("new", {**TOP, "new": 9}),
        ("n.e.w", {**TOP, "n": {"e": {"w": 9}}}),
        ("list.0.c", {**TOP, "list": [{"c": 9}, 3]}),
        ("list.-1", {**TOP, "list": [{"c": 2}, 3, 9]}),
        ("list.2", {**TOP, "list": [{"c": 2}, 3, 9]}),
        (r"x\.y", {**TOP, "x.y": 9}),
    ],
)
def test_set(path, found):
    assert changed(set_at, path, 9) == found


@pytest.mark.parametrize(
    ("path", "why"),
    [("a.b.c", "a.b is no object"), ("list.7", "list is no list"), ("list.x", "list"), ("list.1.d", "list.1")],
)
def test_there_is_no_place(path, why):
    with pytest.raises(PathError, match=why):
        changed(set_at, path, 9)


def test_the_body_is_no_object():
    with pytest.raises(PathError, match="the body is no object"):
        set_at("text", ("a",), 1)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b", {**TOP, "a": {}}),
        ("list.0", {**TOP, "list": [3]}),
        ("list.9", TOP),
        ("no.such", TOP),
        ("a.b.c", TOP),
    ],
)
def test_remove(path, found):
    assert changed(remove_at, path) == found


@pytest.mark.parametrize(
    ("path", "name", "found"),
    [
        ("a", "z", {"z": {"b": 1}, "list": TOP["list"], "x.y": 4}),
        ("a", "list", {"list": {"b": 1}, "x.y": 4}),
        ("a", "a", TOP),
        ("list.0.c", "d", {**TOP, "list": [{"d": 2}, 3]}),
        ("list.0", "d", TOP),
        ("no", "d", TOP),
    ],
)
def test_rename(path, name, found):
    top = changed(rename_at, path, name)
    assert list(top.items()) == list(found.items())


@pytest.mark.parametrize("path", ["", ".", "a..b", "a.", ".a", "\\", "a.\\", ".".join("a" * 51)])
def test_no_path(path):
    with pytest.raises(ValueError, match="is no path"):
        parse_path(path)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=9))
def test_any_names_can_be_written(names):
    escaped = [name.replace("\\", "\\\\").replace(".", "\\.") for name in names]
    assert parse_path(".".join(escaped)) == tuple(names)
    top = {}
    set_at(top, tuple(names), 1)
    rename_at(top, tuple(names), "new")
    remove_at(top, (*names[:-1], "new"))
    assert set(map(str, top.values())) <= {"{}"} or len(names) > 2
