"""The file of the usage rows: its columns, and how they are defined."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aigw.stores.sqlite_file import Format

if TYPE_CHECKING:
    import sqlite3

FILE_NAME = "usage.sqlite"
"""The file below the state folder."""

COLUMNS = {
    "id": "TEXT", "at": "REAL", "route": "TEXT", "service": "TEXT", "provider": "TEXT", "api": "TEXT",
    "asked": "TEXT", "model": "TEXT", "consumer": "TEXT", "stream": "INTEGER", "status": "INTEGER",
    "outcome": "TEXT", "error": "TEXT",
    "input": "INTEGER", "cache_read": "INTEGER", "cache_write": "INTEGER", "output": "INTEGER",
    "reasoning": "INTEGER", "source": "TEXT",
    "cost": "REAL", "attempts": "INTEGER", "cache": "TEXT", "gateway_ms": "REAL", "wait_ms": "REAL",
    "first_token_ms": "REAL", "total_ms": "REAL", "retrieved": "TEXT", "guard": "TEXT",
    "session": "TEXT",
}  # fmt: skip
"""The fields of `UsageRow`, with the numbers of tokens in place of the field `tokens`. `retrieved` is JSON."""

_NULLABLE = ("cost", "first_token_ms")
_SINCE_2 = {"retrieved": "''"}
_SINCE_3 = {"guard": "''"}
_SINCE_4 = {"session": "''"}
_ADDED = _SINCE_2 | _SINCE_3 | _SINCE_4
"""The columns that earlier versions did not have, with what stands there in their rows, in SQL."""
_TOKENS = ("input", "cache_read", "cache_write", "output", "reasoning")
_MOST_TOKENS = 10**12
"""More tokens than any request can use. A provider that reports more must not make the sums overflow."""


def _definition(name: str) -> str:
    if name in _TOKENS:
        return f"{name} INTEGER CHECK ({name} BETWEEN 0 AND {_MOST_TOKENS})"
    default = f" DEFAULT {_ADDED[name]}" if name in _ADDED else ""
    return f"{name} {COLUMNS[name]}" + ("" if name in _NULLABLE else " NOT NULL") + default


def _schema(columns: Iterable[str]) -> tuple[str, ...]:
    return (
        f"CREATE TABLE requests ({', '.join(map(_definition, columns))})",
        "CREATE INDEX requests_at ON requests (at)",
    )


def _adding(columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"ALTER TABLE requests ADD COLUMN {_definition(name)}" for name in columns)


_VERSION_1 = Format(
    "usage file",
    application=0x61696777,  # "aigw"
    version=1,
    schema=_schema(name for name in COLUMNS if name not in _ADDED),
)
_VERSION_2 = _VERSION_1._replace(
    version=2,
    schema=_schema(name for name in COLUMNS if name not in _SINCE_3 | _SINCE_4),
    previous=_VERSION_1,
    upgrade=_adding(_SINCE_2),
)
_VERSION_3 = _VERSION_2._replace(
    version=3,
    schema=_schema(name for name in COLUMNS if name not in _SINCE_4),
    previous=_VERSION_2,
    upgrade=_adding(_SINCE_3),
)
FORMAT = _VERSION_3._replace(
    version=4,
    schema=_schema(COLUMNS),
    previous=_VERSION_3,
    upgrade=_adding(_SINCE_4),
)


def selected(connection: sqlite3.Connection) -> str:
    """Returns the list of all columns for a SELECT, also for a file of an earlier version."""
    return ", ".join(name if has(connection, name) else _ADDED[name] for name in COLUMNS)


def has(connection: sqlite3.Connection, name: str) -> bool:
    """Whether the file has this column."""
    if name not in _ADDED:
        return True
    found = connection.execute("SELECT 1 FROM pragma_table_info('requests') WHERE name = ?", (name,))
    return found.fetchone() is not None
