"""DashVector, a store of vectors in the cloud, as Higress's plugins call it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from msgspec import Raw

from aigw.clients.callout import Callout, CalloutError

RELATIONS: dict[str, Callable[[float, float], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}

Vector = Raw
"""A list of numbers as JSON."""


STANDIN = "dashvector"
"""The name of its stand-in."""


class NearestQuestion(NamedTuple):
    """The result of a search for a question. `vector` is the vector that was searched for. `question` is the nearest
    stored question if it is near enough, else "". `answer` is the answer that is stored with it ("" if none)."""

    vector: Vector
    question: str = ""
    answer: str = ""


class Doc(NamedTuple):
    """A document that was found. With the metric `cosine`, `score` is a distance: the lower the nearer."""

    id: str
    score: float
    fields: Mapping[str, Any]


class DashVectorClient:
    """A client for one collection. Every call may raise CalloutError."""

    def __init__(self, callout: Callout, key: str, collection: str) -> None:
        self._callout = callout
        self._headers = {"dashvector-auth-token": key}
        self._path = f"/v1/collections/{quote(collection, safe='')}"

    async def query(self, body: Mapping[str, Any]) -> list[Doc]:
        """`body` is as the API has it: `vector`, `topk` and more. Returns the nearest documents, the nearest first."""
        answer = await self._callout.post(f"{self._path}/query", self._headers, body)
        try:
            if code := answer.get("code"):
                raise CalloutError(f"DashVector refuses the query: {code} {answer.get('message', '')}")
            return [Doc(str(each.get("id", "")), float(each["score"]), dict(each.get("fields") or {})) for each in
                    answer.get("output") or ()]  # fmt: skip
        except (AttributeError, TypeError, ValueError, LookupError, OverflowError):
            raise CalloutError("the answer is not the result of a query") from None

    async def add(self, vector: Vector, fields: Mapping[str, Any]) -> None:
        """Stores a document."""
        await self._callout.post(f"{self._path}/docs", self._headers, {"docs": [{"vector": vector, "fields": fields}]})


class Questions:
    """Stores questions with their answers by the vectors of the questions, and finds near ones. `near` tells whether a
    score is near enough."""

    def __init__(self, client: DashVectorClient, top: int, near: Callable[[float], bool]) -> None:
        self._client = client
        self._top = top
        self._near = near

    async def nearest(self, vector: Vector) -> NearestQuestion:
        """Searches for the question that is nearest to `vector`. Raises CalloutError."""
        found = await self._client.query({"vector": vector, "topk": self._top, "include_vector": False})
        if not found or not self._near(found[0].score):
            return NearestQuestion(vector)
        fields = found[0].fields
        return NearestQuestion(vector, str(fields.get("query") or ""), str(fields.get("answer") or ""))

    async def add(self, vector: Vector, question: str, answer: str) -> None:
        """Stores a question and its answer under the vector of the question. Raises CalloutError."""
        await self._client.add(vector, {"query": question, "answer": answer})
