"""The percentiles of a summary. What it sums up is in test_usage_query.py."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from aigw.books.summary import percentile, percentile_of


@given(st.lists(st.integers(0, 100), min_size=1, max_size=300), st.sampled_from([50, 95, 99, 100]))
def test_percentile_is_the_nearest_rank(values, share):
    values.sort()
    found = percentile(values, share / 100)
    assert percentile_of(Counter(values), share / 100) == found
    assert 100 * sum(value <= found for value in values) >= share * len(values)
    assert 100 * sum(value < found for value in values) < share * len(values)


def test_percentile_of_nothing():
    assert percentile([], 0.5) is percentile_of({}, 0.5) is None
