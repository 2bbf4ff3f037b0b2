from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.providers.model_rules import OPENAI
from aigw.translation.rules import limit_of, matches

NAMES = st.text("ab-1", max_size=6)
PATTERNS = st.lists(st.sampled_from(("a", "b-", "1", "*", "[0-9]", "[ab]")), max_size=6).map("".join)


@given(NAMES, PATTERNS)
def test_a_pattern_fits_what_it_fits_as_a_glob(model, pattern):
    assert matches(model, (pattern,)) == fnmatchcase(model, pattern)


@given(NAMES, st.dictionaries(PATTERNS, st.integers(1, 9)))
def test_the_first_pattern_that_fits_says_the_limit(model, most):
    expected = [limit for pattern, limit in most.items() if fnmatchcase(model, pattern)]
    assert limit_of(model, most) == (expected[0] if expected else None)


@pytest.mark.parametrize(
    ("model", "moves"),
    [("gpt-4o", False), ("o3-pro", True), ("o1-pro-2025-03-19", True), ("gpt-5.4", True), ("gpt-5.1", False)],
)
def test_models_of_the_responses_api(model, moves):
    assert OPENAI.moves(model) is moves
