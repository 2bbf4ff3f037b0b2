"""The end of a JSON text: found however the text is cut into pieces, and only there."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.dialects.json_end import JsonEnd, closed

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


@given(st.dictionaries(TEXTS, VALUES, max_size=3), st.booleans(), st.data())
def test_what_is_cut_off_can_be_closed(value, ascii, data):
    text = json.dumps(value, ensure_ascii=ascii, indent=data.draw(st.sampled_from([None, 1])))
    cut = data.draw(st.integers(1, len(text)))
    read = [body for each in closed(text[:cut].encode()) if (body := loaded(each)) is not None]
    half = text[:cut].rstrip().endswith(("nul", "nu", "n", "-", "\\")) or text[cut - 1] == "\\"
    assert half or isinstance(read[0], dict)


def loaded(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        (b'{"a": [{"b": "one', b'{"a": [{"b": "one"}]}'),
        (b'{"a": "one\\', b'{"a": "one"}'),
        (b'{"a": "one\\u00e', b'{"a": "one"}'),
        (b'{"a": "one\\\\', b'{"a": "one\\\\"}'),
        (b'{"a": "[{', b'{"a": "[{"}'),
        (b'{"a": 1, ', b'{"a": 1}'),
        (b'{"a": 1}', b'{"a": 1}'),
    ],
)
def test_how_it_is_closed(cut, whole):
    assert next(closed(cut)) == whole
