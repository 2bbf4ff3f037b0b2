"""OpenAI's embeddings: `input` has texts, and `data` of the answer has one vector for each. There is no output, so all
usage is input.

Rule: vectors are large, so they are not decoded to read the usage."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any, ClassVar

import msgspec

from aigw.core import json_cuts
from aigw.core.dialect import Asked, TextPlace
from aigw.core.document import Document
from aigw.core.errors import GatewayError
from aigw.core.model import Request
from aigw.core.pace import LARGE
from aigw.core.retrieval import Purpose
from aigw.dialects.embedding_format import pack, unpack
from aigw.dialects.failures import failure_in
from aigw.dialects.generic import Generic
from aigw.dialects.json_edit import put
from aigw.dialects.json_values import encoded
from aigw.dialects.reader import AnswerReader, Json
from aigw.dialects.view import PromptView, natural, rows_of, text_of

TokenIds = list[int]

PURPOSES: dict[str, Purpose] = {
    "query": "query",
    "search_query": "query",
    "passage": "passage",
    "document": "passage",
    "search_document": "passage",
}


class _Body(msgspec.Struct):
    """The fields of an answer that are decoded."""

    model: Any = None
    usage: Any = None
    meta: Any = None
    error: Any = None
    data: msgspec.Raw = msgspec.Raw()


class _Row(msgspec.Struct):
    """A vector as a list of numbers, or as base64."""

    embedding: list[float] | str
    index: int | None = None


class _Rows(msgspec.Struct):
    data: list[_Row]


_decode = msgspec.json.Decoder(_Body).decode
_decode_rows = msgspec.json.Decoder(_Rows).decode
_VECTOR = re.compile(rb'"embedding"\s*:(?!\s*(?:null|""|\[\s*\]))')
"""Finds the beginning of a vector in data that is not decoded."""


def _body_of(source: bytes) -> _Body:
    """Raises msgspec.DecodeError, UnicodeDecodeError and RecursionError."""
    if len(source) <= LARGE:
        return _decode(source)
    found = json_cuts.fields(source)
    data = found.pop("data", msgspec.Raw())
    body = _decode(encoded(found))
    body.data = data
    return body


class EmbeddingsView(PromptView):
    PROMPTS = ("input",)
    LIMITS = ()

    @property
    def generates(self) -> bool:
        return False

    @property
    def encoding_format(self) -> str:
        """base64 or float, "" if the client did not choose one."""
        return text_of(self.get("encoding_format"))

    @property
    def dimensions(self) -> int:
        """The requested length of the vectors, 0 if the client did not set one."""
        return natural(self.get("dimensions"))

    @property
    def input(self) -> Any:
        """A text, a list of texts, tokens, or a list of tokens."""
        return self.get("input")

    @property
    def texts_or_tokens(self) -> list[str | TokenIds]:
        """One text for each vector, or its tokens: a list of numbers is one text. The body must be valid. Raises
        GatewayError if texts and numbers are mixed."""
        given = self.input
        if isinstance(given, str):
            return [given]
        numbers = [item for item in given if isinstance(item, int)]
        if numbers and len(numbers) < len(given):
            message = "Invalid value for 'input': tokens and texts are mixed."
            raise GatewayError(400, message, code="invalid_value", param="input")
        return [numbers] if numbers else given

    @property
    def purpose(self) -> Purpose | None:
        """The purpose for which the texts are embedded, if the client states it as for NVIDIA's, Cohere's and Voyage's
        models."""
        return PURPOSES.get(text_of(self.get("input_type")))

    @property
    def inputs(self) -> int:
        """How many vectors the client asks for."""
        given = self.input
        return len(given) if isinstance(given, list) and given and not isinstance(given[0], int) else 1


def _has_vector(body: Json) -> bool:
    return any(row.get("embedding") for row in rows_of(body.get("data")))


class EmbeddingsReader(AnswerReader):
    __slots__ = ("_asked", "_has_data")

    def __init__(self, asked: Asked | None = None, *, streaming: bool, provider: str = "") -> None:
        super().__init__(streaming=streaming, provider=provider)
        self._asked = asked
        self._has_data = False

    def _read(self) -> None:
        if self._undecoded:
            self._undecoded = False
            try:
                body = _body_of(self._whole().raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self._read_slowly()
                return
            self._has_data = _VECTOR.search(body.data) is not None
            if not self._has_data:
                self._read_slowly()
                return
            self.take_body(
                {name: value for name in ("model", "usage", "meta", "error") if (value := getattr(body, name))}
            )

    def _read_slowly(self) -> None:
        """Reads a body without vectors, or with what strict JSON does not have, such as NaN in a vector."""
        body = self._whole().json()
        if isinstance(body, dict):
            self._has_data = _has_vector(body)
            self.take_body(body)
        else:
            self._garbled = self._kept_size

    def take_event(self, body: Json) -> None:
        self.take_body(body)

    def take_body(self, body: Json) -> None:
        self._usage.take(body)
        error = body.get("error") if self._has_data else failure_in(body)
        if error:
            self.fail(error)

    @property
    def usable(self) -> bool:
        self._gather()
        return self._has_data

    @property
    def ended(self) -> bool:
        return True

    @property
    def complete(self) -> bool:
        self._read()
        return not self._error and (self.streaming or self._has_data)

    @property
    def repeatable(self) -> bool:
        """Each input has one vector, and all vectors have equally many numbers."""
        return self.complete and isinstance(self._asked, EmbeddingsView) and self._has_vectors(self._asked.inputs)

    def _has_vectors(self, count: int) -> bool:
        try:
            rows = _decode_rows(self._whole().raw).data
            vectors = [unpack(each) if isinstance(each := row.embedding, str) else each for row in rows]
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, struct.error):
            return False
        indices = {place if row.index is None else row.index for place, row in enumerate(rows)}
        return len(indices) == len(rows) and have_one_size(vectors, count)

    def gather(self, body: Json) -> None:
        """Vectors have no text. That of a stream, which nobody asks for, is looked at for vectors."""
        self._has_data = self._has_data or _has_vector(body)

    def _gather(self) -> None:
        if self.streaming:
            super()._gather()
        else:
            self._read()


class OpenAIEmbeddings(Generic):
    """The dialect of embeddings. A `core.dialect.Dialect`."""

    name: ClassVar[str] = "openai-embeddings"
    repeatable: ClassVar[bool] = True

    def asked(self, request: Request, api: str) -> Asked:
        return EmbeddingsView(request, api)

    def replace(self, document: Document, texts: Iterable[tuple[TextPlace, str]]) -> None:
        put(document, ((place.path, text) for place, text in texts))

    def reader(self, asked: Asked, *, streaming: bool, provider: str = "") -> AnswerReader:
        return EmbeddingsReader(asked, streaming=streaming, provider=provider)


def have_one_size(vectors: Sequence[Sequence[float]], count: int) -> bool:
    """Whether there are `count` vectors, all of the same length."""
    sizes = {len(vector) for vector in vectors}
    return len(vectors) == count and len(sizes) == 1 and 0 not in sizes and all(map(_is_finite, vectors))


def _is_finite(vector: Sequence[float]) -> bool:
    return isfinite(sum(vector))  # a sum is faster than a look at each number


def embeddings_body(vectors: Sequence[Sequence[float]], asked: EmbeddingsView, tokens: int) -> bytes:
    """Returns the body of an answer that aigw itself makes, in the format that the client asked for."""
    packed = asked.encoding_format == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": pack(vector) if packed else list(vector)}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return encoded({"object": "list", "data": data, "model": asked.model, "usage": usage})
