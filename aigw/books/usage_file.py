"""The file of the usage rows: its columns, and how they are defined."""

from __future__ import annotations

from aigw.stores.sqlite_file import Format

FILE_NAME = "usage.sqlite"
"""The file below the state folder."""

COLUMNS = {
    "id": "TEXT", "at": "REAL", "route": "TEXT", "service": "TEXT", "provider": "TEXT", "api": "TEXT",
    "asked": "TEXT", "model": "TEXT", "consumer": "TEXT", "stream": "INTEGER", "status": "INTEGER",
    "outcome": "TEXT", "error": "TEXT",
    "input": "INTEGER", "cache_read": "INTEGER", "cache_write": "INTEGER", "output": "INTEGER",
    "reasoning": "INTEGER", "source": "TEXT",
    "cost": "REAL", "attempts": "INTEGER", "cache": "TEXT", "gateway_ms": "REAL", "wait_ms": "REAL",
    "first_token_ms": "REAL", "total_ms": "REAL",
}  # fmt: skip
"""The fields of `UsageRow`, with the numbers of tokens in place of the field `tokens`."""

_NULLABLE = ("cost", "first_token_ms")
_TOKENS = ("input", "cache_read", "cache_write", "output", "reasoning")
_MOST_TOKENS = 10**12
"""More tokens than any request can use. A provider that reports more must not make the sums overflow."""


def _definition(name: str) -> str:
    if name in _TOKENS:
        return f"{name} INTEGER CHECK ({name} BETWEEN 0 AND {_MOST_TOKENS})"
    return f"{name} {COLUMNS[name]}" + ("" if name in _NULLABLE else " NOT NULL")


FORMAT = Format(
    "usage file",
    application=0x61696777,  # "aigw"
    version=1,
    schema=(
        f"CREATE TABLE requests ({', '.join(map(_definition, COLUMNS))})",
        "CREATE INDEX requests_at ON requests (at)",
    ),
)
