"""Values of a request's fields."""

import pytest

from aigw.core.errors import GatewayError
from aigw.translation.values import integer, limit


@pytest.mark.parametrize(("given", "read"), [(None, None), (7, 7), (7.0, 7), (0, 0)])
def test_a_limit(given, read):
    assert limit(given, "max_tokens") == read


@pytest.mark.parametrize("given", [True, "7", 7.5, float("nan"), float("inf"), [7], {}])
def test_a_limit_that_is_no_number(given):
    with pytest.raises(GatewayError, match="max_tokens: must be a whole number"):
        limit(given, "max_tokens")
    assert integer(given) is None
