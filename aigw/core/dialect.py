"""What a wire format can tell and do: the one way in which anybody reads a request or an answer.

Rule: a dialect is stateless and does no I/O; it has one file in `dialects`, and `dialects.table` says which API is in
which. Nobody outside `dialects` reads a field of the wire."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from aigw.core.document import Document
from aigw.core.errors import GatewayError
from aigw.core.json_path import JsonPath
from aigw.core.model import Batch, Chunk, Request
from aigw.core.tokens import Tokens

Role = Literal["system", "user", "assistant", "tool", ""]
"""Who speaks; "" for a prompt that is no turn of a conversation."""
Where = Literal["before", "behind", "behind system"]
"""Where turns are inserted: before all turns, behind them, or behind the leading system part."""
Finish = Literal["", "stop", "length", "tool_calls", "content_filter", "error"]
"""Why an answer ended, in OpenAI's words; "": it did not say, or has not ended."""


class ToolCall(NamedTuple):
    """`arguments` are JSON text as the wire has it; where the wire has an object, that object as JSON."""

    name: str
    arguments: str
    id: str = ""


class Turn(NamedTuple):
    """One turn of a conversation. `texts` are its pieces of text in order, without what is text only to be sent (data
    URLs, base64). `results`: it brings results of tool calls."""

    role: Role
    texts: tuple[str, ...]
    name: str = ""
    calls: tuple[ToolCall, ...] = ()
    results: bool = False

    @property
    def text(self) -> str:
        return "\n".join(self.texts)


class Tool(NamedTuple):
    """A function that the model may call. `parameters` is its JSON Schema, None if it has none."""

    name: str
    parameters: Any = None


class TextPlace(NamedTuple):
    """A text that a model would read, and where it stands in the request."""

    path: JsonPath
    text: str
    role: Role


class Asked(Protocol):
    """What a request asks for. It is read when somebody wants to know it, from the request as it stands then; of a
    field that is missing or of another type than it should be, the value that stands for "not said"."""

    @property
    def model(self) -> str: ...

    @property
    def stream(self) -> bool: ...

    @property
    def wants_usage(self) -> bool:
        """Whether a stream is to tell its usage to the client."""
        ...

    @property
    def choices(self) -> int:
        """How many answers are asked for, at least 1."""
        ...

    @property
    def max_tokens(self) -> int:
        """The most tokens that each answer may have, 0 where the client did not say."""
        ...

    @property
    def generates(self) -> bool:
        """Whether a model writes something: embeddings make no output."""
        ...

    @property
    def turns(self) -> Sequence[Turn]:
        """The conversation, instructions included. Raises ValueError if the body is not JSON."""
        ...

    @property
    def question(self) -> str:
        """The text of the user's last turn, "" if there is none."""
        ...

    @property
    def tools(self) -> Sequence[Tool]: ...

    @property
    def tool_choice(self) -> str:
        """ "required", the name of the one tool that must be called, or "": the model chooses."""
        ...

    @property
    def size(self) -> int:
        """Bytes of text that the model would read, roughly: without images, sounds and files that stand in the request.
        0 where there is no prompt. Costs microseconds."""
        ...

    @property
    def media(self) -> int:
        """How many images, sounds and files stand in the request itself."""
        ...

    @property
    def places(self) -> Sequence[TextPlace]:
        """The texts that a model would read, with their places, for `Dialect.replace`."""
        ...

    @property
    def unrepeatable(self) -> str:
        """The field because of which this request asks for more than an answer, or for another one each time; "": the
        same request may get the same answer."""
        ...

    def material(self) -> dict[str, Any]:
        """The decoded body without the fields that cannot change the answer. Raises ValueError if it is not a JSON
        object."""
        ...


