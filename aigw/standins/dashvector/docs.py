"""Documents: inserted, upserted, updated, fetched and deleted. A document is a passage without a source, whose text is
its field `raw`, so that `aigw rag` and ai-rag find its words, too.

Rule: each document of a request has its own code; what is wrong with the shape of one refuses all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from aigw.core.retrieval import DEFAULT, RAW, SOURCE, TITLE, Collection, Passage
from aigw.standins.dashvector import names
from aigw.standins.dashvector.codes import (
    BAD_BATCH,
    BAD_FIELD,
    BAD_ID,
    BAD_VECTOR,
    EMPTY_DOCS,
    EMPTY_ID,
    NO_KEY,
    OTHER_DIMENSION,
    SAME_KEY,
    TOO_MANY_IDS,
    DashVectorError,
    OperationResult,
    unsupported,
)
from aigw.standins.dashvector.schemas import count_of, fields_of

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

MOST = 1024
"""How many documents, or ids, one request may have."""
Operation = Literal["insert", "update", "upsert", "delete"]
Fields = dict[str, Any]


class Doc(msgspec.Struct):
    """`vector` may also be the only one of `vectors`."""

    id: str = ""
    vector: list[float] | None = None
    vectors: dict[str, list[float]] | None = None
    fields: Fields | None = None
    sparse_vector: Any = None
    sparse_vectors: Any = None


class Docs(msgspec.Struct):
    docs: list[Doc] | Doc = []
    partition: str | None = None


class Deletion(msgspec.Struct):
    ids: list[str] | str | None = None
    partition: str | None = None
    delete_all: bool = False
    filter: str | None = None


async def insert(collection: Collection, body: Docs, new_id: Callable[[], str]) -> OperationResult:
    partition, docs = await _taken(collection, body)
    passages = [_passage(collection, doc, doc.id or new_id(), partition) for doc in docs]
    vectors = [_needed(collection, doc) for doc in docs]
    put = await collection.upsert(passages, rows(vectors, collection), only_new=True)
    return _written("insert", passages, [0 if each else SAME_KEY for each in put])


async def upsert(collection: Collection, body: Docs, new_id: Callable[[], str]) -> OperationResult:
    partition, docs = await _taken(collection, body)
    passages = [_passage(collection, doc, doc.id or new_id(), partition) for doc in docs]
    vectors = [_needed(collection, doc) for doc in docs]
    await collection.upsert(passages, rows(vectors, collection))
    return _written("upsert", passages, [0] * len(passages))


async def update(collection: Collection, body: Docs) -> OperationResult:
    """A document without a vector keeps the one that it has. Fields that are not given are gone, as in DashVector."""
    partition, docs = await _taken(collection, body)
    if not all(doc.id for doc in docs):
        raise DashVectorError(BAD_ID, "an update wants the id of each document")
    passages = [_passage(collection, doc, doc.id, partition) for doc in docs]
    given = [vector_of(doc.vector, doc.vectors, collection) for doc in docs]
    there = await collection.fetch([doc.id for doc in docs], partition)
    known = [number for number, doc in enumerate(docs) if doc.id in there]
    vectors = [given[number] or there[docs[number].id][1].tolist() for number in known]
    if known:
        await collection.upsert([passages[number] for number in known], rows(vectors, collection))
    return _written("update", passages, [0 if doc.id in there else NO_KEY for doc in docs])


async def fetch(collection: Collection, ids: Sequence[str], partition: str) -> OperationResult:
    _check_ids(ids)
    await count_of(collection, partition)
    found = await collection.fetch(ids, partition)
    docs = {id_: doc(passage, 0.0, vector=vector.tolist()) for id_, (passage, vector) in found.items()}
    return OperationResult(docs, {"read_units": len(ids)})


async def delete(collection: Collection, body: Deletion) -> OperationResult:
    partition = body.partition or DEFAULT
    ids = [body.ids] if isinstance(body.ids, str) else body.ids or []
    if body.filter:
        raise unsupported("to delete by a filter")
    await count_of(collection, partition)
    if body.delete_all:
        if ids:
            raise DashVectorError(BAD_ID, "delete_all deletes all, so it takes no ids")
        count = await collection.delete([], partition, everything=True)
        return OperationResult([], {"write_units": max(count, 1)})
    _check_ids(ids)
    there = await collection.fetch(ids, partition)
    await collection.delete(ids, partition)
    return _written("delete", [Passage(id_, "") for id_ in ids], [0 if id_ in there else NO_KEY for id_ in ids])


def doc(passage: Passage, score: float, fields: Sequence[str] = (), vector: list[float] | None = None) -> Fields:
    """Returns a document in the form of an answer, with all of its fields or some of them."""
    found = fields_in(passage)
    told = {"id": passage.id, "fields": {name: found[name] for name in fields or found if name in found}}
    return {**told, "score": score, **({} if vector is None else {"vector": vector})}


def fields_in(passage: Passage) -> Mapping[str, Any]:
    own = {RAW: passage.text, SOURCE: passage.source, TITLE: passage.title}
    return {**{name: value for name, value in own.items() if value or passage.source}, **passage.fields}


def vector_of(
    vector: list[float] | None, vectors: Mapping[str, list[float]] | None, collection: Collection
) -> list[float] | None:
    """The one vector that was given, in either form. Raises DashVectorError if it does not fit."""
    if vectors:
        if vector is not None or len(vectors) > 1 or next(iter(vectors)) not in ("", names.VECTOR):
            raise unsupported("more than one vector, or one with a name")
        (vector,) = vectors.values()
    dimension = collection.info.dimension
    if vector is not None and len(vector) != dimension:
        message = f"the collection {collection.info.name} has vectors of {dimension} numbers, not of {len(vector)}"
        raise DashVectorError(OTHER_DIMENSION, message)
    return vector


def rows(vectors: Sequence[list[float]], collection: Collection) -> Vectors:
    import numpy as np

    with np.errstate(over="ignore"):
        made = np.asarray(vectors, np.float32).reshape(-1, collection.info.dimension)
    if not np.isfinite(made).all():
        raise DashVectorError(BAD_VECTOR, "a vector has a number that is too large")
    return made


async def _taken(collection: Collection, body: Docs) -> tuple[str, list[Doc]]:
    docs = [body.docs] if isinstance(body.docs, Doc) else body.docs
    if not docs:
        raise DashVectorError(EMPTY_DOCS, "docs is empty")
    if len(docs) > MOST:
        raise DashVectorError(BAD_BATCH, f"{len(docs)} documents are more than {MOST}")
    partition = body.partition or DEFAULT
    await count_of(collection, partition)
    return partition, docs


def _passage(collection: Collection, doc: Doc, id_: str, partition: str) -> Passage:
    if doc.sparse_vector or doc.sparse_vectors:
        raise unsupported("a sparse vector")
    names.check_id(id_)
    fields = {name: value for name, value in (doc.fields or {}).items() if value is not None}
    info = collection.info
    names.check_fields(fields, fields_of(info))
    text, title = fields.get(RAW), fields.get(TITLE)
    if info.embedder and not text:
        message = (
            f"the collection {info.name} belongs to `aigw rag`, which makes its vectors by {info.embedder} from the "
            f"texts: a document needs its text in the field {RAW}"
        )
        raise DashVectorError(BAD_FIELD, message)
    texts = [each if isinstance(each, str) else "" for each in (text, title)]
    return Passage(id_, texts[0], title=texts[1], fields=fields, partition=partition)


def _needed(collection: Collection, doc: Doc) -> list[float]:
    vector = vector_of(doc.vector, doc.vectors, collection)
    if vector is None:
        raise DashVectorError(BAD_VECTOR, f"the document {doc.id} has no vector")
    return vector


def _check_ids(ids: Sequence[str]) -> None:
    if not ids:
        raise DashVectorError(EMPTY_ID, "ids is empty")
    if len(ids) > MOST:
        raise DashVectorError(TOO_MANY_IDS, f"{len(ids)} ids are more than {MOST}")


_WHY = {0: "", SAME_KEY: "there is a document of this id already", NO_KEY: "there is no document of this id"}


def _written(operation: Operation, passages: Sequence[Passage], codes: Sequence[int]) -> OperationResult:
    told = [
        {"doc_op": operation, "id": passage.id, "code": code, "message": _WHY[code]}
        for passage, code in zip(passages, codes, strict=True)
    ]
    return OperationResult(told, {"write_units": len(told)})
