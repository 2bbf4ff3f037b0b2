"""The form of a collection in Milvus: it is one of Milvus's collections, whose rows are passages, sources, changes
under way, partitions, and a head that changes with every change.

Rule: numbers stand for names (of sources, partitions, places). They are hashes with the collection's own salt, so that
nobody can make two names meet on purpose."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from aigw.core.retrieval import CollectionInfo, Language, Passage, RetrievalError, Source, language_of

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

Row = dict[str, Any]

PASSAGE, SOURCE, CHANGE, HEAD, PARTITION = range(5)
"""The kinds of rows."""
HEAD_KEY = 0
LANGUAGES: tuple[Language, ...] = ("other", "cjk")
"""The languages. The index of each is its number in Milvus."""
METRICS = {"cosine": "COSINE", "euclidean": "L2", "dotproduct": "IP"}
PROPERTY = "aigw"
"""The property of Milvus's collection that says what it is."""
FORMAT = 1
_PREFIX = "aigw_"
MOST_BYTES = 65_535
"""The largest text or JSON value that Milvus takes."""
SHOWN = ["key", "text", "about", "fields"]
"""The fields of which `passage_of` makes a passage."""


class Identity(NamedTuple):
    """A collection, told from a later one of the same name by its salt."""

    info: CollectionInfo
    salt: str

    def number(self, *names: str) -> int:
        """Returns the number that stands for a name. It is never HEAD_KEY."""
        digest = blake2b(json.dumps(names).encode(), digest_size=8, key=self.salt.encode()).digest()
        return (int.from_bytes(digest) >> 1) or 1

    def origin(self, source: str) -> int:
        """Returns the number that stands for a source, which is also the key of its row. 0 means no source."""
        return self.number("source", source)

    def partition(self, name: str) -> int:
        return self.number("partition", name)

    def place(self, partition: str, id_: str) -> int:
        """Returns the number that stands for an id in its partition. It is the key of a passage without a source."""
        return self.number("place", partition, id_)


def table_name(name: str) -> str:
    """The name of a collection as Milvus allows it: letters, digits and _."""
    return _PREFIX + re.sub(r"[^A-Za-z0-9]", lambda found: f"_{ord(found[0]):02x}", name)


def collection_name(table: str) -> str | None:
    """The other way, None if it is not one of ours."""
    if not table.startswith(_PREFIX):
        return None
    name = re.sub(r"_([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), table.removeprefix(_PREFIX))
    return name if table_name(name) == table else None


def described(identity: Identity) -> str:
    info = identity.info
    return json.dumps(
        {
            "format": FORMAT, "salt": identity.salt, "dimension": info.dimension, "embedder": info.embedder,
            "metric": info.metric, "fields": dict(info.fields),
        }
    )  # fmt: skip


def identity_of(name: str, properties: Mapping[str, str]) -> Identity:
    """Raises RetrievalError."""
    try:
        said = json.loads(properties[PROPERTY])
        if said["format"] == FORMAT:
            info = CollectionInfo(name, said["dimension"], said["embedder"], said["metric"], said["fields"])
            return Identity(info, said["salt"])
    except (KeyError, TypeError, ValueError):
        pass
    raise RetrievalError(
        f"Milvus's collection {table_name(name)} was not written by this aigw; drop it, or name another database in "
        "rag.store"
    )


def new_number() -> int:
    """Returns a random number for a key or a generation."""
    return secrets.randbits(62) + 1


def passage_row(identity: Identity, passage: Passage, vector: Vectors, number: int, generation: int) -> Row:
    """The `number` says which came first. The rows of a source have a generation, and keys of their own."""
    about = {"id": passage.id, "partition": passage.partition, "source": passage.source, "title": passage.title}
    others = {"lines": passage.lines, "page": passage.page}
    place = identity.place(passage.partition, passage.id)
    row = _row(
        new_number() if generation else place,
        PASSAGE,
        vector,
        about | {name: value for name, value in others.items() if value is not None},
        origin=identity.origin(passage.source) if generation else 0,
        generation=generation,
    )
    row |= {
        "partition": identity.partition(passage.partition), "place": place, "number": number, "text": passage.text,
        "language": LANGUAGES.index(language_of(passage.text)), "fields": _fields(passage),
    }  # fmt: skip
    return _checked(f"the passage {passage.id}", row)


def passage_of(row: Row) -> Passage:
    about = row["about"]
    lines = about.get("lines")
    return Passage(
        about["id"], row["text"], about["source"], about["title"], tuple(lines) if lines else None, about.get("page"),
        row["fields"], about["partition"],
    )  # fmt: skip


def source_row(identity: Identity, source: Source, generation: int) -> Row:
    row = _row(identity.origin(source.name), SOURCE, _aside(identity), source._asdict(), generation=generation)
    return _checked(f"the source {source.name!r}", row)


def source_of(row: Row) -> Source:
    return Source(**row["about"])


def change_row(identity: Identity, key: int, origin: int, generation: int, at: float) -> Row:
    """A change that is under way since `at`."""
    return _row(key, CHANGE, _aside(identity), {"at": at}, origin=origin, generation=generation)


def head_row(identity: Identity) -> Row:
    """Makes a new head, which differs from every other one."""
    return _row(HEAD_KEY, HEAD, _aside(identity), {"salt": identity.salt, "stamp": secrets.token_hex(8)})


def partition_row(identity: Identity, name: str) -> Row:
    return _row(identity.partition(name), PARTITION, _aside(identity), {"name": name})


def _row(
    key: int, kind: int, vector: Vectors, about: Mapping[str, object], *, origin: int = 0, generation: int = 0
) -> Row:
    return {
        "key": key, "kind": kind, "partition": 0, "place": 0, "origin": origin, "generation": generation, "number": 0,
        "language": 0, "text": "", "about": dict(about), "fields": {}, "vector": vector,
    }  # fmt: skip


def _aside(identity: Identity) -> Vectors:
    """Each row has a vector in Milvus, also one that no search looks for."""
    vector = np.zeros(identity.info.dimension, np.float32)
    vector[0] = 1
    return vector


def _fields(passage: Passage) -> dict[str, object]:
    try:
        json.dumps(fields := dict(passage.fields), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RetrievalError(f"the fields of the passage {passage.id} cannot be kept: {error}") from None
    return fields


def _checked(what: str, row: Row) -> Row:
    try:
        sizes = {
            "text": len(row["text"].encode()),
            "title": len(json.dumps(row["about"], ensure_ascii=False).encode()),
            "fields": len(json.dumps(row["fields"], ensure_ascii=False).encode()),
        }
    except UnicodeEncodeError as error:
        raise RetrievalError(f"{what} is no Unicode text ({error}), and cannot be kept") from None
    for name, size in sizes.items():
        if size > MOST_BYTES:
            raise RetrievalError(f"the {name} of {what} has {size} bytes; Milvus keeps at most {MOST_BYTES}")
    return row


def batches(rows: Sequence[Row], most_bytes: int = 8_000_000) -> list[Sequence[Row]]:
    """Splits rows into requests, because Milvus takes at most 64 MB in one."""
    found: list[Sequence[Row]] = []
    first, size = 0, 0
    for number, row in enumerate(rows):
        size += 4 * len(row["vector"]) + 4 * len(row["text"]) + 1000
        if size > most_bytes and number > first:
            found.append(rows[first:number])
            first, size = number, 0
    return [*found, rows[first:]] if rows else []
