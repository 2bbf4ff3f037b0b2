"""The protocols of a dialect (a wire format such as OpenAI's chat completions). All other code reads and writes
requests and answers only through them.

Rule: a dialect has no state and does no I/O. `dialects.table` says which API uses which dialect. Only `dialects` knows
the fields of a wire format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from aigw.core.document import Document
from aigw.core.errors import GatewayError
from aigw.core.json_path import JsonPath
from aigw.core.model import Batch, Chunk, Request
from aigw.core.tokens import Tokens

Role = Literal["system", "user", "assistant", "tool", ""]
"""Who speaks. "" means that the prompt is a plain text and not a conversation."""
Said = Role | Literal["developer"]
"""The role of a turn that is inserted. OpenAI's newer models say "developer" for "system"."""
Where = Literal["before", "behind", "behind system", "before last"]
"""Where turns are inserted: before all turns, after all turns ("behind"), after the system turns at the start, or
before the last turn."""
Finish = Literal["", "stop", "length", "tool_calls", "content_filter", "error"]
"""Why an answer ended, in OpenAI's words. "" means that it has not ended, or that it gave no reason."""


class ToolCall(NamedTuple):
    """A call of a tool by the model. `arguments` is JSON text: as it is on the wire, or encoded from the object that is
    on the wire."""

    name: str
    arguments: str
    id: str = ""


class Turn(NamedTuple):
    """One turn of a conversation. `texts` are its pieces of text in order, without data URLs and base64. `results` is
    true if the turn carries results of tool calls; then `answers` has for each text the id of the call whose result it
    is, "" for one that is no result or has no id."""

    role: Role
    texts: tuple[str, ...]
    name: str = ""
    calls: tuple[ToolCall, ...] = ()
    results: bool = False
    answers: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return "\n".join(self.texts)


class Tool(NamedTuple):
    """A function that the model may call. `parameters` is its JSON Schema, None if it has none."""

    name: str
    parameters: Any = None
    description: str = ""


class TextPlace(NamedTuple):
    """A text that the model reads, and its path in the body of the request."""

    path: JsonPath
    text: str
    role: Role


class AnswerText(NamedTuple):
    """A text in an event, a plain body or an element of an array of an answer, and its path there.

    `slot` names the text whose next piece this is, such as "call 1"; "" if it is whole by itself. Texts of different
    choices, the same slot or not, have nothing to do with each other. `kind` is "call" if it is of the JSON text of a
    call's arguments."""

    path: JsonPath
    text: str
    kind: Literal["text", "reasoning", "call"] = "text"
    choice: int = 0
    slot: str = ""


class Asked(Protocol):
    """What a request asks for. Each property reads the request when it is called, so that it sees all changes made
    before. If a field is missing or has a wrong type, the property gives the same value as for "not specified" ("",
    0, False or an empty sequence)."""

    @property
    def model(self) -> str: ...

    @property
    def stream(self) -> bool: ...

    @property
    def array(self) -> bool:
        """Whether the answer is a JSON array that comes element by element, as a stream does."""
        ...

    @property
    def wants_usage(self) -> bool:
        """Whether the client wants the stream to contain its usage."""
        ...

    @property
    def session(self) -> str:
        """What the client calls the conversation in the body, "" if it does not say. `Exchange.session` looks at the
        headers, too."""
        ...

    @property
    def choices(self) -> int:
        """How many answers the client asks for, at least 1."""
        ...

    @property
    def max_tokens(self) -> int:
        """The maximum number of tokens of each answer, 0 if the client did not set one."""
        ...

    @property
    def generates(self) -> bool:
        """Whether the model writes an answer. It does not for embeddings."""
        ...

    @property
    def metered(self) -> bool:
        """Whether the answer may tell what was used."""
        ...

    @property
    def turns(self) -> Sequence[Turn]:
        """The conversation, including the system instructions. Raises ValueError if the body is not JSON."""
        ...

    @property
    def question(self) -> str:
        """The text of the user's last turn, "" if there is none."""
        ...

    @property
    def tools(self) -> Sequence[Tool]: ...

    @property
    def tool_choice(self) -> str:
        """ "required", "none", or the name of the one tool that must be called, or "" if the model chooses."""
        ...

    @property
    def size(self) -> int:
        """About how many bytes of text the model reads, without the images, sounds and files in the request. 0 if there
        is no prompt. Takes microseconds."""
        ...

    @property
    def media(self) -> int:
        """How many images, sounds and files the request itself contains."""
        ...

    @property
    def images(self) -> Sequence[str]:
        """Where the images are that the model looks at: URLs, also `data:` URLs with the image itself."""
        ...

    @property
    def places(self) -> Sequence[TextPlace]:
        """The texts that the model reads, with their places. `Dialect.replace` takes such a place."""
        ...

    @property
    def unrepeatable(self) -> str:
        """The name of a field because of which this request must not be answered from a cache: it asks for more than
        one answer, has a side effect, or wants a different answer each time. "" if there is no such field."""
        ...

    @property
    def address(self) -> tuple[str, str]:
        """The path and the query, without what only says whether the answer is a stream."""
        ...

    def material(self) -> dict[str, Any]:
        """Returns the decoded body without the fields that cannot change the answer. Raises ValueError if the body is
        not a JSON object."""
        ...


