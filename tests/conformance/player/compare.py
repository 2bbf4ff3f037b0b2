"""Comparing what was seen with what a case expects.

JSON is compared as values. "<int>" and the like stand for any value of their kind, inside a text for that part of it.
Server-sent events are compared one by one: the framing exactly, the JSON of a data line as a value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from player.mismatch import Mismatch, differ, require

KINDS = {"int": int, "float": float, "number": (int, float), "bool": bool, "str": str, "list": list, "object": dict}
PLACEHOLDER = re.compile(
    r"<(int|float|number|bool|str|list|object|any|signed|uuid|check-script|(\d+) hex|(\d+) chars|(\d+) bytes of '(.)')>"
)
EVENT_START = re.compile(r"(data|event|id|retry)?:")


def compare_value(where: str, expected: Any, got: Any) -> None:
    """Raises Mismatch at the first difference, with its path."""
    if isinstance(expected, dict) and isinstance(got, dict):
        require(expected.keys() == got.keys(), f"{where}: keys\n  expected: {list(expected)}\n  got:      {list(got)}")
        for key, value in expected.items():
            compare_value(f"{where}.{key}", value, got[key])
    elif isinstance(expected, list) and isinstance(got, list):
        require(len(expected) == len(got), f"{where}: length\n  expected: {expected!r}\n  got:      {got!r}")
        for index, pair in enumerate(zip(expected, got, strict=True)):
            compare_value(f"{where}[{index}]", *pair)
    elif not _same(expected, got):
        raise differ(where, expected, got)


def _same(expected: Any, got: Any) -> bool:
    if isinstance(expected, str) and (kind := PLACEHOLDER.fullmatch(expected)):
        if kind[1] == "any":
            return True
        if kind[1] in KINDS:
            return isinstance(got, KINDS[kind[1]]) and (kind[1] == "bool" or not isinstance(got, bool))
    if isinstance(expected, str) and isinstance(got, str):
        return matches(expected, got)
    return isinstance(expected, bool) == isinstance(got, bool) and expected == got


def matches(expected: str, got: str) -> bool:
    """Whether a text is the expected one, placeholders inside standing for the parts that vary."""
    if expected == got:
        return True
    if not PLACEHOLDER.search(expected):
        return False
    pattern, end = "", 0
    for found in PLACEHOLDER.finditer(expected):
        pattern += re.escape(expected[end : found.start()]) + _pattern(found)
        end = found.end()
    return re.fullmatch(pattern + re.escape(expected[end:]), got, re.DOTALL) is not None


def _pattern(found: re.Match[str]) -> str:
    if found[2]:
        return f"[0-9a-f]{{{found[2]}}}"
    if found[3]:
        return f".{{{found[3]}}}"
    if found[4]:
        return re.escape(found[5] * int(found[4]))
    return {"int": r"-?\d+", "uuid": "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"}.get(found[1], ".+")


def compare_body(where: str, expected: Any, got: bytes, sent: bytes) -> None:
    """`expected` is JSON, "unchanged" (= `sent`, byte for byte), "absent", `form name=JSON`, events, or a text."""
    if expected == "unchanged":
        if got != sent:
            raise differ(f"{where} is not unchanged", sent, got)
    elif expected == "absent":
        require(not got, f"{where}: expected none, got {got!r}")
    elif not isinstance(expected, str):
        compare_value(where, expected, _json(where, got))
    elif expected.startswith("form "):
        name, _, value = expected[len("form ") :].partition("=")
        fields = parse_qs(got.decode(errors="replace"), strict_parsing=True)
        require(list(fields) == [name], f"{where}: form fields {list(fields)}, expected {name}")
        compare_value(f"{where}.{name}", json.loads(value), _json(f"{where}.{name}", fields[name][0]))
    elif EVENT_START.match(expected):
        compare_events(where, expected, got.decode(errors="replace"))
    elif not matches(expected, got.decode(errors="replace")):
        raise differ(where, expected, got.decode(errors="replace"))


def _json(where: str, text: bytes | str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Mismatch(f"{where}: expected JSON, got {text!r}") from None


def compare_events(where: str, expected: str, got: str) -> None:
    """Event by event. Go writes < as \\u003c: as values these are the same."""
    wanted, came = split_events(expected), split_events(got)
    for index, (one, other) in enumerate(zip(wanted, came, strict=False)):
        _compare_event(f"{where} event {index + 1}", one, other)
    require(
        len(wanted) == len(came),
        f"{where}: {len(came)} events, expected {len(wanted)}; the rest: {came[len(wanted) :] or wanted[len(came) :]}",
    )


def split_events(text: str) -> list[str]:
    """Events with the line ends that follow them."""
    return re.findall(r".+?(?:\n\n+|\Z)", text, re.DOTALL)


def _compare_event(where: str, expected: str, got: str) -> None:
    wanted, came = expected.split("\n"), got.split("\n")
    if len(wanted) != len(came):
        raise differ(where, expected, got)
    for one, other in zip(wanted, came, strict=True):
        field = re.match(r"data: ?", one)
        if field and one[field.end() :].startswith(("{", "[{")):
            if not other.startswith(field[0]) or other[field.end() :][:1] != one[field.end()]:
                raise differ(where, expected, got)
            compare_value(where, json.loads(one[field.end() :]), _json(where, other[field.end() :]))
        elif not matches(one, other):
            raise differ(where, expected, got)


def compare_header(where: str, expected: str | None, got: str | None) -> None:
    """`expected` is a value or "absent"; an empty value is an empty header."""
    if expected == "absent":
        require(got is None, f"{where}: expected none, got {got!r}")
    elif got is None or not matches(str(expected), got):
        raise differ(where, expected, got)


def compare_headers(where: str, expected: Mapping[str, Any], got: Mapping[str, str]) -> None:
    """Every header that is named; others may be there."""
    for name, value in expected.items():
        compare_header(f"{where} {name}", value, got.get(name.lower()))
