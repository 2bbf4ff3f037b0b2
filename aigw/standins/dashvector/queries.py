"""Queries: for documents near to a vector, near to another document, or that fulfil a filter.

Rule: scores are DashVector's. With `cosine` it is the distance 1 - cos, with `euclidean` the distance (both: the lower
the nearer), with `dotproduct` the product (the higher the nearer)."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from aigw.core.retrieval import DEFAULT, Collection, Condition, Metric, Query
from aigw.standins.dashvector import filters
from aigw.standins.dashvector.codes import BAD_TOP, NO_KEY, VECTOR_AND_ID, DashVectorError, OperationResult, unsupported
from aigw.standins.dashvector.docs import doc, rows, vector_of
from aigw.standins.dashvector.schemas import count_of

MOST = 1024


class Parameters(msgspec.Struct):
    """The parameters of a search. With a `radius` other than 0, only documents within it are found. All other
    parameters are hints for an index."""

    radius: float = 0.0


class VectorQuery(msgspec.Struct):
    vector: list[float]
    param: Parameters | None = None


class Body(msgspec.Struct):
    """`vector` may also be the only one of `vectors`."""

    vector: list[float] | None = None
    vectors: dict[str, VectorQuery] | None = None
    id: str | None = None
    topk: int = 10
    filter: str | None = None
    partition: str | None = None
    output_fields: list[str] | None = None
    include_vector: bool = False
    sparse_vector: Any = None
    sparse_vectors: Any = None
    rerank: Any = None
    order_by_fields: Any = None


async def query(collection: Collection, body: Body) -> OperationResult:
    _check(body)
    partition = body.partition or DEFAULT
    await count_of(collection, partition)
    where = filters.parse(body.filter) if body.filter and body.filter.strip() else None
    vector = await _vector(collection, body, partition)
    if vector is None:
        found = [(passage, 0.0) for passage in await collection.first(body.topk, partition, where)]
    else:
        found = await _near(collection, body, partition, vector, where)
    vectors: dict[str, list[float]] = {}
    if body.include_vector:
        kept = await collection.fetch([passage.id for passage, _ in found], partition)
        vectors = {id_: row.tolist() for id_, (_, row) in kept.items()}
    wanted = body.output_fields or ()
    told = [doc(passage, score, wanted, vectors.get(passage.id)) for passage, score in found]
    return OperationResult(told, {"read_units": max(len(told), 1)})


def _check(body: Body) -> None:
    for name in ("sparse_vector", "sparse_vectors", "rerank", "order_by_fields"):
        if getattr(body, name):
            raise unsupported(name)
    if not 1 <= body.topk <= MOST:
        raise DashVectorError(BAD_TOP, f"topk is {body.topk}, and must be 1 to {MOST}")
    if body.id and (body.vector is not None or body.vectors):
        raise DashVectorError(VECTOR_AND_ID, "a query has a vector or an id, not both")


async def _vector(collection: Collection, body: Body, partition: str) -> list[float] | None:
    if not body.id:
        several = {name: each.vector for name, each in (body.vectors or {}).items()}
        return vector_of(body.vector, several, collection)
    found = await collection.fetch([body.id], partition)
    if body.id not in found:
        raise DashVectorError(NO_KEY, f"{collection.info.name} has no document {body.id}")
    vector: list[float] = found[body.id][1].tolist()
    return vector


async def _near(
    collection: Collection, body: Body, partition: str, vector: list[float], where: Condition | None
) -> list[tuple[Any, float]]:
    row = rows([vector], collection)[0]
    candidates = await collection.search(Query(row, top=body.topk, partition=partition, where=where))
    passages = await collection.passages([near.key for near in candidates.near])
    metric = collection.info.metric
    scores = {near.key: score_of(metric, near.score) for near in candidates.near if near.key in passages}
    radius = next((each.param.radius for each in (body.vectors or {}).values() if each.param is not None), 0.0)
    return [
        (passages[key], score)
        for key, score in scores.items()
        if not radius or (score >= radius if metric == "dotproduct" else score <= radius)
    ]


def score_of(metric: Metric, near: float) -> float:
    """Returns DashVector's score. `near` is the score of a candidate."""
    if metric == "cosine":
        return max(0.0, 1.0 - near)
    return math.sqrt(max(0.0, near)) if metric == "euclidean" else near