class Reader(Protocol):
    """Reads one answer of a provider as it goes by. Nothing is decoded before it is needed: an event is decoded where
    its bytes mention usage, an end or an error, and all of them where somebody asks for the text."""

    provider: str
    """The provider's type in the catalog, "" where no provider of the catalog was asked."""
    size: int
    """Bytes of the answer so far."""
    estimated: tuple[int, Tokens] | None
    """What was estimated last, behind the size that it was estimated for: several want to know, and it takes time."""

    def feed(self, batch: Batch) -> None:
        """Events of a stream, or pieces of a plain body."""
        ...

    @property
    def telling(self) -> Sequence[Chunk]:
        """The events of a stream that told usage, an end or an error; of very many the last ones."""
        ...

    @property
    def text(self) -> str:
        """What was produced so far, of all choices. Of an answer that is larger than what is kept, the beginning."""
        ...

    @property
    def reasoning(self) -> str: ...

    @property
    def calls(self) -> Sequence[ToolCall]: ...

    @property
    def share(self) -> float:
        """How much more came than was kept: what an estimate from the texts is multiplied by."""
        ...

    @property
    def tokens(self) -> Tokens:
        """The usage that was reported so far."""
        ...

    @property
    def parts(self) -> Mapping[str, int]:
        """Parts of the tokens that some providers price apart, by their names in `dialects.usage`."""
        ...

    @property
    def cache_beside(self) -> bool:
        """Whether this provider counts cached tokens beside its input tokens, not as a part of them."""
        ...

    @property
    def cost(self) -> float | None:
        """USD, where the provider itself says what the call costs."""
        ...

    @property
    def model(self) -> str:
        """The model that the provider says it used, "" if it did not say."""
        ...

    @property
    def tier(self) -> str:
        """The service tier, "" if the provider names none."""
        ...

    @property
    def finish(self) -> Finish: ...

    @property
    def error(self) -> str:
        """What the provider says went wrong, although the status may be 200; "" if nothing did."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the provider brought the answer to its proper end: each choice has its reason for ending, and
        nothing failed. An answer that was cut by a length limit is complete; one that was cut off is not."""
        ...


class Answer(NamedTuple):
    """One choice of an answer of ours."""

    text: str
    finish: Finish = "stop"
    call: ToolCall | None = None
    """With a call, `text` is its arguments."""


class Writer(Protocol):
    """Writes an answer of ours: whole, or event by event in this order. `index` is the number of the choice."""

    def whole(self, answers: Sequence[Answer], usage: Tokens) -> bytes: ...

    def opening(self, index: int, call: ToolCall | None) -> list[bytes]: ...

    def piece(self, index: int, text: str, call: ToolCall | None) -> list[bytes]:
        """A piece of the text, or of the arguments of a call."""
        ...

    def closing(self, index: int, answer: Answer) -> list[bytes]: ...

    def end(self, usage: Tokens | None) -> list[bytes]:
        """What comes behind all choices. `usage` is None where the client did not ask for it."""
        ...


class Dialect(Protocol):
    """A wire format."""

    @property
    def name(self) -> str:
        """Unique."""
        ...

    @property
    def convertible(self) -> bool:
        """Whether its streams and plain answers can be made of each other."""
        ...

    @property
    def marks_end(self) -> bool:
        """Whether a complete stream has an event that says so, which `is_last` knows."""
        ...

    @property
    def request_id_header(self) -> str:
        """In which its SDKs look for the id of a request."""
        ...

    def asked(self, request: Request, api: str) -> Asked:
        """A view of the request as it stands whenever it is looked at."""
        ...

    def insert(self, document: Document, turns: Iterable[tuple[Role, str]], where: Where) -> None:
        """Puts texts into the conversation. Raises ValueError if there is none."""
        ...

    def replace(self, document: Document, place: TextPlace, text: str) -> None:
        """Puts another text where `Asked.places` found one."""
        ...

    def reader(self, asked: Asked, *, streaming: bool, provider: str = "") -> Reader: ...

    def tells_only_usage(self, event: Chunk) -> bool:
        """Whether the event is there only because the client asked for usage."""
        ...

    def usage_event(self, event: Chunk, tokens: Tokens) -> bytes:
        """The event that tells usage to a client that asked for it, in the stream that `event` is from; b"" where
        streams always tell it, or nothing is known."""
        ...

    def is_last(self, batch: Batch) -> bool:
        """Whether clients read no further than this batch."""
        ...

    def write(self, chunk: Chunk, text: str) -> Chunk:
        """The same event or body with another text. An event without text stays as it is."""
        ...

    def whole(self, events: Iterable[Chunk]) -> bytes:
        """The plain answer that a complete stream makes. Raises ValueError if it makes none."""
        ...

    def events(self, body: bytes, *, usage: bool) -> Iterator[Chunk]:
        """The stream that makes this plain answer; `usage`: with an event for it, where that has to be asked for.
        Raises ValueError if it makes none."""
        ...

    def writer(self, asked: Asked, id: str, created: int) -> Writer:
        """Writes an answer of ours to this request. `id` without a prefix; `created` in seconds since 1970."""
        ...

    def error(self, error: GatewayError, request_id: str) -> bytes:
        """The JSON body of an answer that is an error."""
        ...

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        """The event that tells a client in mid-stream that the answer broke off; its SDK raises on it."""
        ...
