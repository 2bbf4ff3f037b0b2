"""customSettings by name and by path."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.document import Document
from aigw.providers.custom_settings import CustomSettings


@dataclass(frozen=True)
class Setting:
    name: str
    value: Any = None
    mode: str = "auto"
    overwrite: bool = True


def applied(body: str, *settings: Setting) -> str:
    document = Document(body.encode())
    CustomSettings(settings).apply(document)
    return document.encode().decode()


def raw(path: str, value: Any, **more: Any) -> Setting:
    return Setting(path, value, mode="raw", **more)


SETTINGS = (
    Setting("max_tokens", 99),
    Setting("temperature", 0.5, overwrite=False),
    Setting("top_k", 3),
    raw("a.b", "x"),
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"model":"m","max_tokens":5,"temperature":1}', '{"model":"m","max_tokens":99,"temperature":1,"a":{"b":"x"}}'),
        ('{"model":"m"}', '{"model":"m","max_tokens":99,"temperature":0.5,"a":{"b":"x"}}'),
    ],
)
def test_by_name_with_and_without_overwriting(body: str, expected: str) -> None:
    assert applied(body, *SETTINGS) == expected


def test_other_names_are_left_out() -> None:
    names = ("max_tokens", "temperature", "top_p", "top_k", "seed", "frequency_penalty", "max_output_tokens")
    expected = {"max_tokens": 1, "temperature": 1, "top_p": 1, "seed": 1}
    assert json.loads(applied("{}", *(Setting(name, 1) for name in names))) == expected


@pytest.mark.parametrize(
    ("body", "path", "expected"),
    [
        ('{"a":{"b":1,"c": 2.0}}', "a.b", '{"a":{"b":"x","c":2.0}}'),
        ('{"a":1}', "a.b", '{"a":{"b":"x"}}'),
        ('{"a":null}', "a.b.c", '{"a":{"b":{"c":"x"}}}'),
        ('{"a":[{"b":1},2]}', "a.0.b", '{"a":[{"b":"x"},2]}'),
        ('{"a":[1]}', "a.2", '{"a":[1,null,"x"]}'),
        ('{"a":[1]}', "a.-1", '{"a":[1,"x"]}'),
        ('{"a":[1]}', "a.-1.b", '{"a":[1,{"b":"x"}]}'),
        ("{}", "a.-1", '{"a":["x"]}'),
        ("{}", "a.1", '{"a":[null,"x"]}'),
        ("{}", "a.:1", '{"a":{"1":"x"}}'),
        ('{"a":{"0":1}}', "a.0", '{"a":{"0":"x"}}'),
        ('{"a":[1]}', "a.b", '{"a":[1]}'),
        ('{"a":[1]}', "a.b.0", '{"a":[1]}'),
        ("{}", r"a\.b", '{"a.b":"x"}'),
        ("{}", r"a\*.b", '{"a*":{"b":"x"}}'),
        ("{}", r"\:1", '{":1":"x"}'),
        ("{}", "0", '{"0":"x"}'),
        ("{}", r"a.:\.0", '{"a":{".0":"x"}}'),
        ("{}", "a.b:c@d", '{"a":{"b:c@d":"x"}}'),
        ('{ "z" : 1.50 , "a":{"k" : "\\u00e9" }}', "a.b", '{"z":1.50,"a":{"k":"\\u00e9","b":"x"}}'),
    ],
)
def test_raw_paths(body: str, path: str, expected: str) -> None:
    assert applied(body, raw(path, "x")) == expected


@pytest.mark.parametrize(
    ("body", "path", "kept"),
    [
        ('{"a":{"b":null}}', "a.b", True),
        ('{"a":{"b":0}}', "a.b", True),
        ('{"a":[1]}', "a.0", True),
        ('{"a":[1]}', "a.1", False),
        ('{"a":[1]}', "a.-1", False),
        ('{"a":"s"}', "a.b", False),
        ('{"a":{}}', "a.b", False),
    ],
)
def test_without_overwrite_what_is_there_stays(body: str, path: str, *, kept: bool) -> None:
    assert (applied(body, raw(path, "x", overwrite=False)) == body) is kept


def test_a_body_that_nothing_changes_keeps_its_bytes() -> None:
    body = '{ "model" : "m", "temperature": 1.0 }'
    assert applied(body, Setting("temperature", 0.5, overwrite=False), Setting("top_k", 1)) == body
    assert not CustomSettings([Setting("top_k", 1)])
    assert CustomSettings([Setting("seed", 1)])


@pytest.mark.parametrize("path", ["a.*", "a?", "a.#", "a|b", "@this", "a..b", ".a", "a.", "a.10000", "a\\", "a.:"])
def test_paths_that_cannot_be_meant(path: str) -> None:
    with pytest.raises(ValueError, match="customSettings"):
        CustomSettings([raw(path, 1)])


keys = st.text(st.sampled_from("ab.*1é-"), min_size=1, max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(keys, values, max_size=4), st.lists(keys, min_size=1, max_size=3), values)
def test_a_value_is_found_where_it_was_put_and_nothing_else_changes(body: Any, path: list[str], value: Any) -> None:
    text = json.dumps(body, ensure_ascii=False)
    escaped = ".".join(":" + "".join(f"\\{char}" if char in ".*" else char for char in part) for part in path)
    after = json.loads(applied(text, raw(escaped, value)))
    expected = json.loads(text)
    if put(expected, path, value):
        assert after == expected
    else:
        assert after == json.loads(text)


def put(into: Any, path: list[str], value: Any) -> bool:
    """The same by other means: objects only, as every part is marked as a name."""
    for part in path[:-1]:
        if isinstance(into.get(part), list):
            return False
        if not isinstance(into.get(part), dict):
            into[part] = {}
        into = into[part]
    into[path[-1]] = value
    return True
