"""Which tool call of a chat's choice a piece of a stream belongs to.

Rule: pieces of one call have one index; one without an index has that of its place in the event. A piece with a name
and another id begins another call all the same, because some providers (Gemini among them) give all parallel calls one
index, or none. An id alone does not tell: some providers change it within a call."""

from __future__ import annotations

from typing import Any

from aigw.dialects.view import index_of, text_of

Json = dict[str, Any]
_ARGUMENTS = {"function": "arguments", "custom": "input"}
"""By kind of call: the name of its arguments."""


class CallNumbers:
    """Numbers the calls of one choice in the order in which they begin."""

    __slots__ = ("_by_id", "_ids", "_latest")

    def __init__(self) -> None:
        self._ids: list[str] = []
        """By number."""
        self._by_id: dict[str, int] = {}
        self._latest: dict[int, int] = {}
        """By index: the number of the call that goes on there."""

    def number_of(self, piece: Json, position: int) -> int:
        """The number of the call of which this is a piece. `position` is the place of the piece in its event."""
        index, id = index_of(piece, position), text_of(piece.get("id"))
        number = self._latest.get(index)
        if number is None:
            number = self._begin(id)
        elif id and not self._ids[number]:
            self._ids[number] = id
            self._by_id.setdefault(id, number)
        elif id and self._ids[number] != id:
            if id in self._by_id:
                number = self._by_id[id]
            elif (content := content_of(piece)) is not None and content[0]:
                number = self._begin(id)
        self._latest[index] = number
        return number

    def _begin(self, id: str) -> int:
        number = len(self._ids)
        self._ids.append(id)
        if id:
            self._by_id.setdefault(id, number)
        return number


def content_of(call: Json) -> tuple[Any, Any] | None:
    """The name and the arguments that stand in a call, or in a piece of one; None where it is of no known kind."""
    for kind, arguments in _ARGUMENTS.items():
        if isinstance(content := call.get(kind), dict):
            return content.get("name"), content.get(arguments)
    return None
