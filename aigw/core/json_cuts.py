"""Finds where the elements of a large JSON text begin and end, slice by slice, so that a job can rest (`core.aside`).

A slice may end at a comma if the text before it, with closing brackets added, is JSON: then a parser of the whole text
would be at the same place there. So a comma is guessed and tried. An element that is larger than a slice is cut in the
same way.

Rule: the result is the same as msgspec's, which needs one call of C code for the whole text. msgspec is used if
anything is not as expected here, if it takes too many steps, or if nobody would rest in between, because then one call
is quicker."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import msgspec

from aigw.core.pace import LARGE, rest, rests

SIZES = (64 * 1024, 16 * 1024, 4 * 1024, 1024)
"""The sizes of slices that are tried, in bytes. To try the first takes 40 µs."""
_GUESSES = 4
"""How many commas are tried for each size."""
_STEPS = 2000
"""The most elements that are gone through by themselves."""
_DEEP = 16
_ARRAY, _OBJECT, _QUOTE, _BACKSLASH = b'[{"\\'
_SPACE = re.compile(rb"[ \t\r\n]*+")
_ATOM = re.compile(rb"[-+.0-9A-Za-z]++")
_UNESCAPED = rb'[^"\\\x00-\x1f]*+'
_PAIR = rb"[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = rb'\\(?:["\\/bfnrt]|u(?:(?![dD][89a-fA-F])[0-9a-fA-F]{4}|' + _PAIR + rb"))"
_TEXT = re.compile(_UNESCAPED + b"(?:" + _ESCAPE + _UNESCAPED + b")*+")
"""As much of a text as there is, without half an escape at the end. Takes 4 ns a byte."""
_HIGH_HALF = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}")
_LONGEST_ESCAPE = 6
_ENDS = {_OBJECT: b"},", _ARRAY: b"],", _QUOTE: b'",'}
"""How an element of an array ends, by the byte with which it begins."""
_BETWEEN = (b',"', b', "')
"""The bytes between two fields of an object."""

_decode = msgspec.json.Decoder().decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_skip = msgspec.json.Decoder(msgspec.Raw).decode
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def items(source: bytes) -> list[msgspec.Raw]:
    """Returns the elements of an array. Raises what msgspec raises."""
    if len(source) > LARGE and rests():
        try:
            return [each for run in Cuts(source).runs(_ARRAY) for each in run]
        except (UnsureError, msgspec.DecodeError):
            pass
    return _decode_items(source)


def fields(source: bytes) -> dict[str, msgspec.Raw]:
    """Returns the fields of an object. Raises what msgspec raises."""
    if len(source) > LARGE and rests():
        try:
            return {name: value for run in Cuts(source).runs(_OBJECT) for name, value in run.items()}
        except (UnsureError, msgspec.DecodeError):
            pass
    return _decode_fields(source)


def texts(source: bytes) -> Iterator[bytes | list[msgspec.Raw]]:
    """Yields arrays with some of the elements of an array: as JSON, or those that are large by themselves. Raises what
    msgspec raises."""
    try:
        yield from Cuts(source).runs(_ARRAY, _checked)
    except (UnsureError, msgspec.DecodeError):
        yield _decode_items(source)


def _checked(array: bytes) -> bytes:
    _skip(array)
    return array


def bytes_of(raw: msgspec.Raw) -> bytes:
    """Returns the bytes of a value. Others can run while much is joined, but not while it is copied by one call."""
    if len(raw) <= LARGE:
        return bytes(raw)
    view, pieces = memoryview(raw), list[bytes]()
    for start in range(0, len(view), LARGE):
        pieces.append(bytes(view[start : start + LARGE]))
        rest()
    return b"".join(pieces)


def text(source: bytes) -> str | None:
    """Returns the decoded text of a large JSON string, None if it cannot be cut or is no string."""
    try:
        return "".join([_decode(b'"%b"' % part) for part in Cuts(source).parts_of_text()])
    except (UnsureError, msgspec.DecodeError):
        return None


def _is_json(value: bytes) -> bool:
    try:
        _skip(value)
    except msgspec.DecodeError:
        return False
    return True


class UnsureError(Exception):
    """The text is not JSON, or not such as is expected here."""


class Cuts:
    """Goes through one text. `_end` is where the latest array or object ended. Raises UnsureError or DecodeError."""

    def __init__(self, source: bytes, sizes: Sequence[int] = SIZES) -> None:
        self._source = source
        self._sizes = sizes
        self._steps = _STEPS
        self._end = 0

    def runs(self, opening: int, take: Callable[[bytes], Any] | None = None) -> Iterator[Any]:
        """Yields the elements of the whole text, several at once: lists for an array, dicts for an object. With `take`,
        yields for small elements what `take` returns for their bytes; it must raise DecodeError for what is not
        JSON."""
        take = take or (_decode_fields if opening == _OBJECT else _decode_items)
        yield from self._runs(self._behind_space(0), opening, _DEEP, take)
        if self._behind_space(self._end) != len(self._source):
            raise UnsureError

    def parts_of_text(self) -> Iterator[bytes]:
        """Yields the parts of a JSON string. No part ends within a character."""
        source, at = self._source, 1
        if self._at(0) != _QUOTE:
            raise UnsureError
        while self._at(at) != _QUOTE:
            end = self._behind_part(at)
            while self._at(end) & 0xC0 == 0x80:
                end -= 1
            yield source[at:end]
            at = end
        if at != len(source) - 1:
            raise UnsureError

    def _runs(self, start: int, opening: int, depth: int, take: Callable[[bytes], Any]) -> Iterator[Any]:
        """Like `runs`, for the value that begins at `start`."""
        if self._at(start) != opening or not depth:
            raise UnsureError
        closing, at = opening + 2, self._behind_space(start + 1)
        while self._at(at) != closing:
            run, end = self._slice(at, opening, take) or self._element(at, opening, depth)
            yield run
            at = end
            if self._at(end) == ord(","):
                at = self._behind_space(end + 1)
            if (self._at(at) == closing) == (at > end):
                raise UnsureError
        self._end = at + 1

    def _slice(self, start: int, opening: int, take: Callable[[bytes], Any]) -> tuple[Any, int] | None:
        """Returns elements that end at a comma, and where it is, None if none is found."""
        frame = b"{%b}" if opening == _OBJECT else b"[%b]"
        marks = _BETWEEN if opening == _OBJECT else (_ENDS.get(self._at(start), b","),)
        for comma in self._commas(start, marks):
            rest()
            try:
                return take(frame % self._source[start:comma]), comma
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
        return None

    def _commas(self, start: int, marks: Sequence[bytes]) -> Iterator[int]:
        """Yields where a slice may end."""
        for size, mark in product(self._sizes, marks):
            end = start + size
            for _ in range(_GUESSES):
                found = self._source.rfind(mark, start + 1, end)
                if found < 0:
                    break
                end = found + mark.index(b",")
                yield end

    def _element(self, start: int, opening: int, depth: int) -> tuple[Any, int]:
        """Returns one element, and where the next byte is behind it that is no space."""
        self._steps -= 1
        if not self._steps:
            raise UnsureError
        at = start
        if opening == _OBJECT:
            behind = self._behind_text(start)
            name, colon = _decode(self._source[start:behind]), self._behind_space(behind)
            at = self._behind_space(colon + 1)
            if self._at(colon) != ord(":"):
                raise UnsureError
        end = self._behind_value(at, depth - 1)
        value = msgspec.Raw(memoryview(self._source)[at:end])
        return ({name: value} if opening == _OBJECT else [value]), self._behind_space(end)

    def _behind_value(self, start: int, depth: int) -> int:
        kind = self._at(start)
        if kind == _QUOTE:
            return self._behind_text(start)
        if kind in (_ARRAY, _OBJECT):
            for _ in self._runs(start, kind, depth, _skip):
                pass
            return self._end
        atom = _ATOM.match(self._source, start)
        if atom is None or not _is_json(atom[0]):
            raise UnsureError
        return atom.end()

    def _behind_text(self, start: int) -> int:
        if self._at(start) != _QUOTE:
            raise UnsureError
        at = start + 1
        while self._at(at) != _QUOTE:
            at = self._behind_part(at)
        return at + 1

    def _behind_part(self, start: int) -> int:
        """Returns where a part of a text ends, behind a whole escape."""
        rest()
        source, end = self._source, start + self._sizes[0]
        sure = self._before_escape(end)
        if sure > start and _is_json(b'"%b"' % source[start:sure]):  # in a tenth of the time
            return sure
        found = _TEXT.match(source, start, end)
        if found is None or found.end() == start:
            raise UnsureError
        return found.end()

    def _before_escape(self, end: int) -> int:
        """Returns `end`, or the beginning of an escape that may continue behind it."""
        source, end = self._source, min(end, len(self._source))
        found = source.rfind(b"\\", end - _LONGEST_ESCAPE, end)
        if found < 0:
            return end
        while source[found - 1] == _BACKSLASH:
            found -= 1
        before = found - _LONGEST_ESCAPE
        return before if _HIGH_HALF.match(source, before, found) else found

    def _behind_space(self, start: int) -> int:
        found = _SPACE.match(self._source, start)
        assert found is not None
        return found.end()

    def _at(self, place: int) -> int:
        if place >= len(self._source):
            raise UnsureError
        return self._source[place]
