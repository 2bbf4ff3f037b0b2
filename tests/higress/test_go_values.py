"""JSON as Go writes it. The expected texts are those of Go's encoding/json."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.higress.go_values import go_json, sorted_json


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"b": 1, "a": {"d": 2, "c": []}}, '{"a":{"c":[],"d":2},"b":1}'),
        ("a<b>&c\u2028", '"a\\u003cb\\u003e\\u0026c\\u2028"'),
        ([None, True, False, ""], '[null,true,false,""]'),
        (1.0, "1"),
        (-0.5, "-0.5"),
        (2**53 + 1, "9007199254740992"),
        (12345678901234567890, "12345678901234567000"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (0.000001, "0.000001"),
        (1.5e-7, "1.5e-7"),
        (1e-10, "1e-10"),
        (0.0, "0"),
        (10**400, str(10**400)),
    ],
)
def test_values(value, written):
    assert sorted_json(value) == written


def test_struct_keeps_its_order_and_no_half_of_a_pair():
    assert go_json({"b": "<", "a": "\ud800"}) == b'{"b":"\\u003c","a":"?"}'


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_what_is_written_is_the_same_value(value):
    assert json.loads(sorted_json(value), parse_int=float) == value
