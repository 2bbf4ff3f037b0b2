"""A large text is cut slice by slice into what one call of C code cuts it into, or not at all."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.aside import aside
from aigw.core.json_cuts import SIZES, Cuts, UnsureError, fields, items, text, texts
from aigw.core.pace import LARGE

SMALL = (24, 8)
TEXTS = st.text(max_size=30) | st.sampled_from(["},", '"],"', "\\", '\\"', "x" * 40, "\n😀é" * 9, "\x7f"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
WRITTEN = st.builds(
    lambda value, space, escapes: json.dumps(value, separators=space, ensure_ascii=escapes).encode(),
    st.lists(VALUES, max_size=8) | st.dictionaries(TEXTS, VALUES, max_size=8),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :"), (",\n ", ":")]),
    st.booleans(),
)
ODD = st.sampled_from([b",", b"]", b"}", b'"', b"\\", b" ", b"\\ud83d", b"\xff", b"\x01", b"01", b'"a":1,', b"[", b"{"])


def cut(source):
    """What it is cut into, None if it is not cut."""
    is_object = source.lstrip()[:1] == b"{"
    try:
        runs = list(Cuts(source, SMALL).runs(ord("{" if is_object else "[")))
    except (UnsureError, msgspec.DecodeError):
        return None
    if is_object:
        return [(name, bytes(value)) for name, value in {k: v for run in runs for k, v in run.items()}.items()]
    return [bytes(each) for run in runs for each in run]


def whole(source):
    """What one call makes of it, None if it is no JSON."""
    is_object = source.lstrip()[:1] == b"{"
    try:
        found = msgspec.json.decode(source, type=dict[str, msgspec.Raw] if is_object else list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return [(name, bytes(value)) for name, value in found.items()] if is_object else [bytes(each) for each in found]


@given(WRITTEN)
def test_json_is_cut_into_its_elements(source):
    assert cut(source) in (whole(source), None)


@given(WRITTEN, ODD, st.integers(0, 300), st.integers(0, 8))
def test_what_is_no_json_is_not_cut(source, odd, place, dropped):
    source = source[:place] + odd + source[place + dropped :]
    assert cut(source) in (whole(source), None)


@pytest.mark.parametrize("space", [(",", ":"), (", ", ": ")])
def test_what_clients_write_is_cut(space):
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": json.dumps({"a": ["}", 1]})}}
    turns = [{"role": "assistant", "tool_calls": [call, call]}, {"role": "user", "content": "x" * 50}] * 20
    body = {"model": "m", "messages": turns, "vectors": [[0.25, 1e-7]] * 9, "x": [], "y": {}, "z": {"a": [1, None]}}
    for value in (body, turns, ["a"] * 30, list(range(40))):
        source = json.dumps(value, separators=space).encode()
        assert cut(source) == whole(source) is not None


@pytest.mark.parametrize("escapes", [True, False])
@given(value=st.lists(TEXTS, max_size=4).map("".join))
def test_a_text_is_the_sum_of_its_parts(escapes, value):
    source = json.dumps(value, ensure_ascii=escapes).encode()
    parts = [msgspec.json.decode(b'"%b"' % part) for part in Cuts(source, SMALL).parts_of_text()]
    assert "".join(parts) == value == text(source)


@given(st.lists(TEXTS, max_size=4).map("".join), ODD, st.integers(0, 100))
def test_what_is_no_text_has_none(value, odd, place):
    source = json.dumps(value).encode()
    source = source[:place] + odd + source[place:]
    try:
        expected = msgspec.json.decode(source, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        expected = None
    assert text(source) in (expected, None)


async def test_what_is_large_is_cut_and_what_cannot_be_is_told_by_msgspec():
    await aside(LARGE + 1, what_is_large)
    what_is_large()  # on the loop, by msgspec


def what_is_large():
    many = b'[%b,"%b"]' % (b",".join([b'{"a":1}'] * LARGE), b"x" * SIZES[0])
    assert items(many) == msgspec.json.decode(many, type=list[msgspec.Raw])
    pieces = [items(each) if isinstance(each, bytes) else each for each in texts(many)]
    assert [each for piece in pieces for each in piece] == items(many) and len(pieces) < LARGE / 1000
    assert fields(b'{"a":%b,"b":2}' % many) == {"a": msgspec.Raw(many), "b": msgspec.Raw(b"2")}
    for wrong in (many[:-1], many[:-1] + b",]", many + b"1"):
        with pytest.raises(msgspec.DecodeError):
            items(wrong)
    commas = b"[%b]" % b",".join([b'{"a":1 } '] * LARGE)
    assert len(items(commas)) == LARGE
