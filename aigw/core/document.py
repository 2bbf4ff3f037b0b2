"""A JSON object whose fields can be changed one by one, while all others keep their bytes.

Rule: a field that nobody changed keeps its bytes: the order of its keys, the text of numbers, non-ASCII characters. To
encode the whole body again would break prompt-cache prefixes and signed blocks. So a value stays `msgspec.Raw` until
somebody reads it."""

from __future__ import annotations

import codecs
import json
import re
import threading
from collections.abc import Callable, Container, Iterable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from aigw.core import json_cuts, large_json
from aigw.core.json_cuts import bytes_of
from aigw.core.large_json import Elements
from aigw.core.pace import LARGE, rest, resting

_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class _Numbers(threading.local):
    """Whether this thread has met a number that cannot be kept exactly, in the value that it decodes. Reset it before
    decoding."""

    inexact = False


_numbers = _Numbers()


def _number(text: str) -> float:
    number = float(text)
    if repr(number) != text and Decimal(repr(number)) != Decimal(text):
        _numbers.inexact = True
    return number


_decode_any = msgspec.json.Decoder(float_hook=_number).decode


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        seen: set[str] = set()
        twin = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"an object has the name {twin[:80]!r} twice")


def _once_resting(pairs: list[tuple[str, Any]]) -> None:
    rest()
    _once(pairs)


_scan_names = json.JSONDecoder(object_pairs_hook=_once).scan_once  # type: ignore[attr-defined]
_scan_many_names = json.JSONDecoder(object_pairs_hook=_once_resting).scan_once  # type: ignore[attr-defined]

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_SPACE = re.compile(r"[ \t\r\n]*")
_T = TypeVar("_T")


