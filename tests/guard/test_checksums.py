"""Check digits, by the specimens that those who define them publish."""

import pytest

from aigw.guard.checksums import IBAN_LENGTHS, chinese_id, iban, luhn

IBANS = [
    "GB82WEST12345698765432",
    "DE89370400440532013000",
    "FR1420041010050500013M02606",
    "NO9386011117947",
    "MT84MALT011000012345MTLCAST001S",
]


@pytest.mark.parametrize("number", ["4111111111111111", "5555555555554444", "378282246310005", "6011111111111117"])
def test_luhn(number):
    assert luhn(number)
    for place in range(len(number)):
        other = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
        assert not luhn(other)


@pytest.mark.parametrize("number", IBANS)
def test_iban(number):
    assert iban(number)
    for place in range(4, len(number)):
        other = number[:place] + ("1" if number[place] == "0" else "0") + number[place + 1 :]
        assert not iban(other)
    assert not iban(number + "0")
    assert not iban("XX" + number[2:])


def test_an_account_number_has_15_to_33_characters():
    assert (min(IBAN_LENGTHS.values()), max(IBAN_LENGTHS.values())) == (15, 33)


@pytest.mark.parametrize(
    ("number", "right"),
    [
        ("110105194912310" + "02X", True),
        ("110105194912310" + "02x", True),
        ("440524188001010" + "014", True),
        ("110105194912310" + "021", False),  # the check digit
        ("990105194912310" + "02X", False),  # no province
        ("110105194913310" + "02X", False),  # no month
        ("110105194902300" + "02X", False),  # no day
    ],
)
def test_chinese_id(number, right):
    assert chinese_id(number) is right
