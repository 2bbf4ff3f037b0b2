"""The manifest of a collection: an SQLite file with its settings, sources, passages and words, and the names of the
segments with its vectors. Anything that the manifest does not name does not exist.

Rule: `changes` grows with every change of the contents, `layout` with every change of the segments."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from aigw.core.retrieval import CollectionInfo, Language, NoCollectionError, Passage, RetrievalError, language_of
from aigw.stores.faiss import words
from aigw.stores.faiss.failures import remedy
from aigw.stores.sqlite_file import Format

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

FILE_NAME = "manifest.sqlite"
LANGUAGES: tuple[Language, ...] = ("other", "cjk")
"""The languages. The index of each is its number in the manifest."""
RULES = 2
"""The version of the rules by which words and segments are written. A collection with another number is refused until
it is written anew."""
_TABLES = {
    name: f"CREATE VIRTUAL TABLE {name} USING fts5 (text, content='', tokenize='porter unicode61')"
    for name in (words.table(part, language) for part in words.PARTS for language in LANGUAGES)
}
"""The tables of words, and how each is made."""
_FORMAT = Format(
    "manifest of a collection",
    application=0x61696776,  # "aigv"
    version=1,
    schema=(
        """CREATE TABLE collection (one INTEGER PRIMARY KEY CHECK (one = 1), incarnation TEXT NOT NULL,
            embedder TEXT NOT NULL, dimension INTEGER NOT NULL, metric TEXT NOT NULL, fields TEXT NOT NULL,
            rules INTEGER NOT NULL, changes INTEGER NOT NULL, layout INTEGER NOT NULL)""",
        """CREATE TABLE sources (name TEXT PRIMARY KEY, digest TEXT NOT NULL, size INTEGER NOT NULL,
            title TEXT NOT NULL, at REAL NOT NULL)""",
        "CREATE TABLE partitions (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        """CREATE TABLE passages (key INTEGER PRIMARY KEY AUTOINCREMENT, partition INTEGER NOT NULL, id TEXT NOT NULL,
            source TEXT NOT NULL, first INTEGER, last INTEGER, page INTEGER, language INTEGER NOT NULL,
            fields TEXT NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL, UNIQUE (partition, id))""",
        "CREATE INDEX passages_source ON passages (source)",
        "CREATE TABLE vectors (key INTEGER PRIMARY KEY, vector BLOB NOT NULL)",
        """CREATE TABLE segments (number INTEGER PRIMARY KEY AUTOINCREMENT, file TEXT NOT NULL, size INTEGER NOT NULL,
            modified INTEGER NOT NULL, sha256 TEXT NOT NULL, kind TEXT NOT NULL, rows INTEGER NOT NULL,
            probes INTEGER NOT NULL)""",
        """CREATE TABLE segment_rows (segment INTEGER PRIMARY KEY, keys BLOB NOT NULL, languages BLOB NOT NULL,
            partitions BLOB NOT NULL)""",
        "CREATE TABLE segment_dead (segment INTEGER PRIMARY KEY, bits BLOB NOT NULL)",
        *_TABLES.values(),
    ),
    implied=(
        "sqlite_sequence",
        *(f"{name}_{part}" for name in _TABLES for part in ("data", "idx", "docsize", "config")),
    ),
)
PASSAGE = """key, id, text, source, title, first, last, page, fields,
    (SELECT name FROM partitions WHERE number = partition)"""
"""The columns that `passage` reads."""


class Head(NamedTuple):
    """The head of a manifest. `incarnation` distinguishes a collection from a later one of the same name."""

    incarnation: str
    info: CollectionInfo
    rules: int
    changes: int
    layout: int

    @property
    def version(self) -> str:
        return f"{self.incarnation}.{self.changes}"


def format_of(name: str) -> Format:
    return _FORMAT._replace(remedy=remedy(name))


def path_of(folder: Path) -> Path:
    return folder / FILE_NAME


def head(connection: sqlite3.Connection, name: str) -> Head:
    """Raises NoCollectionError if it was never finished."""
    row = connection.execute(
        "SELECT incarnation, embedder, dimension, metric, fields, rules, changes, layout FROM collection"
    ).fetchone()
    if row is None:
        raise NoCollectionError(f"there is no collection {name}")
    incarnation, embedder, dimension, metric, fields, rules, changes, layout = row
    info = CollectionInfo(name, dimension, embedder, metric, json.loads(fields))
    return Head(incarnation, info, rules, changes, layout)


def begin_collection(connection: sqlite3.Connection, info: CollectionInfo) -> None:
    connection.execute(
        "INSERT INTO collection VALUES (1, ?, ?, ?, ?, ?, ?, 0, 0)",
        (secrets.token_hex(8), info.embedder, info.dimension, info.metric, json.dumps(dict(info.fields)), RULES),
    )


def partitions(connection: sqlite3.Connection) -> dict[str, int]:
    return dict(connection.execute("SELECT name, number FROM partitions"))


def add_passage(connection: sqlite3.Connection, passage: Passage, partition: int) -> tuple[int, int]:
    """Returns its key, and the number of its language."""
    language = LANGUAGES.index(language_of(passage.text))
    first, last = passage.lines or (None, None)
    key = connection.execute(
        """INSERT INTO passages (partition, id, source, first, last, page, language, fields, title, text)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            partition, passage.id, passage.source, first, last, passage.page, language, _fields(passage),
            passage.title, passage.text,
        ),
    ).lastrowid  # fmt: skip
    assert key is not None
    add_words(connection, key, language, passage.title, passage.text)
    return key, language


