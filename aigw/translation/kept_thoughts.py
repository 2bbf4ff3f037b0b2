"""Keeps the reasoning in front of calls for clients whose format has no place for it: they send a call back without the
state that its maker wants to see again.

Rule: it belongs to one consumer, to one call, and to what the user had asked, because some providers use the same id in
each conversation. The oldest goes when there is too much; without it the model does not think in that turn."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from aigw.core.pace import resting
from aigw.translation.envelope import is_sealed
from aigw.translation.events import AnswerEvent, CallStart, Ended, ThinkingDelta, ThinkingState
from aigw.translation.hub import Call, Message, Part, Thinking

MOST = 16 * 1024 * 1024
"""How many characters are kept for one provider."""
MOST_QUESTIONS = 4
"""Under so many questions an answer is kept at most."""
_OTHERS = re.compile(r"[^0-9A-Za-z]+")
_ENTRY = 500
"""How many bytes an entry takes beside its texts."""


class KeptThought(NamedTuple):
    """The reasoning in front of a call, and the state of the call itself."""

    thoughts: tuple[Thinking, ...]
    state: str

    @property
    def size(self) -> int:
        return _ENTRY + len(self.state) + sum(len(each.text) + len(each.state) for each in self.thoughts)


class Kept(Protocol):
    """Where reasoning is kept, by the keys of `key_of`."""

    def get(self, key: bytes) -> KeptThought | None: ...

    def put(self, key: bytes, kept: KeptThought) -> None: ...


class KeptThoughts:
    """The kept reasoning of all conversations with one provider, in memory."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._size = 0
        self._entries: OrderedDict[bytes, KeptThought] = OrderedDict()

    def put(self, key: bytes, kept: KeptThought) -> None:
        if (old := self._entries.pop(key, None)) is not None:
            self._size -= old.size
        self._entries[key] = kept
        self._size += kept.size
        while self._size > self._most:
            _, oldest = self._entries.popitem(last=False)
            self._size -= oldest.size

    def get(self, key: bytes) -> KeptThought | None:
        if (found := self._entries.get(key)) is not None:
            with suppress(KeyError):  # a large request is read in a thread, while another one's answer is kept
                self._entries.move_to_end(key)
        return found


class Recall:
    """The kept reasoning for one request of `consumer`. `messages` are as the client sent them."""

    def __init__(self, kept: Kept, consumer: str, messages: Sequence[Message]) -> None:
        self._kept = kept
        self._consumer = consumer
        self._messages = messages
        self._questions = questions_of(messages)
        self._thoughts: dict[int, list[Thinking]] = {}
        """For each choice, the reasoning since its last call."""
        self._words: dict[int, list[str]] = {}
        self._found: list[tuple[str, KeptThought]] = []

    def messages(self) -> tuple[Message, ...]:
        """Returns the messages with the reasoning that the client did not send back. Call it once."""
        question, out = "", list[Message]()
        messages, self._messages = self._messages, ()
        for message in resting(messages):
            out.append(self._recalled(message, question) if message.calls else message)
            question = _question(message) or question
        return tuple(out)

    def _recalled(self, message: Message, question: str) -> Message:
        if any(isinstance(part, Thinking) and is_sealed(part.state) for part in message.parts):
            return message
        parts: list[Part] = []
        first: list[Part] = []
        found = False
        for part in message.parts:
            kept = self._kept.get(self._key(part.id, question)) if isinstance(part, Call) else None
            if isinstance(part, Call) and kept is not None:
                (parts if found else first).extend(kept.thoughts)
                found = True
                part = replace(part, state=part.state or kept.state)
            parts.append(part)
        if not found:
            return message
        own = [part for part in parts if not isinstance(part, Thinking) or is_sealed(part.state)]
        return Message(message.role, (*first, *own))

    def watch(self, event: AnswerEvent) -> None:
        """Takes an event of the answer, as the client gets it."""
        match event:
            case ThinkingDelta():
                self._words.setdefault(event.choice, []).append(event.text)
            case ThinkingState():
                text = "".join(self._words.pop(event.choice, ()))
                if event.state:
                    thought = Thinking("" if event.redacted else text, event.state, event.redacted)
                    self._thoughts.setdefault(event.choice, []).append(thought)
            case CallStart():
                kept = KeptThought(tuple(self._thoughts.pop(event.choice, ())), event.state)
                if kept.thoughts or kept.state:
                    self._found.append((event.id, kept))
            case Ended():
                self._keep()

    def _keep(self) -> None:
        for id, kept in self._found:
            for question in self._questions:
                self._kept.put(self._key(id, question), kept)

    def _key(self, id: str, question: str) -> bytes:
        return key_of(self._consumer, id, question)


class _Turn(Protocol):
    """A turn of a conversation, in the format of a client or in none."""

    @property
    def role(self) -> str: ...

    @property
    def text(self) -> str: ...

    @property
    def calls(self) -> Sequence[object]: ...


def key_of(consumer: str, id: str, question: str) -> bytes:
    """Returns the key under which the reasoning in front of a call is kept, for one of `questions_of`. Some agents take
    all but letters and digits out of an id."""
    id = _OTHERS.sub("", id) or id
    digest = blake2b(digest_size=16)
    for text in (consumer, id, question):
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()


def questions_of(messages: Sequence[_Turn]) -> list[str]:
    """Returns the words of the user since the last answer without calls, the newest first, "" if there are none. Any of
    them may be the last ones in front of the answer when the client sends it back: a plugin may have added the others,
    and adds them again in another place."""
    asked: list[str] = []
    for message in reversed(messages):
        if (message.role == "assistant" and not message.calls) or len(asked) == MOST_QUESTIONS:
            break
        if text := _question(message):
            asked.append(text)
    return asked or [""]


def _question(message: _Turn) -> str:
    """Returns the words of the user, "" if this is no message of the user or has only results."""
    return message.text if message.role == "user" else ""
