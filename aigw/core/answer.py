"""The protocols of the answers in a wire format: what reads one, and what writes one that aigw itself makes.

Rule: a reader sees all that the provider sent, once, while it passes through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from aigw.core.json_path import JsonPath
from aigw.core.model import Batch, Chunk
from aigw.core.tokens import Tokens

Finish = Literal["", "stop", "length", "tool_calls", "content_filter", "error"]
"""Why an answer ended, in OpenAI's words. "" means that it has not ended, or that it gave no reason."""


class ToolCall(NamedTuple):
    """A call of a tool by the model. `arguments` is JSON text: as it is on the wire, or encoded from the object that is
    on the wire."""

    name: str
    arguments: str
    id: str = ""


class AnswerText(NamedTuple):
    """A text in an answer, and its path in the event, plain body or array element that has it. `slot` names the text of
    which this is the next piece, such as "call 1"; "" if the text is complete. Texts of different choices are never
    pieces of one text, even with the same slot. `kind` is "call" for a piece of the JSON text of a call's arguments."""

    path: JsonPath
    text: str
    kind: Literal["text", "reasoning", "call"] = "text"
    choice: int = 0
    slot: str = ""


class Failure(NamedTuple):
    """A provider's message about a failure, and the HTTP status that fits it. `kind` and `code` are as in OpenAI's
    errors, "" if the provider named none."""

    status: int
    message: str
    kind: str = ""
    code: str = ""


class Usage(Protocol):
    """What a provider reports about the usage of one answer."""

    beside: bool
    """Whether this provider does not include cached tokens in its number of input tokens."""
    tier: str
    """The service tier, "" if none was reported."""
    cost: float | None
    """The cost of the call in USD, None if it was not reported."""

    @property
    def parts(self) -> Mapping[str, int]:
        """The numbers of tokens of kinds that some providers price separately, by their names in
        `dialects.usage_names`."""
        ...


class Reader(Protocol):
    """Reads one answer of a provider while it passes through. It decodes only what is needed: an event if its bytes
    mention usage, an end or an error, and all events if somebody asks for the text."""

    provider: str
    """The type of the provider in the catalog, "" if the answer is not from a provider of the catalog."""
    streaming: bool
    """Whether it reads the events of a stream."""
    size: int
    """How many bytes of the answer have arrived."""
    estimated: tuple[int, Tokens] | None
    """The last estimate, as (size, tokens). It is kept because an estimate takes time, and several callers need it."""

    secrets: Sequence[bytes]
    """Secrets to hide in events with usage, an end or an error, and in all long events, because a provider's error may
    quote the key."""

    def feed(self, batch: Batch) -> None:
        """Takes the next events of a stream, or the next pieces of a plain body."""
        ...

    def keep_all(self) -> None:
        """Keeps a whole stream of any length, for a caller who reads all of it at its end. Call it before the first
        piece."""
        ...

    def pass_over(self, size: int) -> None:
        """Notes that `size` bytes arrived that cannot be read, for instance because of an unknown content coding."""
        ...

    def cut(self) -> None:
        """Notes that a plain body ends before it is whole, so that its texts are those that have arrived."""
        ...

    @property
    def telling(self) -> Sequence[Chunk]:
        """The events of a stream that contain usage, an end or an error. Only the last ones are kept if there are very
        many."""
        ...

    @property
    def text(self) -> str:
        """The text so far, one choice after the other. Of a very large answer this is only the beginning, because the
        rest is not kept."""
        ...

    @property
    def reasoning(self) -> str: ...

    @property
    def calls(self) -> Sequence[ToolCall]: ...

    @property
    def share(self) -> float:
        """How many times larger the answer is than the part that was kept, 1 if all was kept. An estimate that is made
        from the texts must be multiplied by it."""
        ...

    @property
    def unread(self) -> int:
        """How many bytes of the answer could not be read or kept at all, so that `share` does not tell of them."""
        ...

    @property
    def output_so_far(self) -> int:
        """About how many tokens of output have arrived. It may be read while the answer is arriving, when `tokens` of a
        plain answer may not."""
        ...

    @property
    def tokens(self) -> Tokens:
        """The usage that was reported so far."""
        ...

    @property
    def usage(self) -> Usage:
        """What the provider has reported so far about the usage."""
        ...

    @property
    def model(self) -> str:
        """The model that the provider says it used, "" if it did not say."""
        ...

    @property
    def id(self) -> str | None:
        """The provider's id of the answer, None if it has none."""
        ...

    @property
    def finish(self) -> Finish: ...

    @property
    def error(self) -> str:
        """The error that the provider reported in the answer, "" if none. The status may be 200 all the same."""
        ...

    @property
    def failure(self) -> Failure | None:
        """The same as `error`, with a status that fits. None if there is no error."""
        ...

    @property
    def usable(self) -> bool:
        """Whether a plain body, or a stream so far, has something that clients of this format read. It has not if it is
        empty, cut off, of another format, or if its choices are empty. An answer without content is usable only if its
        own message says why. The same rule holds for both forms."""
        ...

    @property
    def ended(self) -> bool:
        """Whether a stream came to the end that its format has, whatever the end says."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the provider finished the answer: each choice has a reason for its end, and there was no error. An
        answer that reached its length limit is complete; an answer whose connection broke is not."""
        ...

    @property
    def repeatable(self) -> bool:
        """Whether the answer may also answer an equal request: it is complete, no limit or filter has cut anything
        away, and clients can use what is in it. Read it after the last byte."""
        ...


class Answer(NamedTuple):
    """One choice of an answer that aigw itself makes."""

    text: str
    finish: Finish = "stop"
    call: ToolCall | None = None
    """If there is a call, `text` has its arguments."""


class Writer(Protocol):
    """Writes an answer that aigw itself makes. `whole` returns a plain body. The other methods return the events of a
    stream, and are called in this order. `index` is the number of the choice."""

    def whole(self, answers: Sequence[Answer], usage: Tokens) -> bytes: ...

    def opening(self, index: int, call: ToolCall | None) -> list[bytes]: ...

    def piece(self, index: int, text: str, call: ToolCall | None) -> list[bytes]:
        """`text` is a piece of the answer's text or, if there is a call, of its arguments."""
        ...

    def closing(self, index: int, answer: Answer) -> list[bytes]: ...

    def end(self, usage: Tokens | None) -> list[bytes]:
        """Returns the events after all choices. `usage` is None if the client did not ask for it."""
        ...


class BreakingOff(Protocol):
    """Ends a provider's stream in the middle."""

    def pass_on(self, event: Chunk) -> None:
        """Takes an event that the client gets."""
        ...

    def others(self, finish: Finish) -> bytes:
        """Returns the events that end all choices which are still open but the first one, for this reason."""
        ...

    def end(self, text: str) -> bytes:
        """Returns the events that end the answer, with this text behind what the client has got, as one of which a
        filter has taken the rest."""
        ...