def add_words(connection: sqlite3.Connection, key: int, language: int, title: str, text: str) -> None:
    for name, indexed in _indexed(language, title, text):
        connection.execute(f"INSERT INTO {name} (rowid, text) VALUES (?, ?)", (key, indexed))  # noqa: S608  ours


def index_words(connection: sqlite3.Connection) -> None:
    """Indexes the words of all passages anew."""
    for name, made in _TABLES.items():
        connection.execute(f"DROP TABLE IF EXISTS {name}")
        connection.execute(made)
    for row in connection.execute("SELECT key, language, title, text FROM passages"):
        add_words(connection, *row)


def remove_passages(connection: sqlite3.Connection, keys: Sequence[int]) -> None:
    for key in keys:
        row = connection.execute("SELECT language, title, text FROM passages WHERE key = ?", (key,)).fetchone()
        for name, indexed in _indexed(*row):
            connection.execute(
                f"INSERT INTO {name} ({name}, rowid, text) VALUES ('delete', ?, ?)",  # noqa: S608  ours
                (key, indexed),
            )
        connection.execute("DELETE FROM passages WHERE key = ?", (key,))
        connection.execute("DELETE FROM vectors WHERE key = ?", (key,))


def _indexed(language: int, title: str, text: str) -> Iterator[tuple[str, str]]:
    """Yields the text of a passage for each table of words."""
    texts: dict[words.Part, str] = {"words": words.indexed(title, text), "titles": words.spelled(title)}
    for part, indexed in texts.items():
        if indexed:
            yield words.table(part, LANGUAGES[language]), indexed


def passages(connection: sqlite3.Connection, where: str, bound: Sequence[object]) -> dict[int, Passage]:
    """The passages that fulfil a condition, by their keys and in the order of these."""
    found = connection.execute(f"SELECT {PASSAGE} FROM passages WHERE {where} ORDER BY key", bound)  # noqa: S608  ours
    return {row[0]: _passage(row) for row in found}


def vectors(connection: sqlite3.Connection, keys: Sequence[int]) -> dict[int, Vectors]:
    """Returns the exact vectors of passages whose vectors clients brought."""
    where, bound = among(keys)
    found = connection.execute(f"SELECT key, vector FROM vectors WHERE {where}", bound)  # noqa: S608  ours
    return {key: np.frombuffer(vector, "<f4") for key, vector in found}


def among(keys: Sequence[int]) -> tuple[str, list[object]]:
    """A condition on the keys of passages, however many there are."""
    return "key IN (SELECT value FROM json_each(?))", [json.dumps([int(key) for key in keys])]


def _passage(row: tuple[object, ...]) -> Passage:
    _, id_, text, source, title, first, last, page, fields, partition = row
    lines = None if first is None else (first, last)
    return Passage(id_, text, source, title, lines, page, json.loads(fields), partition)  # type: ignore[arg-type]


def _fields(passage: Passage) -> str:
    try:
        return json.dumps(dict(passage.fields), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RetrievalError(f"the fields of the passage {passage.id} cannot be kept: {error}") from None
