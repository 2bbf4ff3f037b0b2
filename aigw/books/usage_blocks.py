"""Sums of usage rows by blocks, so that a million rows are not added up again each time that somebody asks.

Rule: a block has the rows of BLOCK consecutive numbers. It is added up once for each question, and its sums are kept in
a file beside that of the rows. They are valid as long as the block has the same number of rows, with the same first and
last arrival. Times to the first token are kept with three digits. If the file is missing or cannot be used, all rows
are read again; so it may be deleted at any time."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from aigw.books import usage_file, usage_groups
from aigw.books.usage_groups import Part, Rows
from aigw.books.usage_question import Question
from aigw.core.stores import StoreError
from aigw.stores.sqlite_file import FileError, Format, open_for_reading, open_for_writing, unreadable

if TYPE_CHECKING:
    import sqlite3

FILE_NAME = "usage-sums.sqlite"
"""The file below the state folder."""
FORMAT = Format(
    "file of sums of usage",
    application=0x61696762,  # "aigb"
    version=1,
    schema=(
        "CREATE TABLE blocks (asked BLOB NOT NULL, number INTEGER NOT NULL, requests INTEGER NOT NULL,"
        " first REAL NOT NULL, last REAL NOT NULL, sums BLOB NOT NULL, PRIMARY KEY (asked, number))",
    ),
)
BLOCK = 16_384
_FEW = 2
"""If rows fill fewer blocks than this, they are added up directly."""
_MANY = 8
"""The sums of a block are kept only if it has at most one group for this many rows. Otherwise they would take as much
space as the rows."""
_WORTH_THREADS = 4
"""From this number of blocks on, several threads add them up."""
_BUSY_SECONDS = 1.0
_SEEN = "SELECT count(*), min(at), max(at) FROM requests NOT INDEXED WHERE rowid >= ? AND rowid < ?"
_KEEP = "INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?, ?, ?)"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Part]).decode


class _Block(NamedTuple):
    """What is kept of a block. `first` and `last` are the times of the first and of the last arrival."""

    requests: int
    first: float
    last: float
    sums: bytes = b""


class UsageBlocks:
    """The blocks of the rows in the file at `path`. `threads` is how many threads add blocks up at the same time."""

    def __init__(self, path: Path, block: int = BLOCK, threads: int = 1) -> None:
        self._rows = path
        self._path = path.with_name(FILE_NAME)
        self._block = block
        self._threads = threads

    def read(self, connection: sqlite3.Connection, question: Question) -> list[Part]:
        """Returns the sums of the rows that a question is about. `connection` is to their file. Raises
        sqlite3.Error."""
        window = (question.since, question.until)
        (requests,) = connection.execute("SELECT count(*) FROM requests WHERE at >= ? AND at < ?", window).fetchone()
        if requests < _FEW * self._block:
            return usage_groups.read(connection, question.by, Rows(*window))
        asked = self._asked(connection, question.by)
        kept, whole, parts = self._kept(asked), dict[int, _Block](), list[Part]()
        oldest, newest = connection.execute("SELECT min(rowid), max(rowid) FROM requests").fetchone()
        for number in range(oldest // self._block, newest // self._block + 1):
            seen = _Block(*connection.execute(_SEEN, self._numbers(number)).fetchone())
            if not seen.requests or seen.last < question.since or seen.first >= question.until:
                continue
            if seen.first < question.since or seen.last >= question.until or newest < self._numbers(number)[1]:
                rows = Rows(*window, *self._numbers(number))  # a part of it, or it still grows
                parts += usage_groups.read(connection, question.by, rows)
            elif (found := _parts(kept.get(number), seen)) is not None:
                parts += found
            else:
                whole[number] = seen
        fresh = {}
        for number, found in self._added_up(connection, question, whole):
            parts += found
            fresh[number] = whole[number], found
        self._keep(asked, fresh, oldest // self._block)
        return parts

    def missing(self, by: Sequence[str]) -> list[int]:
        """The numbers of the whole blocks of which no sums are kept for this question, [] if there are few rows. Raises
        FileError."""
        with self._reading() as connection:
            oldest, newest = connection.execute("SELECT min(rowid), max(rowid) FROM requests").fetchone()
            if newest is None or newest - oldest < _FEW * self._block:
                return []
            kept = self._kept(self._asked(connection, by))
            return [number for number in range(oldest // self._block, newest // self._block) if number not in kept]

    def add_up(self, by: Sequence[str], number: int) -> None:
        """Keeps the sums of a whole block, before somebody asks for them. Raises FileError."""
        with self._reading() as connection:
            connection.execute("BEGIN")  # both see the same rows
            seen = _Block(*connection.execute(_SEEN, self._numbers(number)).fetchone())
            if seen.requests:
                self._keep(self._asked(connection, by), {number: (seen, self._sums(connection, by, number))})

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        import sqlite3

        connection = open_for_reading(self._rows, usage_file.FORMAT)
        if connection is None:
            raise FileError(f"{self._rows} is not there")
        with contextlib.closing(connection):
            try:
                yield connection
            except sqlite3.Error as error:
                raise unreadable(self._rows, error) from None

    def _added_up(
        self, connection: sqlite3.Connection, question: Question, blocks: Mapping[int, _Block]
    ) -> Iterable[tuple[int, list[Part]]]:
        """The sums of whole blocks. What other threads have read counts if it is of the rows that `connection` sees."""
        found = self._at_once(question.by, list(blocks)) if self._threads > 1 and len(blocks) >= _WORTH_THREADS else {}
        for number, seen in blocks.items():
            parts = found.get(number, ())
            if sum(part.requests for part in parts) != seen.requests or min(part.first for part in parts) != seen.first:
                parts = self._sums(connection, question.by, number)
            yield number, list(parts)

    def _at_once(self, by: Sequence[str], numbers: Sequence[int]) -> dict[int, list[Part]]:
        from concurrent.futures import ThreadPoolExecutor

        shares = [numbers[first :: self._threads] for first in range(self._threads)]
        with ThreadPoolExecutor(self._threads) as threads:
            read = threads.map(partial(self._share, by), shares)
            return {number: parts for share in read for number, parts in share.items()}

    def _share(self, by: Sequence[str], numbers: Sequence[int]) -> dict[int, list[Part]]:
        """SQLite works without Python's lock, and each thread has a connection of its own."""
        with self._reading() as connection:
            return {number: self._sums(connection, by, number) for number in numbers}

    def _sums(self, connection: sqlite3.Connection, by: Sequence[str], number: int) -> list[Part]:
        rows = Rows(-math.inf, math.inf, *self._numbers(number))
        return usage_groups.read(connection, by, rows, rounded=True)

    def _numbers(self, block: int) -> tuple[int, int]:
        return block * self._block, (block + 1) * self._block

    def _asked(self, connection: sqlite3.Connection, by: Sequence[str]) -> bytes:
        """What the sums depend on, beside the rows: the statement, the size of the blocks, and where days begin."""
        text = usage_groups.statement(connection, by, numbered=True, rounded=True)
        return blake2b(f"{text} {self._block} {time.tzname} {time.timezone}".encode(), digest_size=16).digest()

    def _kept(self, asked: bytes) -> Mapping[int, _Block]:
        import sqlite3

        with contextlib.suppress(StoreError, OSError, sqlite3.Error):
            connection = open_for_reading(self._path, FORMAT)
            if connection is not None:
                with contextlib.closing(connection):
                    found = connection.execute(
                        "SELECT number, requests, first, last, sums FROM blocks WHERE asked = ?", (asked,)
                    )
                    return {number: _Block(*values) for number, *values in found}
        return {}

    def _keep(self, asked: bytes, blocks: Mapping[int, tuple[_Block, Sequence[Part]]], oldest: int = 0) -> None:
        """Forgets those before `oldest`, whose rows are no longer there."""
        import sqlite3

        most = self._block // _MANY
        kept = {
            number: seen._replace(sums=_encode(sums)) for number, (seen, sums) in blocks.items() if len(sums) <= most
        }
        if not kept:
            return
        rows: Iterable[tuple[object, ...]] = ((asked, number, *block) for number, block in kept.items())
        with (
            contextlib.suppress(StoreError, OSError, sqlite3.Error),
            contextlib.closing(open_for_writing(self._path, FORMAT, busy=_BUSY_SECONDS)) as connection,
        ):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_KEEP, rows)
            connection.execute("DELETE FROM blocks WHERE number < ?", (oldest,))
            connection.execute("COMMIT")


def _parts(kept: _Block | None, seen: _Block) -> list[Part] | None:
    """Returns the kept sums of a block, None if there are none or if they belong to other rows."""
    if kept is None or kept[:3] != seen[:3]:
        return None
    try:
        return _decode(kept.sums)
    except (msgspec.MsgspecError, TypeError):
        return None
