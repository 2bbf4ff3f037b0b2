"""The dialect of all APIs that have no dialect of their own (images, audio, rerank, files, lists of models). It reads
the model and the usage if the JSON has them, and writes errors in OpenAI's format.

Rule: it does not know where texts are, so it never inserts, replaces or makes any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Never

from aigw.core.answer import AnswerText, BreakingOff
from aigw.core.dialect import Asked, Said, TextPlace, Turn, Where
from aigw.core.document import Document
from aigw.core.errors import GatewayError
from aigw.core.model import Batch, Chunk, Request
from aigw.core.tokens import Tokens
from aigw.dialects import apis, form, generic_texts
from aigw.dialects.answer_texts import named, rewrite
from aigw.dialects.breaking_off import NoEnd
from aigw.dialects.event_ends import ends
from aigw.dialects.failures import failure_in
from aigw.dialects.form import is_form
from aigw.dialects.json_edit import put
from aigw.dialects.openai_error import error_body, error_event
from aigw.dialects.reader import AnswerReader, Json
from aigw.dialects.view import RequestView, texts_in

_READ = ("documents", "instructions", "negative_prompt")
"""More fields that a model reads, whose texts are not counted as the prompt."""


class GenericView(RequestView):
    PROMPTS = ("prompt", "input", "messages", "contents", "content", "requests", "query")

    __slots__ = ("_fields", "_form", "metered")

    def __init__(self, request: Request, api: str) -> None:
        super().__init__(request, api)
        self.metered = api in apis.METERED
        self._form = b""
        self._fields: dict[str, str | None] = {}

    def get(self, name: str) -> Any:
        """Also reads a field of a form: its text, or None if the field is missing or occurs several times."""
        return self._field(name) if self.api in apis.MODEL_IN_FORM and is_form(self._request) else super().get(name)

    def _field(self, name: str) -> str | None:
        """Looks for a field in a body only once, because it may be large."""
        if self._form is not self._request.body:
            self._form, self._fields = self._request.body, {}
        if name not in self._fields:
            with suppress(ValueError):
                self._fields[name] = form.text(self._request, name)
        return self._fields.get(name)

    @property
    def turns(self) -> Sequence[Turn]:
        """The texts of the fields that may have the prompt, as far as their place is known."""
        texts = tuple(texts_in([self.get(name) for name in self.PROMPTS]))
        return [Turn("", texts)] if texts else []

    @property
    def places(self) -> Sequence[TextPlace]:
        """The texts of these fields, and of documents to rank. Texts of a form have no place."""
        if not self._request.is_json:
            return ()
        names = (*self.PROMPTS, *_READ)
        texts = (each for name in names for each in named((name,), self.get(name), (*names, "text", "parts")))
        return [TextPlace(each.path, each.text, "") for each in texts if next(texts_in(each.text), "")]

    def other_places(self, places: Sequence[TextPlace]) -> Sequence[TextPlace]:
        """Returns nothing, because it is not known what else a model reads and what are only names and keys."""
        return ()


class GenericReader(AnswerReader):
    """Reads the usage of any vendor. It sees when a stream is complete if its events are of a kind that is known; of
    others, only the end of the connection counts."""

    MARKS = (b'"error', b'"base_resp"')
    __slots__ = ("_more",)

    def __init__(self, *, streaming: bool, provider: str = "") -> None:
        super().__init__(streaming=streaming, provider=provider)
        self._more = False
        """Whether the events say that more must come."""

    def feed(self, batch: Batch) -> None:
        super().feed(batch)
        for chunk in batch if self.streaming else ():
            if (end := ends(chunk.raw)) is not None:
                self._more = not end

    def take_event(self, body: Json) -> None:
        self.take_body(body)

    def take_body(self, body: Json) -> None:
        self._usage.take(body)
        if (error := failure_in(body)) is not None:
            self.fail(error)

    @property
    def ended(self) -> bool:
        return not self._more

    @property
    def complete(self) -> bool:
        return not self._more and not self.error

    def gather(self, body: Json) -> None:
        """Adds the texts of transcriptions and of Anthropic's old completions. The place of others is not known."""
        self.add_text(body.get("delta") or body.get("completion"))
        if not self._text:
            self.add_text(body.get("text"))


class Generic:
    """The dialect of APIs without a dialect of their own. A `core.dialect.Dialect`."""

    name: ClassVar[str] = "generic"
    convertible: ClassVar[bool] = False
    marks_end: ClassVar[bool] = False
    repeatable: ClassVar[bool] = False
    request_id_header: ClassVar[str] = "x-request-id"

    def asked(self, request: Request, api: str) -> Asked:
        return GenericView(request, api)

    def insert(self, document: Document, turns: Iterable[tuple[Said, str]], where: Where) -> None:
        raise ValueError("this API has no conversation")

    def replace(self, document: Document, texts: Iterable[tuple[TextPlace, str]]) -> None:
        put(document, ((place.path, text) for place, text in texts))

    def reader(self, asked: Asked, *, streaming: bool, provider: str = "") -> AnswerReader:
        return GenericReader(streaming=streaming, provider=provider)

    def tells_only_usage(self, event: Chunk) -> bool:
        return False

    def usage_event(self, event: Chunk, tokens: Tokens) -> bytes:
        return b""

    def opens(self, event: Chunk) -> bool:
        return False

    def speaks(self, raw: bytes) -> bool:
        return False

    def is_last(self, batch: Batch) -> bool:
        return False

    def write(self, chunk: Chunk, text: str) -> Chunk:
        return chunk

    def texts(self, chunk: Chunk, asked: Asked) -> Sequence[AnswerText]:
        return list(generic_texts.texts(chunk.json()))

    def rewrite(self, chunk: Chunk, texts: Iterable[tuple[AnswerText, str]]) -> Chunk:
        return rewrite(chunk, texts)

    def whole(self, events: Iterable[Chunk]) -> bytes:
        raise ValueError("a stream of this API has no plain form that is known")

    def events(self, body: bytes, *, usage: bool) -> Iterator[Chunk]:
        raise ValueError("an answer of this API has no stream that is known")

    def writer(self, asked: Asked, id: str, created: int) -> Never:
        raise ValueError("no answer can be made for this API")

    def breaking_off(self, asked: Asked, id: str, created: int) -> BreakingOff:
        """Ends with an error, because the format has no known place for a text."""
        return NoEnd()

    def error(self, error: GatewayError, request_id: str) -> bytes:
        return error_body(error)

    def failed_stream(self, error: GatewayError, request_id: str) -> bytes:
        return b""

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        return error_event(error)
