"""HTTP messages as text, as models read and write them: `name:value` lines, a blank line, the body. The method, the
path and the status are lines, too: `:method:GET`. Sans-io.

Rule: what cannot be read raises NotHttpError, which says why and quotes nothing; nothing of it is guessed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Headers = Sequence[tuple[str, str]]

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""The name of a header (RFC 9110 5.6.2)."""
UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_STATUS_LINE = re.compile(r"HTTP/\d(?:\.\d)? (\d{3})(?: .*)?")
_REQUEST_LINE = re.compile(r"([A-Z]+) (/\S*) HTTP/\d(?:\.\d)?")
_FENCE = re.compile(r"```[\w-]*[ \t]*\r?\n")


class NotHttpError(Exception):
    """This is no HTTP message. `str(error)` says what is wrong with it."""


class HttpText(NamedTuple):
    """An HTTP message as text. `start` has `:method` and `:path`, or `:status`."""

    start: Mapping[str, str]
    headers: Headers
    body: str


def write(start: Mapping[str, str], headers: Iterable[tuple[str, str]], body: str) -> str:
    head = "".join(f"{name}:{value}\n" for name, value in (*start.items(), *headers))
    return f"{head}\n{body}"


def read(text: str) -> HttpText:
    """Reads what a model wrote. It may stand between marks of Markdown, and begin with the first line of HTTP/1.1."""
    rest = _unfenced(text.lstrip("\ufeff \t\r\n"))
    start: dict[str, str] = {}
    headers: list[tuple[str, str]] = []
    for number in itertools.count(1):
        line, end, rest = rest.partition("\n")
        line = line.rstrip("\r")
        if not end and (line.strip() or start or headers):
            raise NotHttpError("it has no blank line behind its headers")
        if not line.strip():
            break
        found = _first_line(line) if number == 1 else None
        if found is None:
            name, value = _field(line, number)
            found = {name: value} if name.startswith(":") else {}
            headers += [] if found else [(name, value.strip())]
        start.update({name: value.strip() for name, value in found.items()})
    if not start and not headers:
        raise NotHttpError("it is empty")
    return HttpText(start, headers, rest)


def read_as_higress(text: str) -> HttpText:
    """Reads it as Higress does: values keep their blanks, and nothing but lines with a colon is a header."""
    head, blank, body = text.partition("\n\n")
    if not blank:
        raise NotHttpError("it has no blank line behind its headers")
    start: dict[str, str] = {}
    headers: list[tuple[str, str]] = []
    for number, line in enumerate(head.split("\n"), start=1):
        name, value = _field(line, number)
        if name.startswith(":"):
            start[name] = value
        else:
            headers.append((name, value))
    return HttpText(start, headers, body)


def unfenced_body(text: str) -> str:
    """Returns a body without a Markdown fence around it. If the closing fence is missing, the body stays as it is."""
    inside = text.strip()
    opening = _FENCE.match(inside)
    if opening is None or not inside.endswith("\n```"):
        return text
    return inside[opening.end() : -len("\n```")]


def _unfenced(text: str) -> str:
    opening = _FENCE.match(text)
    if opening is None:
        return text
    inside, closing, _ = text[opening.end() :].rpartition("\n```")
    if not closing:
        raise NotHttpError("it is cut off")
    return inside.lstrip("\r\n") if "\n" in inside else f"{inside}\n"


def _first_line(line: str) -> dict[str, str] | None:
    if status := _STATUS_LINE.fullmatch(line):
        return {":status": status[1]}
    if request := _REQUEST_LINE.fullmatch(line):
        return {":method": request[1], ":path": request[2]}
    return None


def _field(line: str, number: int) -> tuple[str, str]:
    """The name in lower case, and the value with its blanks."""
    colon = line.find(":", 1)
    name, value = line[:colon].lower(), line[colon + 1 :]
    if colon < 0 or not TOKEN.fullmatch(name.removeprefix(":")) or UNSAFE.search(value):
        raise NotHttpError(f"line {number} is no header")
    return name, value
