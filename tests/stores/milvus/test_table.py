import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.stores.milvus.table import among, numbers


@given(st.sets(st.integers(0, 2**62), max_size=50), st.integers(0, 3000))
def test_numbers_come_in_groups_and_all(some, more):
    wanted = [*some, *range(more)]
    found = list(numbers(wanted))
    assert [each for group in found for each in group] == wanted
    assert all(0 < len(group) <= 1000 for group in found)


@pytest.mark.parametrize(("some", "text"), [([], "key in []"), ([1, 2], "key in [1, 2]")])
def test_a_filter_of_numbers(some, text):
    assert among("key", some) == text