class Document:
    """One JSON object. `encode()` returns the original bytes as long as nothing was set."""

    __slots__ = ("_fields", "_inexact", "_parsed", "_source", "_values")

    def __init__(self, source: bytes) -> None:
        """Raises ValueError if `source` is not a JSON object. The message has the byte offset."""
        self._fields = fields_of(source)
        self._source: bytes | None = source
        self._parsed = source
        self._values: dict[str, Any] = {}
        self._inexact: frozenset[str] = frozenset()

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def first_of(self, names: Iterable[str]) -> str | None:
        """The first of these names that is a field's, None if none is."""
        for name in names:
            if name in self._fields:
                return name
        return None

    def get(self, name: str, default: Any = None) -> Any:
        """Returns the decoded value of a field. Do not mutate it: use `set`. Raises ValueError if it is malformed."""
        if name in self._values:
            return self._values[name]
        raw = self._fields.get(name)
        if raw is None:
            return default
        _numbers.inexact = False
        try:
            decode = _decode_any if len(raw) <= LARGE else _decode_large
            value = self._values[name] = decoded(bytes_of(raw), decode, json.loads)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        if _numbers.inexact:
            self._inexact |= {name}
        return value

    def known(self, name: str) -> Any:
        """Returns the decoded value of a field if it is decoded already, else None. Do not mutate it."""
        return self._values.get(name)

    def exact(self, name: str) -> Any:
        """Like `get`, but raises ValueError if a number in the value has more digits than a double can hold, because
        different numbers would then read as the same."""
        value = self.get(name)
        if name in self._inexact:
            raise ValueError(f"{name}: a number has more digits than a number can have here")
        return value

    def all_exact(self, but: Container[str]) -> dict[str, Any]:
        """The values of all fields but these, as `exact_elements` returns them."""
        values = self._values
        if self._inexact or not values.keys() >= self._fields.keys():
            return {name: self.exact_elements(name) for name in self._fields if name not in but}
        return {name: values[name] for name in self._fields if name not in but}

    def refuse_duplicate_names(self) -> None:
        """Raises ValueError if an object in the source has a name twice. Some readers take the first value and some the
        last, so the next reader might not read what was checked here.

        Most clients write JSON in the same form as this module. Their text stays the same if it is decoded and encoded
        again, which takes 1 us for a short request and also yields its values. Other texts take 2 us, and 12 us for 10
        kB: C code scans them, and calls back once for each object."""
        source, values = self._parsed, None
        if len(source) > LARGE:
            self._refuse_duplicate_names_by_slices(source)
            return
        _numbers.inexact = False
        try:
            values = _decode_any(source)
            same = _encode(values) == source
        except (msgspec.DecodeError, UnicodeError, OverflowError, RecursionError):
            same = False  # it may be JSON all the same: the scan tells
        if not same:
            _look_for_duplicate_names(source, _scan_names)
        if not _numbers.inexact and values is not None:
            self._values = values

    def _refuse_duplicate_names_by_slices(self, source: bytes) -> None:
        """Leaves nothing decoded. The names of a large object are those of no slice."""
        try:
            same = all(
                len(each) <= LARGE and _encode(_decode_any(each)) == each for each in large_json.slices(source, _encode)
            )
        except (msgspec.DecodeError, UnicodeError, OverflowError, RecursionError):
            same = False
        if not same:
            _look_for_duplicate_names(source, _scan_many_names)

    def objects(self, name: str, make: Callable[[Any], _T], before: Sequence[_T] = ()) -> Elements[_T] | None:
        """Returns what `make` makes of each object in a large array, with `before` in front of it. They are decoded one
        after another, whenever somebody looks at them. Returns None for any other field."""
        if (texts := self._large_array(name)) is None:
            return None
        rows = [each for each in resting(texts) if memoryview(each)[0] == ord("{")]
        return Elements(rows, lambda text: make(_object(text)), before)

    def exact_elements(self, name: str) -> Any:
        """Like `exact`, but the elements of a large array are decoded as in `objects`, and may raise the error then."""
        texts = self._large_array(name)
        return self.exact(name) if texts is None else Elements(texts, _exact_element)

    def _large_array(self, name: str) -> list[msgspec.Raw] | None:
        """The elements of a large array that nobody has decoded yet, None for anything else."""
        raw = self._fields.get(name)
        if raw is None or len(raw) <= LARGE or name in self._values:
            return None
        try:
            return items_of(bytes_of(raw))
        except ValueError:
            return None

    def raw(self, name: str) -> bytes | None:
        """Returns the bytes of a field's value, None if there is no such field."""
        raw = self._fields.get(name)
        return None if raw is None else bytes_of(raw)

    def mentions(self, text: bytes) -> bool:
        """Whether the source, as it was before all changes, contains these bytes."""
        parsed = self._parsed
        if len(parsed) <= LARGE:
            return text in parsed
        return any(parsed.find(text, start, end) >= 0 for start, end in large_json.windows(len(parsed), len(text)))

    def items_of(self, name: str) -> list[msgspec.Raw]:
        """Returns the elements of an array field, each as raw JSON. Raises ValueError if it is not an array."""
        if name not in self._fields:
            raise ValueError(f"{name}: is missing")
        try:
            return items_of(bytes_of(self._fields[name]))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None

    def set(self, name: str, value: Any) -> None:
        """Sets a field. An existing field keeps its position, a new one comes last. `value` may contain
        `msgspec.Raw`."""
        large = len(self._parsed) > LARGE
        self._fields[name] = msgspec.Raw(large_json.written(value, encoded) if large else encoded(value))
        self._values.pop(name, None)
        self._inexact -= {name}
        self._source = None

    def drop(self, name: str) -> None:
        if self._fields.pop(name, None) is not None:
            self._values.pop(name, None)
            self._source = None

    def names(self) -> list[str]:
        """The names of the fields, in order."""
        return list(self._fields)

    def encode(self) -> bytes:
        if self._source is None:
            large = len(self._parsed) > LARGE
            self._source = large_json.written(self._fields, encoded) if large else encoded(self._fields)
        return self._source

    def copy(self) -> Document:
        twin = Document.__new__(Document)
        twin._fields = dict(self._fields)
        twin._source = self._source
        twin._parsed = self._parsed
        twin._values = dict(self._values)
        twin._inexact = self._inexact
        return twin


