"""Numbers in a query."""

import pytest

from aigw.higress.query import integer


@pytest.mark.parametrize(
    ("query", "number"),
    [("cnt=3", 3), ("a=1&cnt=-2", -2), ("cnt=%2B4&cnt=9", 4), ("cnt=x", 7), ("cnt=", 7), ("", 7), ("cnt=" + "9" * 30, 7), ("a&" * 99, 7)],
)  # fmt: skip
def test_the_first_number(query, number):
    assert integer(query, "cnt", 7) == number
