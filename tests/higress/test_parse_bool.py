"""What Higress takes for true: Go's ParseBool for texts, and a number that is not 0."""

import pytest

from aigw.higress.parse_bool import truthy


@pytest.mark.parametrize("value", [True, 1, -1, 0.5, "1", "t", "T", "true", "TRUE", "True"])
def test_true(value):
    assert truthy(value)


@pytest.mark.parametrize("value", [False, None, 0, 0.0, "", "0", "yes", "tRUE", "on", " true", [1], {"a": 1}])
def test_not_true(value):
    assert not truthy(value)
