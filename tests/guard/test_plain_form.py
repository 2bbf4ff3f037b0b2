"""The text behind tricks, and the way back to where its characters stood."""

import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aigw.guard.plain_form import normal

TRICKS = st.text(
    st.sampled_from(
        "aegorCIѕеΑοк中。，０ﬁ㎏é\u0301\u0327\u200b\u200d\u2060\u202e\ufeff\u00ad\U000e0069\ufe0fİ\x00\n \ud800🙂"
    )
)


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("plain\ttext\r\n", "plain\ttext\r\n"),
        ("ig\u200bno\u00adre\ufeff \u202eit\u202c", "ignore it"),
        ("ｉｇｎｏｒｅ　ｉｔ：１２", "ignore it:12"),
        ("іgnоrе", "ignore"),  # three letters are Cyrillic
        ("игнорируй всё", "игнорируй всё"),
        ("cafe\u0301, Mu\u0308ll, a\u0301\u0302\u0303\u0304\u0305\u0306", "café, Müll, á"),
        ("ﬁle ㎏ №", "file kg No"),
        ("٤١١١ ४", "4111 4"),
        ("138\u20110013\u20118000", "138-0013-8000"),
        ("\U000e0069\U000e0067\U000e006e\U000e006f\U000e0072\U000e0065", "ignore"),
        ("a\x00b\x08c", "abc"),
        ("\ud800", "\ufffd"),
        ("", ""),
    ],
)
def test_what_rules_read(given, plain):
    assert normal(given).text == plain


@pytest.mark.parametrize(
    ("given", "find", "original"),
    [
        ("so ig\u200bno\u00adre it", "ignore", "ig\u200bno\u00adre"),
        ("ﬁle", "il", "ﬁl"),
        ("。，ｃａｆe\u0301！", "café", "ｃａｆe\u0301"),
        ("\u200b\u200bx\u200b", "x", "x"),
    ],
)
def test_the_way_back(given, find, original):
    view = normal(given)
    start = view.text.index(find)
    first, last = view.place(start, start + len(find))
    assert given[first:last] == original


@given(TRICKS)
@example("e\u0301" * 3)
def test_every_span_leads_into_the_text_in_order(text):
    view = normal(text)
    view.text.encode()
    before = 0
    for at in range(len(view.text)):
        start, end = view.place(at, at + 1)
        assert before <= start < end <= len(text)
        assert view.text[at] in normal(text[start:end]).text or view.text[at].isascii()
        before = start


@given(TRICKS)
def test_a_normal_text_is_normal(text):
    plain = normal(text).text
    assert normal(plain).text == plain


def test_no_character_grows_beyond_what_is_known():
    """The others have no decomposition, so that they can not become longer."""
    known = [
        chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")
    ]
    assert max(len(normal(each).text) for each in known) == 18
