"""DashVector, a store of vectors in the cloud, as Higress's plugins call it."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from aigw.clients.callout import Callout, CalloutError

RELATIONS: dict[str, Callable[[float, float], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}

Vector = list[float]


class Found(NamedTuple):
    """The result of a search. `vector` is the vector that was searched for. `question` is the nearest stored question
    if it is near enough, else "". `answer` is the answer that is stored with it ("" if none)."""

    vector: Vector
    question: str = ""
    answer: str = ""


class DashVectorClient:
    """Stores questions by their vectors, and finds near ones. `near` tells whether a score is near enough."""

    def __init__(self, callout: Callout, key: str, collection: str, top: int, near: Callable[[float], bool]) -> None:
        self._callout = callout
        self._headers = {"dashvector-auth-token": key}
        self._path = f"/v1/collections/{collection}"
        self._top = top
        self._near = near

    async def nearest(self, vector: Vector) -> Found:
        """Searches for the question that is nearest to `vector`. Raises CalloutError."""
        body = {"vector": vector, "topk": self._top, "include_vector": False}
        answer = await self._callout.post(f"{self._path}/query", self._headers, body)
        try:
            first = next(iter(answer.get("output") or ()), None)
            if first is None or not self._near(first["score"]):
                return Found(vector)
            fields: dict[str, Any] = first.get("fields") or {}
            return Found(vector, str(fields.get("query") or ""), str(fields.get("answer") or ""))
        except (AttributeError, TypeError, LookupError):
            raise CalloutError("the answer is not the result of a query") from None

    async def add(self, vector: Vector, question: str, answer: str) -> None:
        """Stores a question and its answer under the vector of the question. Raises CalloutError."""
        body = {"docs": [{"vector": vector, "fields": {"query": question, "answer": answer}}]}
        await self._callout.post(f"{self._path}/docs", self._headers, body)
