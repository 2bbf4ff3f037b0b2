"""A request of one format for a provider that speaks another, and its answer back again.

The way there: the client's reader makes a conversation of the request, what providers ask for is mended, and the
provider's writer makes its body. The way back: the provider's reader makes events of its stream, `ordered` brings them
into order, and the client's writer writes them. A plain answer goes the same way as a stream of its own dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from aigw.core.dialect import Asked, Dialect
from aigw.core.errors import GatewayError
from aigw.core.model import Batch, Chunk, Request
from aigw.core.pace import let_go
from aigw.dialects import apis
from aigw.dialects.json_values import Json, object_of
from aigw.dialects.sse import Event
from aigw.dialects.table import dialect_of
from aigw.translation.anthropic import read_request as read_messages
from aigw.translation.anthropic import write_request as write_messages
from aigw.translation.anthropic.read_stream import MessagesReader
from aigw.translation.anthropic.write_stream import MessagesWriter
from aigw.translation.chat import read_request as read_chat
from aigw.translation.chat import write_request as write_chat
from aigw.translation.chat.read_stream import ChatReader
from aigw.translation.chat.write_stream import ChatWriter
from aigw.translation.converse import write_request as write_converse
from aigw.translation.converse.read_stream import ConverseReader
from aigw.translation.embeddings.translation import EmbeddingsTranslation
from aigw.translation.errors import error_from
from aigw.translation.events import AnswerEvent, Failed, StreamReader, StreamWriter
from aigw.translation.frame import Frame
from aigw.translation.gemini import read_request as read_gemini
from aigw.translation.gemini import write_request as write_gemini
from aigw.translation.gemini.read_stream import GeminiReader
from aigw.translation.gemini.write_stream import ContentWriter
from aigw.translation.higress.translation import HigressTranslation
from aigw.translation.history import mended
from aigw.translation.hub import Conversation, Message
from aigw.translation.ids import FreshIds, fitted, is_short, short_id, unwrapped
from aigw.translation.kept_thoughts import Kept, Recall
from aigw.translation.names import Names, renamed
from aigw.translation.notes import Notes, refused
from aigw.translation.ordered import Ordered
from aigw.translation.responses import read_request as read_responses
from aigw.translation.responses import write_request as write_responses
from aigw.translation.responses.read_stream import ResponsesStreamReader
from aigw.translation.responses.write_stream import ResponsesStreamWriter
from aigw.translation.rules import Rules, matches
from aigw.translation.vendor_request import request_for


class ClientSide(NamedTuple):
    """How a client's requests are read and its answers written. `echoes`: clients of this format send reasoning back
    with its state. (Gemini's CLI sends only the state.)"""

    read: Callable[[Json, Notes], Conversation]
    writer: Callable[[Frame], StreamWriter]
    echoes: bool = True


class ProviderSide(NamedTuple):
    """How a provider's requests are written and its answers read. `streams` is the API of streams if it differs.
    `letter_first`: the name of a tool must begin with a letter or `_`. `openais`: the API is OpenAI's own, which
    enforces the grammars of tools."""

    write: Callable[[Conversation, Rules, Notes], Json]
    reader: Callable[[Frame], StreamReader]
    longest_name: int = 64
    streams: str = ""
    letter_first: bool = False
    openais: bool = False


CLIENTS: Mapping[str, ClientSide] = {
    apis.MESSAGES: ClientSide(read_messages.read_request, MessagesWriter),
    apis.GENERATE_CONTENT: ClientSide(read_gemini.read_request, ContentWriter, echoes=False),
    apis.STREAM_GENERATE_CONTENT: ClientSide(read_gemini.read_request, ContentWriter, echoes=False),
    apis.CHAT: ClientSide(read_chat.read_request, ChatWriter, echoes=False),
    apis.RESPONSES: ClientSide(read_responses.read_request, ResponsesStreamWriter),
}
PROVIDERS: Mapping[str, ProviderSide] = {
    apis.CHAT: ProviderSide(write_chat.write_request, ChatReader),
    apis.MESSAGES: ProviderSide(write_messages.write_request, MessagesReader, longest_name=128),
    apis.GENERATE_CONTENT: ProviderSide(
        write_gemini.write_request, GeminiReader, streams=apis.STREAM_GENERATE_CONTENT, letter_first=True
    ),
    apis.RESPONSES: ProviderSide(write_responses.write_request, ResponsesStreamReader, openais=True),
    apis.CONVERSE: ProviderSide(write_converse.write_request, ConverseReader, streams=apis.CONVERSE_STREAM),
}
"""The formats of providers. If a provider has several, the first of them is used."""
_THERE_ONLY = (apis.CHAT, apis.MESSAGES, apis.GENERATE_CONTENT, apis.STREAM_GENERATE_CONTENT)
"""The APIs whose requests may have to go to OpenAI's Responses API because of their model."""


def target_of(api: str, source: Request, asked: Asked, model: str, offers: Callable[[str], bool], rules: Rules) -> str:
    """Returns the API of a provider into which a request of this API for this model is translated. "" if the provider
    takes the request as it is, or not at all."""
    if api not in CLIENTS:
        return ""
    if api in _THERE_ONLY and _needs_responses(source, asked, model, rules) and offers(apis.RESPONSES):
        return apis.RESPONSES
    if needs_functions(source, api, rules) and offers(apis.CHAT):
        return apis.CHAT
    return "" if offers(api) else next((target for target in PROVIDERS if target != api and offers(target)), "")


def _needs_responses(source: Request, asked: Asked, model: str, rules: Rules) -> bool:
    if matches(model, rules.responses_only):
        return True
    if not matches(model, rules.tools_need_responses) or not any(asked.tools):
        return False
    return source.parsed is None or source.parsed.get("reasoning_effort") != "none"


def needs_functions(source: Request, api: str, rules: Rules) -> bool:
    """Whether a request of chat completions has a custom tool, and the provider knows functions alone."""
    if not rules.functions_only or api != apis.CHAT:
        return False
    if source.parsed is None:
        source.parse()
    tools = source.parsed.raw("tools") if source.parsed is not None else None
    if tools is None or source.parsed is None or b'"custom"' not in tools:
        return False
    given = source.parsed.get("tools")
    return isinstance(given, list) and any(isinstance(tool, dict) and tool.get("type") == "custom" for tool in given)


class Translation:
    """One request to one provider. `request` is what the provider gets, before its own edits; `asked` is a view of it,
    `dialect` and `api` are its format. Raises GatewayError for a request that would get a wrong answer."""

    def __init__(
        self,
        source: Request,
        asked: Asked,
        api: str,
        target: str,
        rules: Rules,
        *,
        model: str,
        id: str,
        created: int,
        consumer: str = "",
        kept: Kept | None = None,
    ) -> None:
        """`kept` is the reasoning that the provider gave for this and other consumers."""
        client, provider = CLIENTS[api], PROVIDERS[target]
        self.notes = Notes()
        self._asked_model = asked.model
        try:
            body = object_of(source.document.encode())
        except ValueError as error:
            raise GatewayError(400, f"the request body cannot be used: {error}", code="invalid_body") from None
        if not model:
            raise refused("model", "the request names none, and the configuration has no model for such requests")
        read = client.read(body, self.notes)
        if read.forced and not read.tools:
            raise refused("tool_choice", "a tool must be called, but the request has none that this provider can call")
        self._fresh = FreshIds(read.messages)
        self._recall = None if client.echoes or kept is None else Recall(kept, consumer, read.messages)
        recalled = read.messages if self._recall is None else self._recall.messages()
        messages = mended(unwrapped(recalled), self.notes)
        given = msgspec.structs.replace(read, model=model, stream=asked.stream or asked.array, messages=messages)
        read_from, given_messages = _elements(body), [*messages]
        del body, read, recalled, messages
        let_go(read_from)
        self._names = Names(given, longest=provider.longest_name, letter_first=provider.letter_first)
        self._frame = Frame(
            conversation=msgspec.structs.replace(given, messages=()),  # they are not needed for the answer
            rules=rules,
            notes=self.notes,
            id=id,
            created=created,
            size=asked.size,
            array=asked.array,
        )
        self._client, self._provider = client, provider
        self._client_dialect = dialect_of(api)
        self.api = provider.streams if provider.streams and given.stream else target
        self.dialect: Dialect = dialect_of(self.api)
        self.request = self._written(renamed(given, self._names), source)
        del given
        let_go(given_messages)
        self.asked = self.dialect.asked(self.request, self.api)

    def _written(self, conversation: Conversation, source: Request) -> Request:
        conversation = msgspec.structs.replace(conversation, messages=self._fitted(conversation))
        if not self._provider.openais:
            self.notes.lose(*conversation.openais)
            if any(tool.grammar for tool in conversation.tools):
                self.notes.lose("a grammar that the provider enforces")
        body = self._provider.write(conversation, self._frame.rules, self.notes)
        if "model" in body:
            body["model"] = self._asked_model  # the provider's own edits map it
        named = self._asked_model or self._frame.conversation.model
        request = request_for(source, *_path(self.api, named, self._frame.rules.version), body)
        written = _elements(body)
        del body, conversation
        let_go(written)
        return request

    def _fitted(self, conversation: Conversation) -> tuple[Message, ...]:
        if self._frame.rules.short_ids:
            return fitted(conversation.messages, is_short, short_id)
        return fitted(conversation.messages)

    def store(self, fields: Mapping[str, Any]) -> None:
        """Puts these fields into the answer, and the opaque state of its reasoning: it is stored."""
        given = self._frame.conversation
        given = msgspec.structs.replace(given, repeated={**given.repeated, **fields}, wants_state=True)
        self._frame = msgspec.structs.replace(self._frame, conversation=given)

    @property
    def lost(self) -> list[str]:
        return self.notes.lost

    def decoder(self, error_event: Callable[[GatewayError], bytes]) -> Translator:
        """Returns what translates the events of a stream. `error_event` makes the client's event of an error."""
        ordered = Ordered(self._fresh, self._names, self._frame.conversation.choices)
        reader, writer = self._provider.reader(self._frame), self._client.writer(self._frame)
        return Translator(reader, ordered, writer, error_event, self._recall)

    def whole(self, body: bytes) -> bytes:
        """Returns a plain answer in the client's format. Raises ValueError if the body is no answer."""
        failures: list[GatewayError] = []

        def failed(error: GatewayError) -> bytes:
            failures.append(error)
            return b""

        translator = self.decoder(failed)
        events = translator.feed(list(self.dialect.events(body, usage=True)))
        events = [*events, *translator.end()]
        if failures:
            raise ValueError(failures[0].message)
        return self._client_dialect.whole(events)


def _elements(body: Json) -> list[Any]:
    """Returns the elements of all lists in a body."""
    return [each for value in body.values() if isinstance(value, list) for each in value]


AnyTranslation = Translation | EmbeddingsTranslation | HigressTranslation


def _path(api: str, model: str, version: str) -> tuple[str, str]:
    """Returns the path and the query of an API as its own clients write them. `version` is that of Gemini's API."""
    if api in apis.PATHS:
        return apis.PATHS[api], ""
    if not model:
        raise GatewayError(400, "you must provide a model parameter", code="missing_model", param="model")
    if api in (apis.CONVERSE, apis.CONVERSE_STREAM):
        return apis.converse_path(api, model), ""
    verb = next(verb for verb, name in apis.VERBS.items() if name == api)
    named = quote(model, safe="", errors="surrogatepass")
    return f"/{version}/models/{named}:{verb}", "alt=sse" if api == apis.STREAM_GENERATE_CONTENT else ""


class Translator:
    """Translates the events of one stream, sans-io."""

    def __init__(
        self,
        reader: StreamReader,
        ordered: Ordered,
        writer: StreamWriter,
        error_event: Callable[[GatewayError], bytes],
        recall: Recall | None = None,
    ) -> None:
        self._recall = recall
        self._reader = reader
        self._ordered = ordered
        self._writer = writer
        self._error_event = error_event

    def feed(self, batch: Batch) -> Batch:
        out: list[Chunk] = []
        for chunk in batch:
            if chunk.data is not None:
                self._write(self._reader.feed(chunk), out)
            elif self._writer.bears_comments and chunk.raw.startswith(b":"):
                out.append(chunk)
        return out

    def end(self) -> Batch:
        out: list[Chunk] = []
        self._write(self._reader.end(), out)
        return out

    def _write(self, events: list[AnswerEvent], out: list[Chunk]) -> None:
        for event in self._ordered.take(events):
            if self._recall is not None:
                self._recall.watch(event)
            if isinstance(event, Failed):
                out.append(Event(self._error_event(error_from(event.failure))))
            else:
                out += self._writer.write(event)