class Failure(NamedTuple):
    """What a provider said of its failure, and the HTTP status that fits it. `kind` and `code` are as in OpenAI's
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
        """How many tokens belong to kinds that some providers price separately. The keys are the names in
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
    """What is hidden in the events that tell usage, an end or an error, and in any other event if it is long: a
    provider's error may quote the key."""

    def feed(self, batch: Batch) -> None:
        """Takes the next events of a stream, or the next pieces of a plain body."""
        ...

    def keep_all(self) -> None:
        """Keeps a stream of any length, for who reads all of it at its end. Call it before the first piece."""
        ...

    def pass_over(self, size: int) -> None:
        """Notes that so many bytes arrived which cannot be read, such as those of an unknown content coding."""
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
        """The text so far, one choice after the other. If the answer is larger than what is kept, this is only its
        beginning."""
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
        """All that was reported so far about the usage."""
        ...

    @property
    def model(self) -> str:
        """The model that the provider says it used, "" if it did not say."""
        ...

    @property
    def finish(self) -> Finish: ...

    @property
    def error(self) -> str:
        """The error that the provider reported in the answer, "" if none. The status may be 200 all the same."""
        ...

    @property
    def failure(self) -> Failure | None:
        """The same error with the status that fits it, None if there is none."""
        ...

    @property
    def usable(self) -> bool:
        """Whether a plain body, or a stream so far, has what clients of this format read. One that is empty, cut or of
        another format has not, nor one whose choices have nothing in them. An answer may be without content where it
        says why, in its own message. One rule holds for both forms."""
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


class Dialect(Protocol):
    """A wire format, such as OpenAI's chat completions: reads and edits its requests, reads and writes its answers."""

    @property
    def name(self) -> str:
        """Unique."""
        ...

    @property
    def convertible(self) -> bool:
        """Whether a stream can be made into a plain answer, and a plain answer into a stream."""
        ...

    @property
    def marks_end(self) -> bool:
        """Whether a complete stream ends with an event that `is_last` recognizes."""
        ...

    @property
    def repeatable(self) -> bool:
        """Whether the same request, unless `Asked.unrepeatable` says otherwise, may get the same answer: one that a
        model made, not what an account holds."""
        ...

    @property
    def request_id_header(self) -> str:
        """The response header in which the SDKs of this format look for the id of the request."""
        ...

    def asked(self, request: Request, api: str) -> Asked:
        """Returns a view of the request. The view sees all changes that are made to the request later. `api` is the
        name of the API."""
        ...

    def insert(self, document: Document, turns: Iterable[tuple[Said, str]], where: Where) -> None:
        """Inserts turns into the conversation. Raises ValueError if the document has no conversation."""
        ...

    def replace(self, document: Document, texts: Iterable[tuple[TextPlace, str]]) -> None:
        """Puts a text in each of these places, which are from `Asked.places`."""
        ...

    def reader(self, asked: Asked, *, streaming: bool, provider: str = "") -> Reader:
        """Returns a reader for the answer to `asked`. `provider` is the type of the provider in the catalog."""
        ...

    def tells_only_usage(self, event: Chunk) -> bool:
        """Whether the event exists only to report usage, so that a client which did not ask for usage must not get
        it."""
        ...

    def usage_event(self, event: Chunk, tokens: Tokens) -> bytes:
        """Returns an event that reports `tokens` to a client that asked for usage. `event` is any event of the same
        stream. Returns b"" if streams of this format always report usage, or if `tokens` is not known."""
        ...

    def opens(self, event: Chunk) -> bool:
        """Whether the event has neither content nor an error, nor is the last one: it only opens an answer, or nobody
        knows what it is. A client would not miss it if another provider answered instead."""
        ...

    def is_last(self, batch: Batch) -> bool:
        """Whether the batch contains the event after which clients stop reading."""
        ...

    def write(self, chunk: Chunk, text: str) -> Chunk:
        """Returns the event or body with `text` in place of its text. An event without text is returned unchanged."""
        ...

    def texts(self, chunk: Chunk, asked: Asked) -> Sequence[AnswerText]:
        """The texts in a piece of an answer to `asked`, also its reasoning and the arguments of its calls, in order."""
        ...

    def rewrite(self, chunk: Chunk, texts: Iterable[tuple[AnswerText, str]]) -> Chunk:
        """Returns the piece with these texts in the places of those of `texts`."""
        ...

    def whole(self, events: Iterable[Chunk]) -> bytes:
        """Returns the plain answer that has the same content as this complete stream. Raises ValueError if there is
        none."""
        ...

    def events(self, body: bytes, *, usage: bool) -> Iterator[Chunk]:
        """Yields the events of a stream that has the same content as this plain answer. `usage` adds the event that
        reports usage, if this format sends it only on request. Raises ValueError if there is no such stream."""
        ...

    def writer(self, asked: Asked, id: str, created: int) -> Writer:
        """Returns a writer for an answer that aigw itself makes to this request. The writer adds the prefix of this
        format to `id`. `created` is in seconds since 1970."""
        ...

    def breaking_off(self, asked: Asked, id: str, created: int) -> BreakingOff:
        """Returns what can end a stream of this format in the middle."""
        ...

    def error(self, error: GatewayError, request_id: str) -> bytes:
        """Returns the JSON body of an error answer."""
        ...

    def failed_stream(self, error: GatewayError, request_id: str) -> bytes:
        """Returns a stream, of status 200, that tells nothing but an error: clients of some APIs shorten a conversation
        that is too long only then. b"" for the others, who read it in a plain answer."""
        ...

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        """Returns the event that tells the client in the middle of a stream that the answer failed. SDKs raise an error
        when they read it."""
        ...