def may_say_more(source: bytes, value: Any) -> bool:
    """Whether a JSON text could also be read as another value, because an object has a name twice or because it is no
    UTF-8."""
    try:
        if _encode(value) == source:
            return False
    except (UnicodeError, OverflowError, RecursionError):
        pass  # the scan tells
    try:
        _look_for_duplicate_names(
            source.removeprefix(codecs.BOM_UTF8), _scan_names if len(source) <= LARGE else _scan_many_names
        )
    except (ValueError, StopIteration):
        return True
    return False


def _look_for_duplicate_names(source: bytes, scan: Callable[[str, int], Any]) -> None:
    try:
        text = source.decode()
        scan(text, _skip(text, 0))
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
    except ValueError as error:
        raise (ValueError("a number has too many digits") if "set_int_max_str" in str(error) else error) from None


def _decode_large(source: bytes) -> Any:
    return large_json.decoded(source, _decode_any)


def _object(text: bytes) -> Any:
    """The value of an object in an array, {} if it cannot be decoded."""
    try:
        return decoded(text, _decode_large, json.loads)
    except ValueError:
        return {}


def _exact_element(text: bytes) -> Any:
    _numbers.inexact = False
    value = decoded(text, _decode_large, json.loads)
    if _numbers.inexact:
        raise ValueError("a number has more digits than a number can have here")
    return value


def encoded(value: Any) -> bytes:
    """Returns the value as JSON. Half of a surrogate pair is written as an escape. Raises ValueError if the value is
    not possible in JSON."""
    try:
        try:
            return _encode(value)
        except UnicodeEncodeError:
            return json.dumps(value, default=_of_raw).encode()
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None


def _of_raw(value: Any) -> Any:
    if isinstance(value, msgspec.Raw):
        return json.loads(bytes(value))
    raise TypeError(f"{type(value).__name__} is no JSON")


def fields_of(source: bytes) -> dict[str, msgspec.Raw]:
    """Returns the fields of an object, each value as raw JSON. Raises ValueError."""
    return decoded(source, _decode_fields if len(source) <= LARGE else json_cuts.fields, _split)


def items_of(source: bytes) -> list[msgspec.Raw]:
    """Returns the elements of an array, each as raw JSON. Raises ValueError."""
    return decoded(source, _decode_items if len(source) <= LARGE else json_cuts.items, _split_items)


def decoded(source: bytes, decode: Callable[[bytes], _T], lenient: Callable[[str], _T]) -> _T:
    """Returns the result of `decode`. If it fails and the source may contain half of a surrogate pair, returns the
    result of `lenient`, which is slower: JavaScript writes such text when it cuts an emoji, and providers accept it.
    Raises ValueError."""
    try:
        return decode(source)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if not _SURROGATE.search(source):
            raise ValueError(str(error) if source.strip() else "it is empty") from None
    try:
        return lenient(source.decode())
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None


def _split(text: str) -> dict[str, msgspec.Raw]:
    """Returns the fields of an object, each value as raw JSON. Raises ValueError if the text is not one JSON object."""
    if not isinstance(json.loads(text), dict):
        raise ValueError("Expected `object`")
    fields: dict[str, msgspec.Raw] = {}
    position = _skip(text, _skip(text, 0) + 1)
    while text[position] != "}":
        key, end = _scan(text, _skip(text, position + (text[position] == ",")))
        start = _skip(text, _skip(text, end) + 1)
        _, end = _scan(text, start)
        fields[key] = msgspec.Raw(text[start:end].encode())
        position = _skip(text, end)
    return fields


def _split_items(text: str) -> list[msgspec.Raw]:
    """Returns the elements of an array, each as raw JSON. Raises ValueError if the text is not one JSON array."""
    if not isinstance(json.loads(text), list):
        raise ValueError("Expected `array`")
    items: list[msgspec.Raw] = []
    position = _skip(text, _skip(text, 0) + 1)
    while text[position] != "]":
        start = _skip(text, position + (text[position] == ","))
        _, end = _scan(text, start)
        items.append(msgspec.Raw(text[start:end].encode()))
        position = _skip(text, end)
    return items


_scan = json.JSONDecoder().raw_decode


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    assert match is not None
    return match.end()
