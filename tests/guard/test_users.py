"""Words and patterns of the user."""

import pytest

from aigw.guard.settings import UserRule
from aigw.guard.users import user_rules


def found(text, **rule):
    (made,) = user_rules([UserRule(label="own", **rule)])
    return [text[start:end] for start, end in made.find(text)]


@pytest.mark.parametrize(
    ("text", "findings"),
    [("A cat.", ["cat"]), ("CATs", []), ("concat", []), ("猫cat狗", ["cat"]), ("cat", ["cat"])],
)
def test_a_word_of_latin_letters_is_whole(text, findings):
    assert found(text, words=["cat"]) == findings


def test_chinese_words_stand_anywhere():
    assert found("这是猎鹰计划", words=["猎鹰"]) == ["猎鹰"]


def test_patterns():
    assert found("PRJ-1, PRJ-22", regex=[r"PRJ-\d+"]) == ["PRJ-1", "PRJ-22"]
