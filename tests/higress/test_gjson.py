"""gjson's paths: its documentation's examples, Higress's own, and that nothing raises."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.higress.gjson import GjsonPath
from aigw.higress.values import text_of

DOCUMENT: Any = {
    "name": {"first": "Tom", "last": "Anderson"},
    "age": 37,
    "children": ["Sara", "Alex", "Jack"],
    "fav.movie": "Deer Hunter",
    "friends": [
        {"first": "Dale", "last": "Murphy", "age": 44, "nets": ["ig", "fb", "tw"]},
        {"first": "Roger", "last": "Craig", "age": 68, "nets": ["fb", "tw"]},
        {"first": "Jane", "last": "Murphy", "age": 47, "nets": ["ig", "tw"]},
    ],
    "a*b": 1,
    "null": None,
    "on": [True, False, "true", None],
    "deep": [[1, 2], [3]],
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("name.last", "Anderson"),
        ("name.first", "Tom"),
        ("age", 37),
        ("children", ["Sara", "Alex", "Jack"]),
        ("children.0", "Sara"),
        ("children.1", "Alex"),
        ("friends.1", DOCUMENT["friends"][1]),
        ("friends.1.first", "Roger"),
        ("child*.2", "Jack"),
        ("c?ildren.0", "Sara"),
        (r"fav\.movie", "Deer Hunter"),
        (r"a\*b", 1),
        ("friends.#", 3),
        ("friends.#.age", [44, 68, 47]),
        ("friends.#.nets.#", [3, 2, 2]),
        ('friends.#(last=="Murphy").first', "Dale"),
        ('friends.#(last=="Murphy")#.first', ["Dale", "Jane"]),
        ("friends.#(age>45)#.last", ["Craig", "Murphy"]),
        ('friends.#(first%"D*").last', "Murphy"),
        ('friends.#(first!%"D*").last', "Craig"),
        ('friends.#(nets.#(=="fb"))#.first', ["Dale", "Roger"]),
        ('friends.#(last!="Murphy").first', "Roger"),
        ("friends.#(age<=44).first", "Dale"),
        ("friends.#(missing)#", []),
        ("friends.#(nets)#.first", ["Dale", "Roger", "Jane"]),
        ('children.#(!="Sara")', "Alex"),
        ('children.#(>="Jack")', "Sara"),
        ("on.#(==true)#", [True, "true"]),
        ("on.#(==false)", False),
        ("children|@reverse", ["Jack", "Alex", "Sara"]),
        ("children.@reverse.0", "Jack"),
        ("children|@reverse|0", "Jack"),
        ("name.@reverse.@keys", ["last", "first"]),
        ("name.@values", ["Tom", "Anderson"]),
        ("deep.@flatten", [1, 2, 3]),
        ("@this", DOCUMENT),
        ("@this.age", 37),
        ("friends.#.first|0", "Dale"),
        ("friends.#.first.0", []),
        ('friends.#(last=="Murphy")#|#', 2),
        ('friends.#(first=="a.b|c")', None),
        ("friends.@unknown", None),
        ("null", None),
        ("null.x", None),
        ("children.3", None),
        ("children.x", None),
        ("age.x", None),
        ("name.#", None),
        ("name.#.x", None),
        ("", None),
        (".", None),
        ("nope.0.x", None),
    ],
)
def test_paths(path: str, expected: Any) -> None:
    assert GjsonPath(path).get(DOCUMENT) == expected


def test_the_paths_of_higress() -> None:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}, {"role": "user", "content": "r"}]
    body = {"messages": messages, "model": "m"}
    assert GjsonPath("messages.@reverse.0.content").get(body) == "r"
    assert GjsonPath('messages.#(role=="user").content').get(body) == "q"
    assert GjsonPath('messages.#(role=="user")#.content').get(body) == ["q", "r"]
    assert GjsonPath("messages.#").get(body) == 3


def test_a_separator_in_a_quoted_literal_does_not_separate() -> None:
    assert GjsonPath('#(a=="x.y|z)").b').get([{"a": "x"}, {"a": "x.y|z)", "b": 1}]) == 1


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), (None, ""), (1, "1"), (1.5, "1.5"), (True, "true"), ([1, "a"], '[1,"a"]')]
)
def test_text(value: Any, text: str) -> None:
    assert text_of(value) == text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(st.text(alphabet='ab0.#|@()"\\=<>!%*?:reversthi ', max_size=30), json_values)
def test_nothing_raises(path: str, value: Any) -> None:
    text_of(GjsonPath(path).get(value))


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5), json_values)
def test_escaped_keys_lead_to_their_value(names: list[str], leaf: Any) -> None:
    document = leaf
    for name in reversed(names):
        document = {name: document}
    path = ".".join("".join(f"\\{char}" for char in name) for name in names)
    assert GjsonPath(path).get(document) == leaf


@given(st.lists(json_values, max_size=6))
def test_reversing_twice_changes_nothing(items: list[Any]) -> None:
    assert GjsonPath("@reverse.@reverse").get(items) == items
    assert GjsonPath("#").get(items) == len(items)
    assert msgspec.json.encode(GjsonPath("@reverse|@reverse").get({"x": items})) == msgspec.json.encode({"x": items})
