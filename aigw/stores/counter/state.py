"""The state of one key in the file of the counters, and the statements that read and change it.

Rule: an expired state is deleted when somebody looks at it, and does not come back when the clock is set back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aigw.core.stores import Count, Limit, StoreError

if TYPE_CHECKING:
    import sqlite3

_SEE = """SELECT (SELECT used FROM counters WHERE key = ?1), (SELECT ends FROM counters WHERE key = ?1),
    sum(amount), min(frees) FROM holds WHERE key = ?1"""
_PUT = "INSERT OR REPLACE INTO counters (key, used, ends) VALUES (?, ?, ?)"
_DROP = "DELETE FROM counters WHERE key = ?"
_HOLD = "INSERT INTO holds (key, ticket, amount, frees) VALUES (?, ?, ?, ?)"
_FREE = "DELETE FROM holds WHERE key = ? AND ticket = ?"
_FREE_EXPIRED = "DELETE FROM holds WHERE key = ? AND frees <= ?"
_FREE_ALL = "DELETE FROM holds WHERE key = ?"
_LIST = "SELECT key, ends FROM counters WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"
_LARGEST = (1 << 63) - 1


class State(NamedTuple):
    """`used` is None if nothing was charged. `ends` is the end of the window, None if none runs. `frees` is when the
    first hold expires, None if nothing is held."""

    used: int | None
    ends: float | None
    held: int
    frees: float | None

    def expired(self, now: float) -> bool:
        return (self.ends is not None and self.ends <= now) or (self.frees is not None and self.frees <= now)

    def counted(self, now: float) -> Count:
        return Count(self.used or 0, self.held, 0.0 if self.ends is None else self.ends - now)

    def charged(self, limit: Limit, charge: int, *, within: bool, now: float) -> State:
        """The state after a charge. Raises StoreError for a number of more than 64 bits."""
        used = self.used or 0
        if not charge or (within and used > limit.limit):
            return self
        ends = now + limit.window if self.used is None and limit.window else self.ends
        return self._replace(used=fitting(used + charge), ends=ends)


def fitting(number: int) -> int:
    """Returns the number. Raises StoreError if it has more than 64 bits."""
    if not -_LARGEST <= number <= _LARGEST:
        raise StoreError("an amount does not fit into 64 bits")
    return number


def see(connection: sqlite3.Connection, key: bytes) -> State:
    """The state of a key, expired or not."""
    used, ends, held, frees = connection.execute(_SEE, (key,)).fetchone()
    return State(used, ends, held or 0, frees)


def look(connection: sqlite3.Connection, key: bytes, now: float) -> State:
    """The state of a key. What has expired is deleted first."""
    state = see(connection, key)
    if not state.expired(now):
        return state
    if state.ends is not None and state.ends <= now:
        connection.execute(_DROP, (key,))
    connection.execute(_FREE_EXPIRED, (key, now))
    return see(connection, key)


def put(connection: sqlite3.Connection, key: bytes, used: int, ends: float | None = None) -> None:
    connection.execute(_PUT, (key, used, ends))


def drop(connection: sqlite3.Connection, key: bytes) -> None:
    connection.execute(_DROP, (key,))
    connection.execute(_FREE_ALL, (key,))


def hold(connection: sqlite3.Connection, key: bytes, ticket: str, amount: int, frees: float) -> None:
    connection.execute(_HOLD, (key, ticket, amount, frees))


def free(connection: sqlite3.Connection, key: bytes, ticket: str) -> None:
    connection.execute(_FREE, (key, ticket))


def listed(connection: sqlite3.Connection, first: bytes, end: bytes, count: int) -> list[tuple[bytes, float | None]]:
    """The next charged keys, from `first` to before `end`, and when their windows end."""
    rows: list[tuple[bytes, float | None]] = connection.execute(_LIST, (first, end, count)).fetchall()
    return rows
