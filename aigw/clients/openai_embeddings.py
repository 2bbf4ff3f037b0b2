"""OpenAI's API for embeddings, as a client of it writes and reads it. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aigw.clients.callout import CalloutError

EMBED_PATH = "/embeddings"

Vector = list[float]


def embed_body(model: str, texts: Sequence[str], dimensions: int = 0) -> dict[str, Any]:
    """Returns the body of a request for one vector for each text. With `dimensions` 0 the model decides how long the
    vectors are."""
    body = {"model": model, "input": list(texts), "encoding_format": "float"}
    return {**body, "dimensions": dimensions} if dimensions else body


def vectors_in(answer: Any) -> list[Vector]:
    """The vectors, in the order of the texts. Raises CalloutError if this is no answer with vectors."""
    try:
        rows = sorted(answer["data"], key=lambda row: row["index"])
        return [row["embedding"] for row in rows]
    except (TypeError, LookupError):
        raise CalloutError("the answer has no embeddings") from None
