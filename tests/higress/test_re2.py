"""Go's regular expressions. The expected values are Go's (regexp.ReplaceAllString), where Python's differ above all."""

import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.higress.re2 import GoRegex


@pytest.mark.parametrize(
    ("pattern", "text", "replacement", "expected"),
    [
        ("b", "abc", "x", "axc"),
        ("z", "abc", "x", None),
        ("(a)(b)?", "a", "$1-$2-", "a--"),
        ("(a)", "a", "$0$1$2", "aa"),
        ("(a)", "a", "$$1 $ $- ${1 ${} $01 ${01}", "$1 $ $- ${1 ${}  "),
        ("(a)", "a", "${1}b$1b", "ab"),
        ("(?P<v>a)(?<w>b)", "ab", "$w${v}", "ba"),
        ("x*", "abxd", "-", "-a-b-d-"),
        ("", "ab", "-", "-a-b-"),
        ("a|", "ba", "-", "-b-"),
        ("b$", "ab\n", "x", None),
        ("^b", "a\nb", "x", None),
        ("(?m)^b$", "a\nb\nc", "x", "a\nx\nc"),
        ("(?i)GPT", "gpt-4", "x", "x-4"),
        ("a(?i)b|c", "aB", "x", "x"),
        ("a(?i)b|c", "C", "x", "x"),
        ("(a(?i)b)c", "aBC", "x", None),
        ("(?i:A)b", "aB", "x", None),
        ("(?i)a(?-i)b", "Ab", "x", "x"),
        ("(?s)a.b", "a\nb", "x", "x"),
        ("a.b", "a\nb", "x", None),
        ("(?U)a+", "aa", "x", "xx"),
        ("a+?", "aa", "x", "xx"),
        (r"\d", "٣", "x", None),
        (r"\s", "\v", "x", None),
        (r"[\s]", "\v", "x", None),
        (r"[[:digit:]x]+", "1x2y", "-", "-y"),
        (r"[^[:alpha:]]", "a1", "-", "a-"),
        (r"[]a]+", "]a", "-", "-"),
        (r"[a-c\-z]", "-", "x", "x"),
        (r"[a&&b]+", "&", "x", "x"),
        (r"\Qa.b\E+", "a.b+", "x", "x+"),
        (r"\x41\x{42}\101", "ABA", "x", "x"),
        ("a{,2}", "a{,2}", "x", "x"),
        ("a{2}", "aaa", "x", "xa"),
        ("a{1,}b", "aab", "x", "x"),
        (r"a\z", "a", "x", "x"),
        ("(a|b){2}", "ab", "x", "x"),
        ("(?:-v1)+", "m-v1-v1", "x", "mx"),
        ("(a+)?b", "aab", "[$1]", "[aa]"),
        ("gpt-4/o", "gpt-4/o", "x", "x"),
    ],
)
def test_replace_all(pattern: str, text: str, replacement: str, expected: str | None) -> None:
    assert GoRegex(pattern).replace_all(text, replacement) == expected


