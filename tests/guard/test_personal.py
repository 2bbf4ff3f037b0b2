"""Personal data that has a form, and what only looks like it. Numbers are published specimens, and stand in pieces."""

import pytest

from aigw.guard.personal import find

CARD = "4111 1111 " + "1111 1111"
IBAN = "GB82 WEST 1234 " + "5698 7654 32"
ID = "110105194912310" + "02X"
SSN = "219-09-" + "9998"


def found(text, strict=False):
    return [(hit.rule, text[hit.start : hit.end]) for hit in find(text, strict)]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("write to ann.lee+x@mail.example.co.uk.", ("email", "ann.lee+x@mail.example.co.uk")),
        ("邮箱ann@example.com，谢谢", ("email", "ann@example.com")),
        (f"charge {CARD}, valid 08/29", ("card", CARD)),
        ("卡号" + CARD.replace(" ", "") + "。", ("card", CARD.replace(" ", ""))),
        ("card " + CARD.replace(" ", "-") + "!", ("card", CARD.replace(" ", "-"))),
        ("amex 3782 822463 " + "10005", ("card", "3782 822463 " + "10005")),
        ("mc 2223 0031 2200 " + "3222", ("card", "2223 0031 2200 " + "3222")),
        ("银联 62000000" + "0000000" + "5 有效", ("card", "62000000" + "0000000" + "5")),
        ('{"card":' + CARD.replace(" ", "") + ",1}", ("card", CARD.replace(" ", ""))),
        (f"account {IBAN} in the name", ("iban", IBAN)),
        ("DE8937040044" + "0532013000,", ("iban", "DE8937040044" + "0532013000")),
        (f"身份证号{ID}，", ("chinese-id", ID)),
        (f"SSN {SSN}.", ("us-ssn", SSN)),
    ],
)
def test_found(text, finding):
    assert found(text) == [finding]


@pytest.mark.parametrize(
    "text",
    [
        "@example.com, ann@, ann@localhost, a @ b.com, icon@2x.png, lodash@4.17.21",
        "git@github.com:team/project.git",
        "postgres://app:word@db.example.internal/x",
        "4111 1111 1111 1112",  # the check digit is wrong
        "1234 " + CARD,  # a table of numbers with four digits
        CARD + " 1234",
        "9111 1111 1111 1111",  # no maker
        "order-" + CARD.replace(" ", "") + ", " + CARD.replace(" ", "") + "a, 0" + CARD.replace(" ", ""),
        "0." + CARD.replace(" ", ""),
        "Order 2026112900417735, tracking 00340434161094042557, 202611290041773512",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b at 1764550000000",
        "GB82 WEST 1234 5698 7654 33, AB12 CDEF 3456 7890",
        "000-12-3456, 666-12-3456, 900-12-3456, 123-00-4567, 123-45-0000, 1123-45-6789",
        "123456789",
        "一九四九年，订单 4-2-8831",
    ],
)
def test_not_found(text):
    assert found(text) == []


def test_found_where_more_is_asked_for():
    assert found("his ssn is 219099998", strict=True) == [("us-ssn", "219099998")]
    assert found("part 219099998", strict=True) == []
