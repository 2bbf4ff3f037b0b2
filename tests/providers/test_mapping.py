"""Model mapping in its order, by case."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.higress.re2 import MAX_LENGTH
from aigw.providers.mapping import ModelMapping

names = st.text(st.sampled_from("abgpt-o.4*~/:"), max_size=8)


@pytest.mark.parametrize(
    ("mapping", "model", "expected"),
    [
        ({"gpt-4": "a", "gpt-4*": "b", "*": "c"}, "gpt-4", "a"),
        ({"gpt-4": "a", "gpt-4*": "b", "*": "c"}, "gpt-4o", "b"),
        ({"gpt-4": "a", "gpt-4*": "b", "*": "c"}, "o1", "c"),
        ({"gpt-*": "a", "gpt-4*": "b", "g*": "c"}, "gpt-4o", "b"),
        ({"~^gpt-(.*)$": "r-$1", "gpt-4*": "b"}, "gpt-4o", "b"),
        ({"~^gpt-(.*)$": "r-$1", "~gpt": "s", "*": "c"}, "gpt-5", "r-5"),
        ({"~gpt": "s", "~^gpt-(.*)$": "r-$1"}, "gpt-5", "s-5"),
        ({"~^(qwen)-.*$": "$1_max"}, "qwen-plus", "qwen-plus"),
        ({"~^(qwen)-.*$": "${1}_max"}, "qwen-plus", "qwen_max"),
        ({"~gpt(.*)": "openai/gpt$1"}, "gpt-4", "openai/gpt-4"),
        ({"~^vendor/": ""}, "vendor/m", "m"),
        ({"~^a.*": "b"}, "axyz", "b"),
        ({"*": ""}, "llama", "llama"),
        ({"x": "", "*": "z"}, "x", "x"),
        ({"x*": "", "*": "z"}, "xy", "xy"),
        ({"*": "z"}, "", "z"),
        ({}, "", ""),
        ({}, "m", "m"),
        ({"a": "b"}, "A", "A"),
    ],
)
def test_cases(mapping: dict[str, str], model: str, expected: str) -> None:
    mapped = ModelMapping(mapping)
    assert mapped.map(model) == expected
    assert mapped.map(model) == expected, "the remembered result is the same"


@pytest.mark.parametrize("key", ["~(", r"~\1", "~(?=x)", "~a**", "~(a+)+$", r"~\p{Greek}", "~[z-a]"])
def test_a_key_that_is_no_expression_is_named(key: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"'{key}' is not a regular expression")):
        ModelMapping({"m": "x", key: "y"})


def test_very_long_names_meet_no_expression() -> None:
    mapping = ModelMapping({"~a": "b", "*": "z"})
    assert mapping.map("a" * MAX_LENGTH) == "b" * MAX_LENGTH
    assert mapping.map("a" * (MAX_LENGTH + 1)) == "z"


def test_what_is_remembered_is_bounded() -> None:
    mapping = ModelMapping({"~^m(.*)$": "n$1"})
    for number in range(3000):
        assert mapping.map(f"m{number}") == f"n{number}"
    assert len(mapping._known) <= 1024
    assert mapping.map("m0") == "n0"


@given(st.dictionaries(names.filter(lambda key: not key.startswith("~")), names, max_size=6), names)
def test_the_order_of_the_keys_in_the_file_does_not_matter_without_expressions(
    mapping: dict[str, str], model: str
) -> None:
    backwards = dict(reversed(mapping.items()))
    assert ModelMapping(mapping).map(model) == ModelMapping(backwards).map(model)


@given(st.dictionaries(names.filter(lambda key: not key.startswith("~")), names, max_size=6), names)
def test_the_result_is_a_target_or_the_model(mapping: dict[str, str], model: str) -> None:
    mapped = ModelMapping(mapping).map(model)
    assert mapped == model or mapped in mapping.values()
    if mapping.get(model) and not model.endswith("*"):
        assert mapped == mapping[model]
