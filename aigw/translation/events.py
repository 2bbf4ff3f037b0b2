"""The events of an answer in no wire format, between the reader of one format and the writer of another.

Rule: a reader yields them as the provider sends them; `ordered` brings them into the order on which writers rely. All
of an answer goes this way, also one that is no stream: its dialect makes events of it."""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct

from aigw.core.answer import Failure, Finish
from aigw.core.model import Chunk
from aigw.core.tokens import Tokens


class Started(Struct, frozen=True):
    """The answer begins. `tokens` is the usage that is known by then."""

    id: str = ""
    model: str = ""
    tokens: Tokens | None = None


class TextDelta(Struct, frozen=True):
    text: str
    choice: int = 0
    refusal: bool = False


class ThinkingDelta(Struct, frozen=True):
    text: str
    choice: int = 0


class ThinkingState(Struct, frozen=True):
    """Ends a piece of reasoning, with the state that its maker wants back. `redacted`: it had no text."""

    state: str
    redacted: bool = False
    choice: int = 0


class CallStart(Struct, frozen=True):
    """A call begins. `key` tells the calls of one answer apart. `state` is as in `hub.Call`."""

    key: int
    id: str
    name: str
    choice: int = 0
    custom: bool = False
    namespace: str = ""
    state: str = ""


class CallDelta(Struct, frozen=True):
    """A piece of the arguments of a call."""

    key: int
    text: str
    choice: int = 0


class CallEnd(Struct, frozen=True):
    key: int
    choice: int = 0


class Citation(Struct, frozen=True):
    """Where a text is from: `title` and `url`, "" if there is none."""

    url: str
    title: str = ""
    choice: int = 0


class Counted(Struct, frozen=True):
    """The usage so far."""

    tokens: Tokens


class Finished(Struct, frozen=True):
    """A choice ends. `stop` is the stop sequence that ended it, "" if it is not known."""

    reason: Finish
    stop: str = ""
    choice: int = 0


class Ended(Struct, frozen=True):
    """The answer is over."""


class Failed(Struct, frozen=True):
    """The provider reports a failure. Nothing follows."""

    failure: Failure


AnswerEvent = (
    Started | TextDelta | ThinkingDelta | ThinkingState | CallStart | CallDelta | CallEnd | Citation | Counted
    | Finished | Ended | Failed
)  # fmt: skip


class StreamReader(Protocol):
    """Reads the events of a provider's stream, sans-io."""

    def feed(self, chunk: Chunk) -> list[AnswerEvent]:
        """Takes an event that has data. Never raises."""
        ...

    def end(self) -> list[AnswerEvent]:
        """Ends a stream that was complete."""
        ...


class StreamWriter(Protocol):
    """Writes the events of a stream for a client, sans-io. It gets events in the order that `ordered` promises, and
    never `Failed`."""

    bears_comments: bool
    """Whether the client's SDKs take a comment line between events."""

    def write(self, event: Any) -> list[Chunk]: ...
