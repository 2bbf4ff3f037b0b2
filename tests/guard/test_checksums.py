"""Check digits, by the specimens that those who define them publish."""

import pytest

from aigw.guard.checksums import luhn


@pytest.mark.parametrize("number", ["4111111111111111", "5555555555554444", "378282246310005", "6011111111111117"])
def test_luhn(number):
    assert luhn(number)
    for place in range(len(number)):
        other = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
        assert not luhn(other)
