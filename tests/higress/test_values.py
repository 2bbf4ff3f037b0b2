"""How Higress takes values: for true, Go's ParseBool for texts and a number that is not 0; as text, JSON but for texts."""

import json

import pytest

from aigw.higress.values import text_of, truthy
from aigw.plugins.ai_statistics.attributes import shortened


@pytest.mark.parametrize("value", [True, 1, -1, 0.5, "1", "t", "T", "true", "TRUE", "True"])
def test_true(value):
    assert truthy(value)


@pytest.mark.parametrize("value", [False, None, 0, 0.0, "", "0", "yes", "tRUE", "on", " true", [1], {"a": 1}])
def test_not_true(value):
    assert not truthy(value)


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), (None, ""), (1.0, "1.0"), (True, "true"), ({"a": [1]}, '{"a":[1]}'), ("", "")]
)
def test_as_text(value, text):
    assert text_of(value) == text


@pytest.mark.parametrize("value", ["\ud83d", ["\ud83d"], {"\ud83d": {"a": "\udc00"}}])
def test_half_of_a_surrogate_pair_has_a_text_and_is_shortened(value):
    assert json.loads(json.dumps(text_of(value))) == text_of(value)
    for limit in (0, 3, 1000):
        assert shortened(value, limit) == value or "[truncated]" in shortened(value, limit)
