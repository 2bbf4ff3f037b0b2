"""Personal data that has a form, and what only looks like it."""

import pytest

from aigw.guard.personal import RULES


def found(text):
    return [(rule.name, text[start:end]) for rule in RULES for start, end in rule.find(text)]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("write to ann.lee+x@mail.example.co.uk.", ("email", "ann.lee+x@mail.example.co.uk")),
        ("邮箱ann@example.com，谢谢", ("email", "ann@example.com")),
        ("card 4111-1111-1111-" + "1111!", ("card", "4111-1111-1111-" + "1111")),
        ("卡号5555555555554444。", ("card", "5555555555554444")),
    ],
)
def test_found(text, finding):
    assert found(text) == [finding]


@pytest.mark.parametrize(
    "text",
    [
        "@example.com, ann@, ann@localhost, a @ b.com",
        "4111 1111 1111 1112",  # the check digit is wrong
        "order-4111111111111111, 4111111111111111a, 41111111111111110",
    ],
)
def test_not_found(text):
    assert found(text) == []
