"""The rows of one collection, in a Milvus.

Rule: everything here blocks, and is called in a thread. Reads see all that was written before (Milvus's consistency
`Strong`). What the server has not loaded, because it was started anew, is loaded when that turns up."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from aigw.core.retrieval import RetrievalError
from aigw.stores.milvus import rows
from aigw.stores.milvus.failures import NotLoadedError
from aigw.stores.milvus.rows import Identity, Row
from aigw.stores.milvus.server import WRITE_SECONDS, Server

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

MOST_ROWS = 16_384
"""The most rows that Milvus returns at once."""
_NUMBERS = 1000
"""How many numbers a filter lists, and how many rows a page has."""


class Table:
    def __init__(self, server: Server, name: str) -> None:
        self.name = name
        self._server = server
        self._table = rows.table_name(name)

    def create(self, identity: Identity) -> None:
        """Raises RetrievalError if there is one already."""
        with self._server.told(self.name):
            schema = _schema(identity.info.dimension)
        if not self._server.call(self.name, "has_collection", self._table):
            self._server.call(
                self.name, "create_collection", self._table, schema=schema, seconds=WRITE_SECONDS,
                consistency_level="Strong", properties={rows.PROPERTY: rows.described(identity)},
            )  # fmt: skip
        if self.identity().salt != identity.salt:
            raise RetrievalError(f"there is a collection {self.name} already")
        self._index(identity)
        self._load()
        self.put([rows.head_row(identity)])

    def identity(self) -> Identity:
        """Raises NoCollectionError."""
        said = self._server.call(self.name, "describe_collection", self._table)
        return rows.identity_of(self.name, said.get("properties", {}))

    def drop(self) -> bool:
        if not self._server.call(self.name, "has_collection", self._table):
            return False
        self._server.call(self.name, "drop_collection", self._table, seconds=WRITE_SECONDS)
        return True

    def kind(self) -> str:
        """Says how the vectors are kept."""
        said = self._server.call(self.name, "describe_index", self._table, "vector")
        return f"milvus {said['index_type']}".lower()

    def get(self, keys: Iterable[int], fields: Sequence[str]) -> dict[int, Row]:
        """Returns those of the rows that exist."""
        found: dict[int, Row] = {}
        for some in numbers(keys):
            got = self._call("get", some, output_fields=["key", *fields])
            found |= {row["key"]: row for row in got}
        return found

    def find(self, where: str, fields: Sequence[str]) -> list[Row]:
        """Returns all rows that fulfil a filter, however many. Usually they are few, and one call is enough."""
        few = self.some(where, fields, _NUMBERS)
        if len(few) < _NUMBERS:
            return few
        pages = self._call("query_iterator", batch_size=_NUMBERS, filter=where, output_fields=["key", *fields])
        found: list[Row] = []
        with self._server.told(self.name), contextlib.closing(pages):
            while page := pages.next():
                found += page
        return found

    def some(self, where: str, fields: Sequence[str], most: int) -> list[Row]:
        """Returns at most `most` rows that fulfil a filter."""
        return list(self._call("query", filter=where, output_fields=["key", *fields], limit=min(most, MOST_ROWS)))

    def count(self, where: str) -> int:
        return int(self._call("query", filter=where, output_fields=["count(*)"])[0]["count(*)"])

    def search(self, vector: Vectors, where: str, top: int, fields: Sequence[str]) -> list[Row]:
        """Returns the nearest rows first, each with its `distance`."""
        (found,) = self._call(
            "search", data=[vector.tolist()], anns_field="vector", filter=where, limit=min(top, MOST_ROWS),
            output_fields=list(fields),
        )  # fmt: skip
        return [{"key": hit["key"], "distance": hit["distance"], **hit["entity"]} for hit in found]

    def put(self, some: Sequence[Row]) -> None:
        """Each in the place of the row with its key, if there is one."""
        for batch in rows.batches(some):
            self._call("upsert", list(batch), seconds=WRITE_SECONDS)

    def insert(self, some: Sequence[Row]) -> None:
        """Adds rows with new keys."""
        for batch in rows.batches(some):
            self._call("insert", list(batch), seconds=WRITE_SECONDS)

    def delete(self, keys: Iterable[int]) -> None:
        for some in numbers(keys):
            self._call("delete", ids=some, seconds=WRITE_SECONDS)

    def delete_where(self, where: str) -> None:
        self._call("delete", filter=where, seconds=WRITE_SECONDS)

    def _call(self, method: str, *arguments: object, **named: Any) -> Any:
        try:
            return self._server.call(self.name, method, self._table, *arguments, **named)
        except NotLoadedError:
            self._load_again()
            return self._server.call(self.name, method, self._table, *arguments, **named)

    def _load_again(self) -> None:
        """Whoever created it may have been killed before it had indexes."""
        try:
            self._load()
        except RetrievalError:
            self._index(self.identity())
            self._load()

    def _load(self) -> None:
        self._server.call(self.name, "load_collection", self._table, seconds=WRITE_SECONDS)

    def _index(self, identity: Identity) -> None:
        """The server loads nothing that has no index."""
        with self._server.told(self.name):
            indexes = _indexes(rows.METRICS[identity.info.metric])
        self._server.call(self.name, "create_index", self._table, indexes, seconds=WRITE_SECONDS, sync=False)


def numbers(some: Iterable[int]) -> Iterator[list[int]]:
    """Splits numbers into lists that a filter or a call accepts."""
    whole = [int(each) for each in some]
    return (whole[at : at + _NUMBERS] for at in range(0, len(whole), _NUMBERS))


def among(field: str, some: Sequence[int]) -> str:
    """The filter of rows that have one of these numbers."""
    return f"{field} in {list(some)}"


def names(server: Server) -> list[str]:
    """Returns the names of aigw's collections in this Milvus."""
    found = map(rows.collection_name, server.call("", "list_collections"))
    return sorted(name for name in found if name is not None)


def _schema(dimension: int) -> Any:
    from pymilvus import DataType, MilvusClient

    schema = MilvusClient.create_schema(auto_id=False)
    schema.add_field("key", DataType.INT64, is_primary=True)
    for name in ("partition", "place", "origin", "generation", "number"):
        schema.add_field(name, DataType.INT64)
    for name in ("kind", "language"):
        schema.add_field(name, DataType.INT8)
    schema.add_field("text", DataType.VARCHAR, max_length=rows.MOST_BYTES)
    for name in ("about", "fields"):
        schema.add_field(name, DataType.JSON)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
    return schema


def _indexes(metric: str) -> Any:
    from pymilvus import MilvusClient

    indexes = MilvusClient.prepare_index_params()
    indexes.add_index("vector", index_type="AUTOINDEX", metric_type=metric)
    for name in ("origin", "place"):
        indexes.add_index(name, index_type="INVERTED")
    return indexes
