"""Finds out to which tool call of a choice a piece of a stream belongs.

Rule: the pieces of a call have the same index. A piece without an index has that of its place in the event. Some
providers (Gemini among them) give all parallel calls the same index, or none. Then a piece with another name begins
another call, and so does a piece with a name and another id. A piece that only repeats the name continues the call,
because some providers repeat it in every piece; but if calls have no ids, a piece after complete arguments begins
another call of the same function. An id alone says nothing, because some providers change it within a call."""

from __future__ import annotations

from typing import Any

from aigw.dialects.json_end import JsonEnd
from aigw.dialects.view import index_of, text_of

Json = dict[str, Any]
_ARGUMENTS = {"function": "arguments", "custom": "input"}
"""For each kind of call, the name of the field with its arguments."""


class _Call:
    """A call so far. The arguments of a custom tool may be any text, so that their end cannot be seen."""

    __slots__ = ("_arguments", "_begun", "id", "name")

    def __init__(self, id: str) -> None:
        self.id = id
        self.name = ""
        self._arguments = JsonEnd()
        self._begun = False

    def take(self, piece: Json) -> None:
        name, arguments = content_of(piece) or ("", "")
        self.name = text_of(name) or self.name
        if "function" in piece and (text := text_of(arguments)):
            self._begun = self._begun or text.strip() != ""
            self._arguments.feed(text.encode("utf-8", "surrogatepass"))

    def is_followed_by(self, piece: Json) -> bool:
        """Whether a piece whose id, or lack of one, does not tell begins another call."""
        name, arguments = content_of(piece) or ("", "")
        if not text_of(name) or not self.name:
            return False
        whole = not self.id and self._begun and not self._arguments.open
        return name != self.name or (whole and text_of(arguments).strip() != "")


class CallNumbers:
    """Numbers the calls of one choice in the order in which they begin."""

    __slots__ = ("_by_id", "_calls", "_latest")

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        """All calls so far. A call's number is its index here."""
        self._by_id: dict[str, int] = {}
        self._latest: dict[int, int] = {}
        """For each index on the wire, the number of the call to which its next piece belongs."""

    def number_of(self, piece: Json, position: int) -> int:
        """The number of the call of which this is a piece. `position` is the place of the piece in its event. Give each
        piece once, in order."""
        index = index_of(piece, position)
        number = self._latest[index] = self._found(piece, index, text_of(piece.get("id")))
        self._calls[number].take(piece)
        return number

    def _found(self, piece: Json, index: int, id: str) -> int:
        number = self._latest.get(index)
        if number is None:
            return self._begin(id)
        if id and self._calls[number].id not in ("", id):
            if id in self._by_id:
                number = self._by_id[id]
            elif (content := content_of(piece)) is not None and content[0]:
                return self._begin(id)
            else:
                return number
        call = self._calls[number]
        if call.is_followed_by(piece):
            return self._begin(id)
        if id and not call.id:
            call.id, self._by_id[id] = id, number
        return number

    def _begin(self, id: str) -> int:
        number = len(self._calls)
        self._calls.append(_Call(id))
        if id:
            self._by_id[id] = number
        return number


def content_of(call: Json) -> tuple[Any, Any] | None:
    """Returns the name and the arguments in a call or in a piece of one, None if it is of no known kind."""
    for kind, arguments in _ARGUMENTS.items():
        if isinstance(content := call.get(kind), dict):
            return content.get("name"), content.get(arguments)
    return None