@pytest.mark.parametrize(
    "pattern",
    ["(", ")", "a)", "[", "[a", "*", "a**", "a*+", "a{2}{3}", "a++", "|*", "a{1001}", "a{2,1}", r"\1", r"\8", r"\p{L}",
     r"\Z", r"\h", "\\", "(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(?P=n)", "(?P<n>a)(?P<n>b)", "(?#c)", "(?x)a", "(?>a)",
     "(?a)b", "[z-a]", "[[:nope:]]", "(?)", "(?i)*", "(a*)*", "(a+){2,}", "((ab)+c)+",
     "(a|aa)+$", "(a?)+$", "((a|aa){8}){8}", "(a{1,2}){30}", r"[\d-z]"],
)  # fmt: skip
def test_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        GoRegex(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["^(.*)-(.*)-(.*)-(.*)x$", "(.*)-(.*)-(.*)x", "(.*)(.*)(.*)x", "a?" * 30 + "a" * 30, "(?:a|a)" * 30 + "$",
     "^.{0,100}.{0,100}.{0,100}.{0,100}x$", "^([^A]*)a([^A]*)a([^A]*)a([^A]*)a", "^([^-]+)x([^-]+)x([^-]+)x([^-]+)x",
     "^a|(.*)(.*)(.*)x"],
)  # fmt: skip
def test_what_can_match_in_too_many_ways_is_refused(pattern: str) -> None:
    """Each is a polynomial or an exponential number of ways, which Python's engine tries one after another."""
    with pytest.raises(ValueError, match="too many ways"):
        GoRegex(pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("^(.*)-(.*)-(.*)$", "a-b-c-d", "a-b|c|d"),
        ("(.*)/(.*)", "a/b/c", "a/b|c|"),
        ("^([^-]+)-([^-]+)-([^-]+)-([^-]+)-([^-]+)$", "a-b-c-d-e", "a|b|c"),
        (r"(\w+)\.(\w+)\.(\w+)\.x", "a.b.c.x", "a|b|c"),
        ("^(.*)-(.*)-(.*)-(.*)$", "a-b-c-d", "a|b|c"),
        ("(?i)^GPT-([0-9]+)-([a-z]+)(?:-v1)?(.*)$", "gpt-4-mini-x", "4|mini|-x"),
    ],
)
def test_patterns_of_several_parts(pattern: str, text: str, expected: str) -> None:
    assert GoRegex(pattern).replace_all(text, "$1|$2|$3") == expected


@given(
    st.text(st.sampled_from(r"ab1.-^$|()[]{}*+?\\dswQEi:<>P,"), max_size=12),
    st.text(st.sampled_from("ab1-.\n"), max_size=8),
)
def test_any_pattern_is_translated_or_refused(pattern: str, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            regex = GoRegex(pattern)
        except ValueError:
            return
    result = regex.replace_all(text, "$0")
    assert result in (None, text)


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_quoted_text_is_found_as_it_is(needle: str, around: str) -> None:
    quoted = "".join(f"\\{char}" if char.isascii() and not char.isalnum() else char for char in needle)
    assert GoRegex(f"^{quoted}$").replace_all(needle, "x") == "x"
    if re.search(re.escape(needle), around) is None:
        assert GoRegex(quoted).replace_all(around, "x") is None


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("(?i)code", "x" * 90_000 + "CODE", True),
        ("(?i)code", "x" * 100_000 + "CODE", False),
        ("a.*b", "a" + "x" * 900 + "b", True),
        ("a.*b", "a" + "x" * 2_000 + "b", False),
        ("a.*b.*c", "abc", True),
    ],
)
def test_a_long_text_is_seen_as_far_as_the_pattern_can_be_trusted(pattern, text, found):
    assert GoRegex.longest(pattern).search(text) is found


def test_nobody_is_trusted_with_a_nested_repetition():
    with pytest.raises(ValueError, match="too many ways"):
        GoRegex.longest("(a+)+$")


LONG_TEXTS = st.text(alphabet="ab1\n ", max_size=60)


@pytest.mark.parametrize(
    "pattern", ["a+", "ab|b1", r"\bb", r"a\b", "(?m)^a", "(?m)b$", "^a", "1$", "a?", "[^a]1", "(a)(b)?"]
)
@given(text=LONG_TEXTS)
def test_a_long_text_is_searched_in_windows(pattern: str, text: str) -> None:
    """Matches that are shorter than half a window are found as in the whole text."""
    if re.search("a{4}", text):  # a+ is longer than half a window
        return
    assert GoRegex(pattern, 8).replace_all(text, "<$0>") == GoRegex(pattern, 1000).replace_all(text, "<$0>")


def test_a_match_that_is_longer_than_a_window_is_replaced_in_pieces() -> None:
    assert GoRegex("a+", 8).replace_all("b" + "a" * 20 + "b", "X") == "bXXXb"
