"""What comes from outside is never a control sequence or a line of its own, and JSON keeps its value."""

import json
import sys
import unicodedata

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.plain import header_text, plain, plain_json, plain_json_line, plain_lines, plain_prose, plain_rows

UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Cs")
ZERO_WIDTH = "\u034f\u115f\u1160\u17b4\u180b\u180e\u200b\u200d\u2060\u3164\ufe0f\ufeff\uffa0\U000e0001\U000e0100"


def test_every_character_that_is_not_seen_is_replaced():
    for character in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.category(character) in UNSEEN or character in ZERO_WIDTH:
            assert plain(character) == "\ufffd", character.encode("unicode_escape")
            made = plain_json(json.dumps(character, ensure_ascii=False))
            assert made.isascii() and made.isprintable()
            assert json.loads(made) == character


@given(st.text())
def test_a_plain_text_is_one_line_of_what_is_seen(text):
    shown = plain(text)
    assert shown.isprintable()
    assert len(shown) == len(text)
    assert len(shown.splitlines()) <= 1
    assert plain(shown) == shown


@given(st.text(st.characters(categories=("L", "N", "P", "S"), exclude_characters=ZERO_WIDTH)))
def test_what_is_seen_stays(text):
    seen = "".join(each for each in text if plain(each) != "\ufffd")
    assert plain(seen) == seen


def test_spaces_of_any_width_are_spaces():
    assert plain("a\xa0b\u3000c\u2003d") == "a b c d"


def test_lines_of_ours_stay_lines():
    assert plain_lines("ours\nalso \x1b[2J\u2028ours\n") == "ours\nalso \ufffd[2J\ufffdours\n"


def test_prose_keeps_its_tabs_and_emoji():
    assert plain_prose("\t\u26a0\ufe0f \x1b[2J\r\n\u202e\U0001f469\u200d\U0001f4bb") == (
        "\t\u26a0\ufe0f \ufffd[2J\ufffd\n\ufffd\U0001f469\u200d\U0001f4bb"
    )


@given(st.text())
def test_prose_moves_no_cursor(text):
    assert not [each for each in plain_prose(text) if unicodedata.category(each) == "Cc" and each not in "\n\t"]


def test_rows_of_code_keep_their_shape():
    assert plain_rows("def f():\r\n\tif x:\n  \treturn\x1b\r\n") == ["def f():", "    if x:", "    return\ufffd", ""]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=8,
)


@given(VALUES)
def test_json_keeps_its_value(value):
    for text in (json.dumps(value, ensure_ascii=False), json.dumps(value, ensure_ascii=False, indent=2)):
        made = plain_json(text)
        assert json.loads(made) == value
        assert len(made.splitlines()) == len(text.split("\n"))
        assert not [each for each in made if unicodedata.category(each) in UNSEEN and each != "\n"]


@given(VALUES)
def test_a_line_of_json_stays_one_line(value):
    try:
        line = msgspec.json.encode(value)
    except UnicodeEncodeError:  # half of a surrogate pair
        return
    made = plain_json_line(line)
    assert json.loads(made) == value
    assert len(made.decode().splitlines()) == 1


def test_the_value_of_a_header():
    assert header_text("a\r\nb  \x1b 中é", 99) == "a b ? ??"
    assert header_text("abc", 2) == "ab"
