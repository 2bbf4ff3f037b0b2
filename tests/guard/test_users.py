"""Words and patterns of the user."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.guard.settings import UserRule
from aigw.guard.users import MOST, UserRules


def found(text, **rule):
    return [text[hit.start : hit.end] for hit in UserRules([UserRule(label="own", **rule)]).find(text)]


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("A cat.", ["cat"]),
        ("CATs", []),
        ("concat", []),
        ("猫cat狗", ["cat"]),
        ("cat", ["cat"]),
        ("cat1", []),
        ("Кcat", []),
    ],
)
def test_a_word_is_whole_where_words_have_blanks(text, findings):
    assert found(text, words=["Cat"]) == [each if each in text else each.upper() for each in findings]


@pytest.mark.parametrize("text", ["这是猎鹰计划", "猎鹰"])
def test_other_words_stand_anywhere(text):
    assert found(text, words=["猎鹰"]) == ["猎鹰"]


def test_all_words_of_all_rules_are_found():
    rules = UserRules([UserRule(label="a", words=["new york", "york"]), UserRule(label="b", words=["york"])])
    text = "new york, new yorker york"
    assert [(hit.rule, text[hit.start : hit.end], hit.start) for hit in rules.find(text)] == [
        ("a", "new york", 0),
        ("a", "york", 4),
        ("b", "york", 4),
        ("a", "york", 21),
        ("b", "york", 21),
    ]


def test_a_word_is_compared_in_its_plain_form():
    assert found("cafe", words=["ＣＡＦＥ"]) == ["cafe"]


@pytest.mark.parametrize(
    ("text", "findings"),
    [("赌博", ["赌博"]), ("反赌博宣传", []), ("反赌博，赌博", ["赌博"])],
)
def test_nothing_is_found_in_a_word_that_is_allowed(text, findings):
    assert found(text, words=["赌博"], allow=["反赌博"]) == findings


def test_patterns():
    assert found("PRJ-1, PRJ-22", regex=[r"PRJ-\d+"]) == ["PRJ-1", "PRJ-22"]


def test_after_many_findings_the_rest_is_one():
    hits = found("x" * (MOST + 50), regex=["x"])
    assert len(hits) == MOST + 1
    assert hits[-1] == "x" * 50


def test_what_is_said_of_a_rule():
    (rule,) = UserRules([UserRule(label="own", words=["ab", "abcd"], regex=["x"])]).rules
    assert rule.about == "2 words and 1 pattern of yours"
    (rule,) = UserRules([UserRule(label="own", words=["ab", "abcd"])]).rules
    assert (rule.reach, rule.about) == (4, "2 words of yours")


WORDS = st.text("abя中 ", min_size=1, max_size=4).map(str.strip).filter(bool)


@given(st.text("abя中. ", max_size=30), st.lists(WORDS, min_size=1, max_size=5, unique=True))
def test_words_are_found_where_a_plain_search_finds_them(text, words):
    def whole(start, end):
        spaced = "abя"
        return not any(0 < at < len(text) and text[at - 1] in spaced and text[at] in spaced for at in (start, end))

    wanted = {
        (start, start + len(word))
        for word in words
        for start in range(len(text))
        if text.startswith(word, start) and whole(start, start + len(word))
    }
    rules = UserRules([UserRule(label="own", words=words)])
    assert {(hit.start, hit.end) for hit in rules.find(text)} == wanted
