"""DashVector's API, answered by the collections of this machine."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import msgspec

from aigw.core.model import Request
from aigw.core.retrieval import DEFAULT, Collection, Collections, NoCollectionError, Passage, Query, RetrievalError
from aigw.standins.answers import answer, read
from aigw.upstream.standin import StandinAnswer

INEXISTENT_COLLECTION, INVALID_ARGUMENT, MISMATCHED_DIMENSION, UNKNOWN = -2021, -2999, -2019, -999
_QUERY = re.compile(r"/v1/collections/([^/]+)/query")
RAW = "raw"
"""The field that has the text of a passage that `aigw rag ingest` made."""


class _QueryBody(msgspec.Struct):
    vector: list[float] | None = None
    topk: int = 10
    partition: str = DEFAULT
    output_fields: list[str] | None = None
    include_vector: bool = False


class DashVectorStandin:
    def __init__(self, collections: Collections, new_id: Callable[[], str]) -> None:
        self._collections = collections
        self._new_id = new_id

    async def __call__(self, request: Request) -> StandinAnswer:
        found = _QUERY.fullmatch(request.path)
        if request.method != "POST" or found is None:
            return self._refused(INVALID_ARGUMENT, f"{request.method} {request.path} has no stand-in")
        try:
            body = read(request, _QueryBody)
            return self._told(await self._query(await self._collections.get(unquote(found[1])), body))
        except ValueError as error:
            return self._refused(INVALID_ARGUMENT, str(error))
        except NoCollectionError as error:
            return self._refused(INEXISTENT_COLLECTION, str(error))
        except RetrievalError as error:
            return self._refused(UNKNOWN, str(error))

    async def _query(self, collection: Collection, body: _QueryBody) -> list[dict[str, Any]]:
        import numpy as np

        if body.vector is None:
            raise ValueError("vector is missing")
        vector = np.asarray(body.vector, np.float32)
        candidates = await collection.search(Query(vector, top=body.topk, partition=body.partition))
        passages = await collection.passages([near.key for near in candidates.near])
        cosine = collection.info.metric == "cosine"
        return [
            {"id": passages[near.key].id, "fields": _fields(passages[near.key], body.output_fields),
             "score": 1.0 - near.score if cosine else near.score}
            for near in candidates.near
            if near.key in passages
        ]  # fmt: skip

    def _told(self, output: Any) -> StandinAnswer:
        return answer({"code": 0, "message": "", "request_id": self._new_id(), "output": output})

    def _refused(self, code: int, message: str) -> StandinAnswer:
        return answer({"code": code, "message": message, "request_id": self._new_id()})


def _fields(passage: Passage, wanted: list[str] | None) -> dict[str, Any]:
    found = {RAW: passage.text, "source": passage.source, "title": passage.title, **passage.fields}
    return found if wanted is None else {name: found[name] for name in wanted if name in found}
