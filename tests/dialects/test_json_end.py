"""The end of a JSON text: found however the text is cut into pieces, and only there."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.dialects.json_end import JsonEnd

TEXTS = st.text(alphabet='ab"\\{}[],:é\n', max_size=8)
VALUES = st.recursive(
    st.none() | st.integers() | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=8
)
WHOLE = st.lists(VALUES, max_size=3) | st.dictionaries(TEXTS, VALUES, max_size=3)


def fed(*pieces):
    end = JsonEnd()
    for piece in pieces:
        end.feed(piece)
    return end


@given(WHOLE, st.integers(1, 9), st.booleans())
def test_each_prefix_is_open_and_the_whole_is_not(value, step, ascii):
    text = json.dumps(value, ensure_ascii=ascii).encode()
    end = JsonEnd()
    for at in range(0, len(text), step):
        piece = text[at : at + step]
        end.feed(piece)
        assert end.open == (at + len(piece) < len(text))
    for size in range(1, len(text)):
        assert fed(text[:size]).open


@pytest.mark.parametrize(
    ("text", "between"),
    [(b"[", True), (b'[{"a":1}', True), (b'[{"a":1}, {"b', False), (b'[{"a":"]}"', False), (b'["', False), (b"[]", False)],
)  # fmt: skip
def test_what_stands_between_elements(text, between):
    assert fed(text).between is between


def test_lines_are_whole_if_the_last_one_is():
    assert not fed(b'{"a":1}\n{"b":2}\n').open
    assert fed(b'{"a":1}\n{"b":').open
