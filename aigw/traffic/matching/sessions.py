"""Finds the conversation to which a call belongs: by the name that a client gives it, or because it goes on where an
earlier call ended.

A request that contains an answer of the model continues the request with the turns before that answer. If there are
several such requests, it continues the one with the same answer and ids of calls, with the same instructions, and that
no other request has continued yet."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

from aigw.core.answer import ToolCall
from aigw.core.dialect import Turn
from aigw.core.headers import CONVERSATION_HEADERS
from aigw.traffic.format.call import Begun, Sent
from aigw.traffic.format.folding import dialect_named
from aigw.traffic.format.recording import Call, Folded
from aigw.traffic.volatility.client_ids import session_in

MAX_KEPT = 20_000
"""How many places in conversations are remembered. The oldest are forgotten first."""

MAX_ALIKE = 500
"""How many places are remembered for equal requests: the latest ones."""


@dataclass(slots=True, eq=False)
class Conversation:
    """The calls that belong together. `number` counts the conversations of a run from 1; 0 is for all calls without
    turns, such as embeddings. `calls` is how many it has so far."""

    number: int
    name: str = ""
    calls: int = 0


class _Answer(NamedTuple):
    """An answer of the model: a digest of it, and the ids of its calls."""

    digest: str
    ids: tuple[str, ...]


@dataclass(slots=True, eq=False)
class _Place:
    """A request in a conversation: its instructions, its answer once that is known, and how many requests have
    continued it."""

    conversation: Conversation
    instructions: bytes = b""
    answer: _Answer | None = None
    continued: int = 0


class Conversations:
    """The conversations of a run. Give it the calls in the order in which they begin. `shown` makes of the name that a
    client gives one what may be written down."""

    def __init__(self, first: int = 1, shown: Callable[[str], str] = str) -> None:
        self._next = first
        self._shown = shown
        self._named: dict[str, Conversation] = {}
        self._without_turns = Conversation(0)
        self._by_exchange: OrderedDict[str, _Place] = OrderedDict()
        self._by_place: OrderedDict[bytes, list[_Place]] = OrderedDict()

    def of(self, begun: Begun) -> Conversation:
        """Returns the conversation of a call, and counts the call."""
        place = self._by_exchange.get(begun.exchange) if begun.exchange else None
        if place is None:
            place = self._found(begun.client or begun.sent, begun)
            if begun.exchange:
                self._by_exchange[begun.exchange] = place
                _forget(self._by_exchange)
        place.conversation.calls += 1
        return place.conversation

    def answered(self, begun: Begun, answer: Folded) -> None:
        """Notes the answer of a call, by which a request that continues the call is recognized."""
        if begun.dialect and (place := self._by_exchange.get(begun.exchange)) is not None:
            place.answer = _answer("\n".join(answer.text), answer.calls)

    def _found(self, client: Sent, begun: Begun) -> _Place:
        if name := name_of(client):
            if name not in self._named:
                self._named[name] = self._new(name)
            return _Place(self._named[name])
        turns = _turns(client, begun)
        if not turns:
            return _Place(self._without_turns)
        instructions, digests = _places(turns)
        found = _Place(self._parent(instructions, digests[:-1], turns) or self._new(), instructions)
        alike = self._by_place.setdefault(digests[-1], [])
        alike.append(found)
        del alike[:-MAX_ALIKE]
        _forget(self._by_place)
        return found

    def _parent(self, instructions: bytes, digests: Sequence[bytes], turns: Sequence[Turn]) -> Conversation | None:
        """Returns the conversation that these turns continue. `digests` are of the places before each answer."""
        answers = [_answer(turn.text, turn.calls) for turn in turns if turn.role == "assistant"]
        for digest, answer in zip(reversed(digests), reversed(answers), strict=True):
            if places := self._by_place.get(digest):
                place = max(reversed(places), key=lambda place: _fit(place, instructions, answer))
                place.continued += 1
                return place.conversation
        return None

    def _new(self, name: str = "") -> Conversation:
        self._next += 1
        return Conversation(self._next - 1, self._shown(name))


def name_of(client: Sent) -> str:
    """Returns what the client calls its session, "" if it gives it no name."""
    headers = {name.lower(): value for name, value in client.headers}
    return next((headers[name] for name in CONVERSATION_HEADERS if headers.get(name)), "") or session_in(client.body)


def _turns(client: Sent, begun: Begun) -> Sequence[Turn]:
    if not begun.asked:
        return ()
    try:
        return [turn for turn in dialect_named(begun.asked).asked(client.request(), begun.api).turns if turn.role]
    except ValueError:
        return ()


def _places(turns: Sequence[Turn]) -> tuple[bytes, list[bytes]]:
    """Returns a digest of the instructions, and digests of the conversation before each answer of the model and as a
    whole. Instructions are apart, because clients put the time into them."""
    instructions, running = blake2b(digest_size=16), blake2b(digest_size=16)
    places = []
    for turn in turns:
        if turn.role == "system":
            instructions.update(_material(turn))
            continue
        if turn.role == "assistant":
            places.append(running.digest())
        running.update(_material(turn))
    return instructions.digest(), [*places, running.digest()]


def _material(turn: Turn) -> bytes:
    calls = [(call.name, call.arguments) for call in turn.calls]
    return repr((turn.role, turn.texts, calls)).encode("utf-8", "surrogatepass")


def _answer(text: str, calls: Sequence[Call | ToolCall]) -> _Answer:
    """Clients write the arguments of calls in their own way."""
    material = repr((text.strip(), [(call.name, _plain(call.arguments)) for call in calls]))
    digest = blake2b(material.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return _Answer(digest, tuple([call.id for call in calls]))


def _plain(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return arguments


def _fit(place: _Place, instructions: bytes, answer: _Answer) -> tuple[int, bool, int]:
    if place.answer is None:
        known = 1
    else:
        known = 2 + (place.answer.ids == answer.ids) if place.answer.digest == answer.digest else 0
    return known, place.instructions == instructions, -place.continued


def _forget(kept: OrderedDict[Any, Any]) -> None:
    while len(kept) > MAX_KEPT:
        kept.popitem(last=False)
