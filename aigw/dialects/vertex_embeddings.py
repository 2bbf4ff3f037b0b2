"""Embeddings of Google's Vertex AI (`:predict`). Each text is an instance; its vector is a prediction, with the number
of its tokens. Source: Google's reference of the text embeddings API.

Rule: a text that is too long is refused, as by OpenAI, and never cut."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from aigw.core.dialect import Asked
from aigw.core.document import Document
from aigw.core.model import Chunk, Request
from aigw.core.retrieval import Purpose
from aigw.dialects.json_values import encoded
from aigw.dialects.openai_embeddings import PURPOSES, EmbeddingsReader, EmbeddingsView, OpenAIEmbeddings, have_one_size
from aigw.dialects.reader import AnswerReader, Json
from aigw.dialects.usage import count_of
from aigw.dialects.view import natural, rows_of, text_of

_TASKS: dict[Purpose, str] = {"query": "RETRIEVAL_QUERY", "passage": "RETRIEVAL_DOCUMENT"}


def encode(request: Document) -> bytes:
    """Returns the body of a request in OpenAI's format. Raises ValueError if it has something else than texts."""
    given = request.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError("input: this provider takes a text or a list of texts, no tokens")
    purpose = PURPOSES.get(text_of(request.get("input_type")))
    task = {"task_type": _TASKS[purpose]} if purpose else {}
    parameters: Json = {"autoTruncate": False}
    if dimensions := natural(request.get("dimensions")):
        parameters["outputDimensionality"] = dimensions
    return encoded({"instances": [{"content": text, **task} for text in texts], "parameters": parameters})


def decode(body: Chunk, *, model: str) -> bytes:
    """Returns an answer in OpenAI's format. Raises ValueError if it has no vectors."""
    vectors = [vector for vector, _ in _predictions(body)]
    if not vectors:
        raise ValueError("Vertex AI's answer has no predictions")
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return encoded({"object": "list", "data": data, "model": model, **_usage(body)})


class PredictView(EmbeddingsView):
    """A view of a request that was encoded here."""

    @property
    def input(self) -> Any:
        return [instance.get("content") for instance in rows_of(self.get("instances"))]


class PredictionsReader(EmbeddingsReader):
    __slots__ = ()

    def _read(self) -> None:
        if self._undecoded:
            self._undecoded = False
            self._has_data = any(vector for vector, _ in _predictions(self._whole()))
            body = _usage(self._whole()) if self._has_data else self._whole().json()
            if isinstance(body, dict):
                self.take_body(body)
            else:
                self._garbled = self._kept_size

    def _has_vectors(self, count: int) -> bool:
        return have_one_size([vector for vector, _ in _predictions(self._whole())], count)


class VertexEmbeddings(OpenAIEmbeddings):
    """The dialect of `:predict`. No path of a client uses it."""

    name: ClassVar[str] = "vertex-embeddings"

    def asked(self, request: Request, api: str) -> Asked:
        return PredictView(request, api)

    def reader(self, asked: Asked, *, streaming: bool, provider: str = "") -> AnswerReader:
        return PredictionsReader(asked, streaming=streaming, provider=provider)


def _predictions(body: Chunk) -> Iterator[tuple[list[float], int]]:
    """Yields each vector, and how many tokens its text has."""
    answer = body.json()
    for prediction in rows_of(answer.get("predictions")) if isinstance(answer, dict) else ():
        found = prediction.get("embeddings")
        if isinstance(found, dict) and isinstance(values := found.get("values"), list):
            statistics = found.get("statistics")
            counted = statistics.get("token_count") if isinstance(statistics, dict) else 0
            yield values, count_of(counted) or 0


def _usage(body: Chunk) -> Json:
    tokens = sum(counted for _, counted in _predictions(body))
    return {"usage": {"prompt_tokens": tokens, "total_tokens": tokens}} if tokens else {}
