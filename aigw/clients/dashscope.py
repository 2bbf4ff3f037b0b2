"""DashScope's native API for embeddings, as Higress's plugins call it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from aigw.clients.callout import Callout, CalloutError
from aigw.core.document import encoded

EMBED_PATH = "/api/v1/services/embeddings/text-embedding/text-embedding"
EMBED_HOST = "dashscope.aliyuncs.com"
EMBED_MODEL = "text-embedding-v2"
STANDIN = "dashscope"
"""The name of its stand-in."""

Vector = list[float]
TextType = Literal["query", "document"]


_NONE = "the answer has no embedding"


class _Row(Struct):
    embedding: Raw


class _Rows(Struct):
    embeddings: list[_Row]


class _Answer(Struct):
    output: _Rows


_decode = msgspec.json.Decoder(_Answer).decode


class DashScopeClient:
    """Turns texts into vectors. If `model` is "", EMBED_MODEL is used."""

    def __init__(self, callout: Callout, key: str, model: str = "") -> None:
        self._callout = callout
        self._headers = {"authorization": f"Bearer {key}"}
        self._model = model or EMBED_MODEL

    async def embed(self, text: str) -> Raw:
        """Returns the vector of a text as JSON. It is only passed on, and decoding and encoding 1,536 numbers would
        take 150 us. Raises CalloutError."""
        headers = {"content-type": "application/json", **self._headers}
        body = encoded(embed_body(self._model, [text], "query"))
        try:
            rows = _decode(await self._callout.fetch(EMBED_PATH, headers, body)).output.embeddings
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            rows = []
        if not rows:
            raise CalloutError(_NONE)
        return rows[0].embedding


def embed_body(model: str, texts: Sequence[str], text_type: TextType, dimensions: int = 0) -> dict[str, Any]:
    """Returns the body of a request for one vector for each text. With `dimensions` 0 the model decides how long the
    vectors are."""
    parameters = {"text_type": text_type, **({"dimension": dimensions} if dimensions else {})}
    return {"model": model, "input": {"texts": list(texts)}, "parameters": parameters}


def vectors_in(answer: Any) -> list[Vector]:
    """Returns the vectors in the order of the texts. Raises CalloutError if there are none."""
    try:
        rows = answer["output"]["embeddings"]
        vectors = [row["embedding"] for row in sorted(rows, key=lambda row: row.get("text_index", 0))]
    except (AttributeError, TypeError, LookupError):
        vectors = []
    if not vectors:
        raise CalloutError(_NONE)
    return vectors
