"""DashVector's HTTP API, answered by the collections of this machine. A collection is the same to `aigw rag`.

Rule: here, and only here, a path becomes an operation, and an exception becomes a code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from aigw.core.model import Request
from aigw.core.retrieval import DEFAULT, Collections, NoCollectionError, RetrievalError
from aigw.standins.answers import answer, read
from aigw.standins.dashvector import docs, queries, schemas
from aigw.standins.dashvector.codes import (
    BAD_ARGUMENT,
    NO_COLLECTION,
    TOO_LARGE,
    UNKNOWN,
    DashVectorError,
    OperationResult,
    unsupported,
)
from aigw.upstream.standin import StandinAnswer

VERSION_PATH = "/service_version"
COLLECTIONS_PATH = "/v1/collections"
VERSION = "1.0.0"
"""The version of the API that is answered."""
LARGEST = 16 << 20
"""Bytes of a body. DashVector takes 2 MiB in its binary form, which are several times as many in JSON."""


class DashVectorStandin:
    def __init__(self, collections: Collections, new_id: Callable[[], str]) -> None:
        self._collections = collections
        self._new_id = new_id

    async def __call__(self, request: Request) -> StandinAnswer:
        if request.path == VERSION_PATH and request.method == "GET":
            return answer({**self._answer_body(0, "Success"), "version": VERSION})
        try:
            if len(request.body) > LARGEST:
                raise DashVectorError(TOO_LARGE, f"a request has at most {LARGEST >> 20} MiB")
            told = await self._operation_result(request)
        except DashVectorError as error:
            return answer(self._answer_body(error.code, str(error)))
        except ValueError as error:
            return answer(self._answer_body(BAD_ARGUMENT, str(error)))
        except NoCollectionError as error:
            return answer(self._answer_body(NO_COLLECTION, str(error)))
        except RetrievalError as error:
            return answer(self._answer_body(UNKNOWN, str(error)))
        parts = {"output": told.output, "usage": told.usage}
        return answer(
            {**self._answer_body(0, "Success"), **{name: part for name, part in parts.items() if part is not None}}
        )

    def _answer_body(self, code: int, message: str) -> dict[str, Any]:
        return {"request_id": self._new_id(), "code": code, "message": message}

    async def _operation_result(self, request: Request) -> OperationResult:
        start, _, rest = request.path.partition(COLLECTIONS_PATH)
        steps = [unquote(step) for step in rest.strip("/").split("/") if step]
        if start or (rest and not rest.startswith("/")):
            raise _unknown(request)
        if steps:
            return await self._of_collection(request, *steps)
        if request.method == "GET":
            return OperationResult(list(await self._collections.names()))
        if request.method == "POST":
            return await schemas.create(self._collections, read(request, schemas.Creation))
        raise _unknown(request)

    async def _of_collection(self, request: Request, name: str, *steps: str) -> OperationResult:
        if request.method == "DELETE" and not steps:
            return await schemas.drop(self._collections, name)
        collection = await self._collections.get(name)
        match (request.method, *steps):
            case ("GET",):
                return await schemas.describe(collection)
            case "GET", "stats":
                return await schemas.stats(collection)
            case "POST", "query":
                return await queries.query(collection, read(request, queries.Body))
            case _, "query_group_by":
                raise unsupported("group by")
            case "POST", "docs":
                return await docs.insert(collection, read(request, docs.Docs), self._new_id)
            case "POST", "docs", "upsert":
                return await docs.upsert(collection, read(request, docs.Docs), self._new_id)
            case "PUT", "docs":
                return await docs.update(collection, read(request, docs.Docs))
            case "DELETE", "docs":
                return await docs.delete(collection, read(request, docs.Deletion))
            case "GET", "docs":
                asked = _parameters(request.query)
                ids = [id_ for id_ in asked.get("ids", "").split(",") if id_]
                return await docs.fetch(collection, ids, asked.get("partition") or DEFAULT)
            case "GET", "partitions":
                return OperationResult(list(await collection.partitions()))
            case "POST", "partitions":
                return await schemas.create_partition(collection, read(request, schemas.Partition).name)
            case "GET", "partitions", partition:
                return await schemas.describe_partition(collection, partition)
            case "GET", "partitions", partition, "stats":
                return await schemas.partition_stats(collection, partition)
            case "DELETE", "partitions", partition:
                return await schemas.drop_partition(collection, partition)
        raise _unknown(request)


def _unknown(request: Request) -> DashVectorError:
    return unsupported(f"{request.method} {request.path}")


def _parameters(query: str) -> dict[str, str]:
    """Reads the parameters of a query. A plus stays a plus, because an id may contain one."""
    pairs = (each.partition("=") for each in query.split("&"))
    return {unquote(name): unquote(value) for name, _, value in pairs}
