"""The protocols of a dialect (a wire format such as OpenAI's chat completions). All other code reads and writes
requests and answers only through them; `core.answer` has those of an answer.

Rule: a dialect has no state and does no I/O. `dialects.table` says which API uses which dialect. Only `dialects` knows
the fields of a wire format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from aigw.core.answer import AnswerText, BreakingOff, Reader, ToolCall, Writer
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
    """A text that the model reads, and its path in the body of the request. `is_call` says that it is the JSON text of
    a call's arguments."""

    path: JsonPath
    text: str
    role: Role
    is_call: bool = False


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
        """Whether the answer may report usage."""
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
        """The images that the model looks at, as URLs, also `data:` URLs that contain the image."""
        ...

    @property
    def places(self) -> Sequence[TextPlace]:
        """The texts of the conversation that the model reads, with their places. `Dialect.replace` takes such a
        place."""
        ...

    def other_places(self, places: Sequence[TextPlace], /) -> Sequence[TextPlace]:
        """The texts that are not among `places`, which the caller has already: descriptions of tools, arguments of
        calls, names of members. The path of a name ends with a `dialects.answer_texts.MemberName`."""
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
        """Returns the decoded body without the fields that cannot change the answer. Large arrays are `Elements`.
        Raises ValueError if the body is not a JSON object."""
        ...


class Dialect(Protocol):
    """A wire format, such as OpenAI's chat completions: reads and edits its requests, reads and writes its answers."""

    @property
    def name(self) -> str:
        """The unique name of the dialect."""
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
        """Whether the event only opens an answer, or is of an unknown kind: it has no content and no error, and is not
        the last one. A client would not miss it if another provider answered instead."""
        ...

    def speaks(self, raw: bytes) -> bool:
        """Whether the bytes of events show, undecoded, that the first one that does not open the answer has
        content. False says nothing."""
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
        """Returns the piece with texts replaced: each pair has a text of `Dialect.texts` and the new one."""
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
        """Returns a stream of status 200 with nothing but an error. Some clients shorten a conversation that is too
        long only when they get this. b"" for all other dialects, whose clients read the error in a plain answer."""
        ...

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        """Returns the event that tells the client in the middle of a stream that the answer failed. SDKs raise an error
        when they read it."""
        ...
