"""Finds the strings in a part of an answer, and puts others in their places."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from aigw.core.answer import AnswerText
from aigw.core.document import may_say_more
from aigw.core.json_path import JsonPath
from aigw.core.model import Chunk
from aigw.dialects.sse import Event, rewritten

_BESIDE = "logprobs"
"""The field that spells out the text again, beside it or beside the message or delta that it stands in."""
NO_CHOICE = -1
"""The choice of a text that belongs to no choice. Such a text does not end another one."""
LONG_NUMBER = 10**7
"""The number from which on it may be somebody's, such as that of a card."""


_REASONING = "reasoning"
_DETAILS = "reasoning_details"
"""The field that has the reasoning again, beside the fields whose names begin with the word."""
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
"""A name of a member that is no text, but one of a schema."""


class MemberName(str):
    """The last step of a path that leads to the name of a member, not to its value."""

    __slots__ = ()


def rewrite(chunk: Chunk, texts: Iterable[tuple[AnswerText, str]]) -> Chunk:
    """Returns a chunk with other texts, and without the log probabilities of the old ones."""
    body = before = chunk.json()
    copies: set[int] = set()
    for place, text in texts:
        if text != place.text:
            if not place.path:
                return _with_text(chunk, text)
            body = _put(body, place.path, text, copies)
    return chunk if body is before else rewritten(chunk, body)


def as_read(chunk: Chunk) -> Chunk:
    """Returns a chunk that contains only what was read here. If a name stands twice, other readers might take its other
    value."""
    body = chunk.json()
    return rewritten(chunk, body) if body is not None and may_say_more(chunk.data or b"", body) else chunk


def unread(chunk: Chunk) -> Sequence[AnswerText]:
    """Returns the text of a piece that is not JSON: a plain text, or a comment in a stream."""
    data = chunk.raw if chunk.data is None else chunk.data
    if chunk.json() is not None or not data.strip() or data == b"[DONE]" or b"\0" in data:
        return ()
    return (AnswerText((), data.decode("utf-8", "replace"), choice=NO_CHOICE),)


def leaves(path: JsonPath, value: Any, choice: int = 0) -> Iterator[AnswerText]:
    """Yields the texts in a value, such as the arguments of a call: strings, long numbers, and names of members that
    are no identifiers. A name comes after its value."""
    waiting: list[tuple[JsonPath, Any]] = [(path, value)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, str):
            yield AnswerText(place, value, choice=choice)
        elif isinstance(value, dict):
            for name, each in reversed(value.items()):
                named = [] if IDENTIFIER.fullmatch(name) else [((*place, MemberName(name)), name)]
                waiting += [*named, ((*place, name), each)]
        elif isinstance(value, list):
            waiting += [((*place, index), each) for index, each in reversed(list(enumerate(value)))]
        elif isinstance(value, int) and abs(value) >= LONG_NUMBER:
            yield AnswerText(place, str(value), choice=choice)


def named(path: JsonPath, value: Any, names: Collection[str], choice: int = NO_CHOICE) -> Iterator[AnswerText]:
    """Yields the strings in a value that are members of these names, or in lists of such a name."""
    for each in leaves(path, value, choice):
        name = next((step for step in reversed(each.path) if isinstance(step, str)), "")
        if name in names and not isinstance(name, MemberName):
            yield each


def _with_text(chunk: Chunk, text: str) -> Chunk:
    """A piece that is no JSON, with another text."""
    data = text.encode("utf-8", "replace")
    if chunk.raw is chunk.data:
        return Chunk(data, data)
    return Event(b"".join(b"data: %b\n" % line for line in data.split(b"\n")) + b"\n" if chunk.data else b":\n\n")


def _put(value: Any, path: JsonPath, text: str, copies: set[int]) -> Any:
    """Puts a text into a copy of the value. `copies` are the ids of lists and objects that are copies already."""
    if not path:
        return text
    step, rest = path[0], path[1:]
    if isinstance(step, MemberName):
        return {text if name == step else name: each for name, each in value.items()}
    made = value if id(value) in copies else value.copy()
    copies.add(id(made))
    if isinstance(made, dict):
        if made.get(_BESIDE) and step != _BESIDE:
            made[_BESIDE] = [] if isinstance(made[_BESIDE], list) else None
        if str(step).startswith(_REASONING) and _spelled(made.get(_DETAILS)) == made[step]:
            made[_DETAILS] = []
    made[step] = _put(made[step], rest, text, copies)
    return made


def _spelled(details: Any) -> str:
    rows = details if isinstance(details, list) else ()
    return "".join(str(row.get("text") or row.get("summary") or "") for row in rows if isinstance(row, dict))
