"""Brings the events of an answer into the order on which the writers rely, and gives calls the ids and names by which
the client knows them.

Promises: `Started` comes first. A call starts once its name is known, has an id that the conversation does not have
yet, and ends before the next one starts, unless the provider sends pieces of both in turns. Behind the last piece come
the usage, why each choice ended, and `Ended`, each once. A choice ends with calls if and only if it has calls; one that
was cut keeps saying so. A client that asked for one choice gets the first one that comes, as choice 0, and no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from aigw.core.answer import Finish
from aigw.dialects.json_end import JsonEnd
from aigw.dialects.json_values import decoded
from aigw.translation.events import (
    AnswerEvent,
    CallDelta,
    CallEnd,
    CallStart,
    Citation,
    Counted,
    Ended,
    Failed,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingState,
)
from aigw.translation.ids import FreshIds
from aigw.translation.names import Names

_Key = tuple[int, int]
_CALLS = (CallStart, CallDelta, CallEnd)
_Piece = TextDelta | ThinkingDelta | ThinkingState | CallStart | CallDelta | CallEnd | Citation | Finished


class _Open:
    """A call that has started. `held` are its pieces until it ends, if the client's tool takes any text and the
    provider knows it as a function with the one argument `input`."""

    __slots__ = ("begun", "end", "held")

    def __init__(self, *, wrapped: bool) -> None:
        self.end = JsonEnd()
        self.begun = False
        self.held: list[str] | None = [] if wrapped else None

    @property
    def whole(self) -> bool:
        return self.begun and not self.end.open

    def feed(self, text: str) -> None:
        self.begun = self.begun or text.strip() != ""
        self.end.feed(text.encode("utf-8", "surrogatepass"))


class Ordered:
    """Brings events into order. They may come in any batches. `choices` is how many the client asked for, 0 if it gets
    all that come."""

    def __init__(self, ids: FreshIds, names: Names, choices: int = 0) -> None:
        self._ids = ids
        self._names = names
        self._one = choices == 1
        self._first: int | None = None
        """The choice that a client of one gets."""
        self._started = False
        self._ended = False
        self._counted: Counted | None = None
        self._finished: dict[int, Finished] = {}
        self._called: set[int] = set()
        """The choices that have calls."""
        self._unnamed: dict[_Key, list[CallStart | CallDelta]] = {}
        """The pieces of calls whose name is not known yet."""
        self._open: dict[_Key, _Open] = {}
        self._over: set[_Key] = set()

    def take(self, events: Iterable[AnswerEvent]) -> Iterator[AnswerEvent]:
        """Yields what can be written now. Nothing comes behind the end, nor behind a failure."""
        for event in events:
            if self._ended:
                return
            if self._started and type(event) is TextDelta and event.choice == self._first == 0:
                yield event  # nearly all events of most answers
            elif isinstance(event, Started):
                if not self._started:
                    self._started = True
                    yield event
            elif isinstance(event, Failed):
                self._ended = True
                yield event
            elif isinstance(event, Counted):
                self._counted = event
            elif isinstance(event, Ended):
                if not self._started:
                    self._started = True
                    yield Started()
                yield from self._end()
            elif (piece := self._asked_for(event)) is not None:
                yield from self._take(piece)

    def _asked_for(self, event: _Piece) -> _Piece | None:
        if self._first is None:
            self._first = event.choice
        if not self._one or event.choice == self._first == 0:
            return event
        return msgspec.structs.replace(event, choice=0) if event.choice == self._first else None

    def _take(self, event: _Piece) -> Iterator[AnswerEvent]:
        if isinstance(event, Finished):
            self._finished[event.choice] = event
            return
        if not self._started:
            self._started = True
            yield Started()
        if isinstance(event, _CALLS):
            yield from self._call(event)
        else:
            yield event

    def _call(self, event: CallStart | CallDelta | CallEnd) -> Iterator[AnswerEvent]:
        key = (event.choice, event.key)
        if key in self._over:
            return
        if isinstance(event, CallEnd):
            yield from self._close(key)
        elif isinstance(event, CallStart):
            yield from self._start(key, event)
        elif key in self._open:
            yield from self._piece(key, event)
        else:
            self._unnamed.setdefault(key, []).append(event)

    def _start(self, key: _Key, event: CallStart) -> Iterator[AnswerEvent]:
        if key in self._open:
            return
        if not event.name:
            self._unnamed.setdefault(key, []).append(event)
            return
        for other in [other for other, call in self._open.items() if other[0] == event.choice and call.whole]:
            yield from self._close(other)
        held = self._unnamed.pop(key, [])
        id = event.id or next((each.id for each in held if isinstance(each, CallStart) and each.id), "")
        tool = self._names.tool(event.name)
        self._called.add(event.choice)
        self._open[key] = _Open(wrapped=tool.custom and not event.custom)
        id, custom = self._ids.fresh(id), tool.custom or event.custom
        yield CallStart(event.key, id, tool.name, event.choice, custom, tool.namespace, event.state)
        for each in held:
            if isinstance(each, CallDelta):
                yield from self._piece(key, each)

    def _piece(self, key: _Key, event: CallDelta) -> Iterator[AnswerEvent]:
        call = self._open[key]
        call.feed(event.text)
        if call.held is not None:
            call.held.append(event.text)
        elif event.text:
            yield event

    def _close(self, key: _Key) -> Iterator[AnswerEvent]:
        call = self._open.pop(key, None)
        if call is not None:
            self._over.add(key)
            if call.held is not None:
                yield CallDelta(key[1], unwrapped_input("".join(call.held)), key[0])
            yield CallEnd(key[1], key[0])

    def _end(self) -> Iterator[AnswerEvent]:
        self._ended = True
        for key in list(self._open):
            yield from self._close(key)
        if self._counted is not None:
            yield self._counted
        for choice in sorted({0, *self._called, *self._finished}):
            given = self._finished.get(choice) or Finished("stop", choice=choice)
            if given.reason in ("", "stop", "tool_calls"):
                reason: Finish = "tool_calls" if choice in self._called else "stop"
                given = Finished(reason, given.stop, choice)
            yield given
        yield Ended()


def unwrapped_input(arguments: str) -> str:
    """Returns the text in `{"input": text}`. Anything else stays as it is, because guessing would break more than it
    mends."""
    try:
        given = decoded(arguments.encode("utf-8", "surrogatepass"))
    except ValueError:
        return arguments
    text = given.get("input") if isinstance(given, dict) else None
    return text if isinstance(text, str) else arguments
