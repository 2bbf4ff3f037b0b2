"""Phone numbers in the forms in which they are written, and other numbers."""

import pytest

from aigw.guard.phones import phones


def found(text, strict=False):
    return list(dict.fromkeys(text[start:end] for start, end in phones(text, strict)))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("手机 13800138000。", "13800138000"),
        ("电话 138-0013-8000，", "138-0013-8000"),
        ("+86 138 0013 8000", "+86 138 0013 8000"),
        ("8613800138000", "8613800138000"),
        ("座机 010-62345678", "010-62345678"),
        ("phone (415) 555-0134, 12 Example Street", "(415) 555-0134"),
        ("call 415-555-0134", "415-555-0134"),
        ("+1 415 555 0134", "+1 415 555 0134"),
        ("+44 20 7946 0958", "+44 20 7946 0958"),
        ("+49 (0)30 901820", "+49 (0)30 901820"),
        ("reach me: +4930901820123", "+4930901820123"),
    ],
)
def test_found(text, number):
    assert number in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "订单 13800138000",
        "order id 13800138000",
        "see /runs/13800138000/job",
        "113800138000, 138001380001, a13800138000",
        "12800138000",
        "DFARS 252.227-7013",
        "points 1040,277.764 1035",
        "2026-11-29 10:22:33, 192.168.100.200, 1.415.555.0134.2",
        "+20261129, 1+2345678901234, a+4930901820",
        "123-456-7890, 415-155-0134",
        "1764550000000",
    ],
)
def test_not_found(text):
    assert found(text) == []


def test_found_where_more_is_asked_for():
    assert found("phone: 020 7946 0958") == []
    assert found("phone: 020 7946 0958", strict=True) == ["020 7946 0958"]
    assert found("020 7946 0958", strict=True) == []
