import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.plugins.ai_budget import amount


@pytest.mark.parametrize(
    ("unit", "value", "said"),
    [
        ("usd", 0, "$0.00"),
        ("usd", 1_020_000_000, "$1.02"),
        ("usd", 1_234_500_000_000, "$1,234.50"),
        ("usd", 31_000, "$0.000031"),
        ("usd", 31_416, "$0.0000314"),
        ("usd", 1, "$0.000000001"),
        ("usd", 250_000_000, "$0.25"),
        ("usd", -1_500_000_000, "-$1.50"),
        ("tokens", 1234, "1,234 tokens"),
        ("calls", 1, "1 call"),
        ("calls", 0, "0 calls"),
    ],
)
def test_as_people_read_it(unit, value, said):
    assert amount.say(unit, value) == said


@pytest.mark.parametrize(
    ("usd", "nano"), [(0.0, 0), (0.1, 100_000_000), (2e-7, 200), (1e-12, 1), (0.3 * 3, 900_000_000)]
)
def test_nothing_that_costs_is_free(usd, nano):
    assert amount.nano(usd) == nano


@pytest.mark.parametrize(
    ("unit", "text", "value"),
    [("usd", "$2.50", 2_500_000_000), ("usd", "1,000", 10**12), ("tokens", "10_000", 10_000), ("calls", " 5 ", 5)],
)
def test_as_people_type_it(unit, text, value):
    assert amount.parse(unit, text) == value


@pytest.mark.parametrize(
    ("unit", "text"), [("usd", "x"), ("usd", "nan"), ("usd", "-1"), ("usd", "0"), ("calls", "1.5"), ("tokens", "inf")]
)
def test_what_is_no_amount(unit, text):
    with pytest.raises(ValueError, match="is no amount of"):
        amount.parse(unit, text)


@given(st.integers(1, 10**15))
def test_what_is_suggested_can_be_typed(value):
    assert amount.parse("tokens", amount.as_typed("tokens", value)) == value
    assert amount.parse("usd", amount.as_typed("usd", value)) == pytest.approx(value, rel=0.006)
