"""Decodes, encodes, searches and cuts large JSON element by element, so that a job can rest in between (`core.aside`).

Rule: no call of C code gets more than a slice of the text (`core.json_cuts`), unless it lets other threads run. The
values of one element are freed before the next one is decoded, because making and freeing all of them at once takes
four times as long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar, overload

import msgspec

from aigw.core import json_cuts
from aigw.core.json_cuts import bytes_of, fields, items
from aigw.core.pace import LARGE, MANY, rest, resting

SLICE = 32 * 1024
"""Bytes of JSON that are decoded at once: takes less than half a millisecond."""
SEARCHED = 512 * 1024
"""How many bytes are searched without a rest."""
SPACE = b" \t\r\n"
"""The white space that may stand before a value."""
DEEP = 8
"""A value that is nested in this many large values is not cut further, however large it is, because it would be scanned
again for each level."""

_T = TypeVar("_T")
Decode = Callable[[bytes], Any]
Encode = Callable[[Any], bytes]


def decoded(source: bytes, decode: Decode, depth: int = DEEP) -> Any:
    """Returns what `decode` returns for the source. Raises the same errors, but their offsets differ."""
    rest()
    source = source.lstrip(SPACE)
    kind = source[:1]
    if kind == b'"' and len(source) > LARGE and (text := json_cuts.text(source.rstrip(SPACE))) is not None:
        return text
    if len(source) <= SLICE or not depth or kind not in b"[{":
        return decode(source)
    if kind == b"[":
        return [decoded(bytes_of(each), decode, depth - 1) for each in items(source)]
    return {name: decoded(bytes_of(each), decode, depth - 1) for name, each in fields(source).items()}


def slices(source: bytes, encode: Encode, depth: int = DEEP) -> Iterator[bytes]:
    """Yields the objects and arrays of which a text consists, as large as a slice at most. A large object is cut only
    if its fields are encoded to the same bytes: otherwise it may have a name twice, and it is yielded whole."""
    source = source.lstrip(SPACE)
    kind = source[:1]
    if kind == b"[" and len(source) > SLICE and depth:
        for some in json_cuts.texts(source):
            if isinstance(some, bytes):
                yield some
            else:
                for each in resting(some):
                    yield from slices(bytes_of(each), encode, depth - 1)
    elif kind == b"{" and len(source) > SLICE and depth and _is_encoded(source, found := fields(source), encode):
        for value in found.values():
            yield from slices(bytes_of(value), encode, depth - 1)
    elif kind in (b"[", b"{"):
        rest()
        yield source


def _is_encoded(source: bytes, found: dict[str, msgspec.Raw], encode: Encode) -> bool:
    """Whether an object is written as `encode` would write it. The values may be large, because they are only
    joined."""
    pieces = [piece for name, value in found.items() for piece in (encode(name), b":", bytes_of(value), b",")]
    return b"".join([b"{", *pieces[:-1], b"}"]) == source


def without_large(source: bytes, decode: Decode) -> Any:
    """Returns an object without its large fields. Raises ValueError if the source is no object, or if a field cannot be
    decoded."""
    return {name: decode(bytes(value)) for name, value in fields(source).items() if len(value) <= SLICE}


class Elements(Sequence[_T]):
    """The elements of a large array, each made of its JSON text whenever somebody looks at it. `before` are others that
    stand before them."""

    def __init__(self, texts: Sequence[msgspec.Raw], make: Callable[[bytes], _T], before: Sequence[_T] = ()) -> None:
        self._texts = texts
        self._make = make
        self._before = before

    def __len__(self) -> int:
        return len(self._before) + len(self._texts)

    @overload
    def __getitem__(self, index: int) -> _T: ...
    @overload
    def __getitem__(self, index: slice) -> list[_T]: ...
    def __getitem__(self, index: int | slice) -> _T | list[_T]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        place = range(len(self))[index] - len(self._before)
        return self._make(bytes(self._texts[place])) if place >= 0 else self._before[place]

    def __iter__(self) -> Iterator[_T]:
        yield from self._before
        for each in resting(self._texts):
            yield self._make(bytes(each))

    def changed(self, change: Callable[[_T], _T]) -> Elements[_T]:
        return Elements(self._texts, lambda text: change(self._make(text)), [change(each) for each in self._before])


def occurrences(body: bytes, text: bytes) -> int:
    """Returns how often a text is in a body. It must not overlap itself, as "aa" does in "aaa"."""
    if len(body) <= SEARCHED:
        return body.count(text)
    return sum(body.count(text, start, end) for start, end in windows(len(body), len(text)))


def windows(size: int, length: int, start: int = 0) -> Iterator[tuple[int, int]]:
    """Yields the begin and the end of each search for something of `length` bytes within `size` bytes, with rests in
    between."""
    for begin in range(start, size, SEARCHED):
        yield begin, begin + SEARCHED + length - 1
        rest()


def find(body: bytes, text: bytes, start: int = 0) -> int:
    """Returns what `body.find` returns."""
    found = (body.find(text, begin, end) for begin, end in windows(len(body), len(text), start))
    return next((at for at in found if at >= 0), -1)


def cut(body: bytes, start: int, end: int) -> Iterator[bytes]:
    """Yields this part of a body in pieces, with rests in between. Copying it at once would block all other threads;
    joining the pieces does not."""
    for begin in range(start, end, SEARCHED):
        yield body[begin : min(begin + SEARCHED, end)]
        rest()


def encoded(value: Any, encode: Encode) -> bytes:
    """Returns what `encode` returns of a value whose large arrays may be `Elements`. It writes the names of objects in
    order."""
    return b"".join(_pieces(value, encode)) if _has_elements(value) else _slice(value, encode)


def written(value: Any, encode: Encode) -> bytes:
    """Returns what `encode` returns of a value that may have large parts: a list, or an object with lists or JSON."""
    if not value or not isinstance(value, dict):
        return b"".join(_parts(value, encode))
    pieces = [piece for name, each in value.items() for piece in (b",", encode(name), b":", *_parts(each, encode))]
    return b"".join([b"{", *pieces[1:], b"}"])


def _parts(value: Any, encode: Encode) -> Iterator[bytes]:
    if isinstance(value, msgspec.Raw):
        yield bytes_of(value)
    elif isinstance(value, list) and len(value) > MANY:
        yield from _elements(iter(value), encode)
    else:
        rest()
        yield encode(value)


def _elements(left: Iterator[Any], encode: Encode) -> Iterator[bytes]:
    before = b"["
    while some := list(islice(left, MANY)):
        rest()
        yield before
        yield encode(some)[1:-1]
        before = b","
    yield b"]" if before == b"," else b"[]"


def _pieces(value: Any, encode: Encode) -> Iterator[bytes]:
    if not _has_elements(value):
        yield _slice(value, encode)
    elif isinstance(value, dict):
        before = b"{"
        for name in sorted(value):
            yield before + encode(name) + b":"
            yield from _pieces(value[name], encode)
            before = b","
        yield b"}"
    else:
        yield from _elements(iter(value), encode)


def _has_elements(value: Any) -> bool:
    """Whether a value is a list or an object. It compares types directly, because `isinstance` would run Python code
    for each field of a request."""
    return type(value) is Elements or (isinstance(value, dict) and Elements in map(type, value.values()))


def _slice(value: Any, encode: Encode) -> bytes:
    rest()
    return encode(value)
