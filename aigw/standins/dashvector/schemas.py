"""Collections and their partitions: made, listed, described, counted and dropped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from aigw.core.retrieval import DEFAULT, RAW, SOURCE, TITLE, Collection, CollectionInfo, Collections, Metric
from aigw.standins.dashvector import names
from aigw.standins.dashvector.codes import (
    BAD_DIMENSION,
    BAD_VECTOR_TYPE,
    NO_COLLECTION,
    NO_PARTITION,
    SAME_COLLECTION,
    SAME_PARTITION,
    DashVectorError,
    OperationResult,
    unsupported,
)

SERVING = "SERVING"
LARGEST = 20_000
_TEXTS: Mapping[str, str] = dict.fromkeys((RAW, SOURCE, TITLE), "STRING")
"""The fields of a collection that `aigw rag` made."""


class Vector(msgspec.Struct):
    """The vector of a collection. How it is kept (`quantize_type`) the store decides."""

    dimension: int = 0
    dtype: Literal["FLOAT", "INT"] = "FLOAT"
    metric: Metric = "cosine"


class Creation(Vector):
    name: str = ""
    fields_schema: dict[str, str] = {}
    vectors_schema: dict[str, Vector] = {}
    sparse_vectors_schema: dict[str, Any] = {}


class Partition(msgspec.Struct):
    name: str


async def create(collections: Collections, body: Creation) -> OperationResult:
    names.check_collection(body.name)
    names.check_schema(body.fields_schema)
    vector = _vector(body)
    if vector.dtype != "FLOAT":
        raise DashVectorError(BAD_VECTOR_TYPE, "this stand-in keeps vectors of FLOAT only")
    if not 1 < vector.dimension <= LARGEST:
        raise DashVectorError(BAD_DIMENSION, f"a vector has 2 to {LARGEST} numbers, not {vector.dimension}")
    if body.name in await collections.names():
        raise DashVectorError(SAME_COLLECTION, f"there is a collection {body.name} already")
    info = CollectionInfo(body.name, vector.dimension, metric=vector.metric, fields=body.fields_schema)
    await collections.create(info)
    return OperationResult()


def _vector(body: Creation) -> Vector:
    """A client declares it beside the name, or as the only one of several."""
    if body.sparse_vectors_schema:
        raise unsupported("a sparse vector")
    if not body.vectors_schema:
        return body
    if len(body.vectors_schema) > 1:
        raise unsupported("more than one vector")
    ((name, vector),) = body.vectors_schema.items()
    if name not in ("", names.VECTOR):
        raise unsupported(f"a vector with a name ({name})")
    return vector


async def drop(collections: Collections, name: str) -> OperationResult:
    if not await collections.drop(name):
        raise DashVectorError(NO_COLLECTION, f"there is no collection {name}")
    return OperationResult()


async def describe(collection: Collection) -> OperationResult:
    info = collection.info
    vector = {"dimension": info.dimension, "dtype": "FLOAT", "metric": info.metric}
    return OperationResult(
        {
            "name": info.name,
            **vector,
            "status": SERVING,
            "fields_schema": {**fields_of(info)},
            "vectors_schema": {names.VECTOR: {**vector, "quantize_type": ""}},
            "partitions": dict.fromkeys(await collection.partitions(), SERVING),
        }
    )


def fields_of(info: CollectionInfo) -> Mapping[str, str]:
    return {**_TEXTS, **info.fields} if info.embedder else info.fields


async def stats(collection: Collection) -> OperationResult:
    partitions = await collection.partitions()
    counts = {name: {"total_doc_count": count} for name, count in partitions.items()}
    told = {"total_doc_count": sum(partitions.values()), "index_completeness": 1.0, "partitions": counts}
    return OperationResult(told)


async def create_partition(collection: Collection, name: str) -> OperationResult:
    names.check_partition(name)
    if not await collection.create_partition(name):
        raise DashVectorError(SAME_PARTITION, f"{collection.info.name} has a partition {name} already")
    return OperationResult()


async def drop_partition(collection: Collection, name: str) -> OperationResult:
    if name == DEFAULT:
        raise unsupported(f"to drop the partition {DEFAULT}")
    if not await collection.drop_partition(name):
        raise no_partition(collection, name)
    return OperationResult()


async def describe_partition(collection: Collection, name: str) -> OperationResult:
    await count_of(collection, name)
    return OperationResult(SERVING)


async def partition_stats(collection: Collection, name: str) -> OperationResult:
    return OperationResult({"total_doc_count": await count_of(collection, name)})


async def count_of(collection: Collection, partition: str) -> int:
    """Raises DashVectorError if there is no such partition."""
    count = (await collection.partitions()).get(partition)
    if count is None:
        raise no_partition(collection, partition)
    return count


def no_partition(collection: Collection, name: str) -> DashVectorError:
    return DashVectorError(NO_PARTITION, f"{collection.info.name} has no partition {name}")
