"""${NAME} expansion and .env files."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.config.environment import expand, parse_dotenv

ENV = {"NAME": "value", "EMPTY": "", "_x1": "under", "DOLLAR": "${NAME} $$"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${NAME}", "value"),
        ("a ${NAME} b ${_x1}", "a value b under"),
        ("${NAME:-other}", "value"),
        ("${MISSING:-other}", "other"),
        ("${MISSING:-}", ""),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY}", ""),
        ("$${NAME}", "${NAME}"),
        ("$$${NAME}", "$value"),
        ("$$$${NAME}", "$${NAME}"),
        ("${DOLLAR}", "${NAME} $$"),  # what comes in is not looked at again
        ("${MISSING:-a:-b}", "a:-b"),
    ],
)
def test_expands(text, result):
    assert expand(text, ENV).text == result


@pytest.mark.parametrize(
    "text",
    ["${1}_max", "${geo-country}", "$NAME", "$${1}", "$$", "a$$b", "${}", "${NAME", "{NAME}", "${NAME?x}", "${na me}"],
)
def test_leaves_what_is_not_ours(text):
    result = expand(text, ENV)
    assert (result.text, result.touched, result.missing) == (text, False, ())


def test_says_what_is_missing_and_what_was_used():
    result = expand("${A} ${NAME} ${B} ${C:-c}", ENV)
    assert result == ("${A} value ${B} c", ("NAME",), ("A", "B"), True)


@given(st.text(), st.text())
def test_text_without_references_is_never_changed(before, after):
    text = (before + after).replace("{", "")
    assert expand(text, ENV).text == text


@given(st.text(string.ascii_letters + "${}:-_1 ", max_size=40), st.dictionaries(st.sampled_from("ABC"), st.text()))
def test_doubling_the_dollars_escapes_every_reference(text, env):
    escaped = text.replace("$", "$$")
    result = expand(escaped, env)
    assert not result.names
    assert not result.missing
    assert result.text.replace("$", "") == text.replace("$", "")


@given(st.text(), st.text(st.characters(exclude_characters="$")), st.text(st.characters(exclude_characters="$")))
def test_a_value_goes_in_as_it_is(value, before, after):
    assert expand(f"{before}${{X}}{after}", {"X": value}).text == before + value + after


def test_dotenv_forms():
    text = """\ufeff
# a comment
PLAIN=one two
  export SPACED = x  # comment
HASH=a#b
SINGLE='a "b" \\n # c' # comment
DOUBLE="line\\n\\"q\\" \\$X \\\\ # c"
EMPTY=
QUOTED_EMPTY=""
PLAIN=twice
"""
    values, wrong = parse_dotenv(text)
    assert wrong == []
    assert values == {
        "PLAIN": "twice",
        "SPACED": "x",
        "HASH": "a#b",
        "SINGLE": 'a "b" \\n # c',
        "DOUBLE": 'line\n"q" $X \\ # c',
        "EMPTY": "",
        "QUOTED_EMPTY": "",
    }


def test_dotenv_names_the_lines_that_are_none():
    assert parse_dotenv('A=1\nnonsense\n2B=x\nC=\'open\nD="a" b\nE=5\n') == ({"A": "1", "E": "5"}, [2, 3, 4, 5])


@given(st.text())
def test_dotenv_reads_back_what_is_quoted(value):
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    values, wrong = parse_dotenv(f'X="{escaped}"')
    assert (values, wrong) == ({"X": value}, [])
