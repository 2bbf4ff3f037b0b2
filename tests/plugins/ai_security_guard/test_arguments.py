"""aigw/plugins/ai_security_guard/arguments.py: the texts in the arguments of a call."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.plugins.ai_security_guard.arguments import leaves_of, with_leaves

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values, st.booleans())
def test_other_texts(value, ascii):
    arguments = json.dumps(value, ensure_ascii=ascii)
    leaves = leaves_of(arguments)
    assert with_leaves(arguments, leaves) == arguments
    others = [f"{leaf}!" for leaf in leaves]
    assert leaves_of(with_leaves(arguments, others)) == others


@pytest.mark.parametrize(
    ("arguments", "leaves"),
    [
        ('{"a": "x", "a": "y"}', ["a", "x", "a", "y"]),
        ('{"a\\u0062": [1, 2.5, true, 4111111111111111]}', ["ab", "4111111111111111"]),
        ('{"a":"x"}{"b":"y"}', ["a", "x", "b", "y"]),
        ("[" * 9000 + '"x"' + "]" * 9000, ["x"]),
        ("", []),
        ('{"a": "x', None),
        ("plain words", None),
        ('"' + '\\"' * 500_000, None),
        ("1" * 7 + "e" * 100_000 + "x", None),
        ('"\\ud8"', None),
    ],
)
def test_leaves(arguments, leaves):
    assert leaves_of(arguments) == leaves


def test_what_is_not_changed_stays_as_it_is():
    assert with_leaves('{ "a" : 1e400, "b":"x\\/"}', ["a", "b", "[email]"]) == '{ "a" : 1e400, "b":"[email]"}'


def test_a_number_becomes_a_string():
    assert json.loads(with_leaves('{"n":4111111111111111}', ["n", "[card]"])) == {"n": "[card]"}
