"""The state of one key in the file of the counters, and the statements that read and change it.

Rule: an expired state is changed when somebody looks at it, and does not come back when the clock is set back. A window
that has ended is deleted. A hold whose lease has ended is charged; it stays for a while with the amount 0, so that the
charge can be taken back if the hold is settled after all. The name of a hold says how to charge it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aigw.core.stores import LAPSED_SECONDS, LEASE, Count, Limit, StoreError

if TYPE_CHECKING:
    import sqlite3

_SEE = """SELECT (SELECT used FROM counters WHERE key = ?1), (SELECT ends FROM counters WHERE key = ?1),
    sum(amount), min(frees), max(CASE WHEN amount THEN frees END) FROM holds WHERE key = ?1"""
_PUT = "INSERT OR REPLACE INTO counters (key, used, ends) VALUES (?, ?, ?)"
_DROP = "DELETE FROM counters WHERE key = ?"
_HOLD = "INSERT INTO holds (key, ticket, amount, frees) VALUES (?, ?, ?, ?)"
_GROW = "UPDATE holds SET amount = amount + ?, frees = ? WHERE key = ? AND ticket = ? AND amount"
_FREE = "DELETE FROM holds WHERE key = ? AND ticket = ? AND amount"
_FREE_AMOUNT = "DELETE FROM holds WHERE key = ? AND ticket = ? AND amount = ?"
_FORGET = "DELETE FROM holds WHERE key = ? AND ticket = ? AND NOT amount AND frees > ?"
_FORGET_ALL = "DELETE FROM holds WHERE key = ? AND NOT amount"
_EXPIRED = "SELECT ticket, amount FROM holds WHERE key = ? AND frees <= ?"
_LAPSE = "UPDATE holds SET amount = 0, frees = ? WHERE key = ? AND ticket = ?"
_FORGET_EXPIRED = "DELETE FROM holds WHERE key = ? AND NOT amount AND frees <= ?"
_SHORTEN = "UPDATE holds SET frees = ?1 WHERE key = ?2 AND amount AND frees > ?1"
_LAPSING = "SELECT DISTINCT key FROM holds WHERE key >= ? AND key < ? AND amount AND frees <= ?"
_FREE_ALL = "DELETE FROM holds WHERE key = ?"
_LIST = "SELECT key, ends FROM counters WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"
_LARGEST = (1 << 63) - 1


class State(NamedTuple):
    """The state of a key. `used` is None if nothing was charged. `ends` is the end of the window, None if none runs.
    `frees` is when the first hold expires, `latest` when the last one does; None if nothing is held."""

    used: int | None
    ends: float | None
    held: int
    frees: float | None
    latest: float | None = None

    def expired(self, now: float, window: int = 0) -> bool:
        """Whether something has ended, or would end later than it may because the clock was set back."""
        if self.ends is not None and (self.ends <= now or (window and self.ends > now + window)):
            return True
        return (self.frees is not None and self.frees <= now) or (self.latest is not None and self.latest > now + LEASE)

    def counted(self, now: float) -> Count:
        return Count(self.used or 0, self.held, 0.0 if self.ends is None else self.ends - now)

    def charged(self, limit: Limit, charge: int, *, within: bool, now: float) -> State:
        """The state after a charge. Raises StoreError for a number of more than 64 bits."""
        used = self.used or 0
        if not charge or (within and used > limit.limit):
            return self
        ends = now + limit.window if self.used is None and limit.window else self.ends
        return self._replace(used=fitting(used + charge), ends=ends)

    def taken_back(self, charge: int) -> State:
        """The state without a charge that was made for a hold."""
        return self if self.used is None else self._replace(used=self.used - charge)


def fitting(number: int) -> int:
    """Returns the number. Raises StoreError if it has more than 64 bits."""
    if not -_LARGEST <= number <= _LARGEST:
        raise StoreError("an amount does not fit into 64 bits")
    return number


def see(connection: sqlite3.Connection, key: bytes) -> State:
    """The state of a key, expired or not."""
    used, ends, held, frees, latest = connection.execute(_SEE, (key,)).fetchone()
    return State(used, ends, held or 0, frees, latest)


def look(connection: sqlite3.Connection, key: bytes, now: float, window: int = 0) -> State:
    """Returns the state of a key, after changing what has expired. `window` is the length of its window, 0 if it is not
    known."""
    state = see(connection, key)
    if not state.expired(now, window):
        return state
    used, ends = state.used, state.ends
    if ends is not None and ends <= now:
        used = ends = None
        connection.execute(_DROP, (key,))
    elif ends is not None and window and used is not None and ends > now + window:
        ends = now + window
        put(connection, key, used, ends)
    connection.execute(_SHORTEN, (now + LEASE, key))
    if state.frees is not None and state.frees <= now:
        _charge_lapsed(connection, key, now, used, ends)
    return see(connection, key)


def _charge_lapsed(
    connection: sqlite3.Connection, key: bytes, now: float, used: int | None, ends: float | None
) -> None:
    """Charges the holds whose leases have ended, and notes until when that can be taken back."""
    lapsed = [(name, amount) for name, amount in connection.execute(_EXPIRED, (key, now)) if amount]
    connection.execute(_FORGET_EXPIRED, (key, now))
    for name, amount in lapsed:
        window, down = _how(name)
        if used is None and window:
            ends = now + window
        used = max(-_LARGEST, min((used or 0) + (-amount if down else amount), _LARGEST))
        put(connection, key, used, ends)
        known = now + LAPSED_SECONDS
        connection.execute(_LAPSE, (known if ends is None else min(known, ends), key, name))


def hold_name(ticket: str, limit: Limit) -> str:
    return f"{ticket}/{'-' if limit.down else ''}{limit.window}"


def _how(name: str) -> tuple[int, bool]:
    """Returns the window of a hold, and whether the number under its key says what is left."""
    _, _, how = name.partition("/")
    return int(how.lstrip("-") or 0), how.startswith("-")


def put(connection: sqlite3.Connection, key: bytes, used: int, ends: float | None = None) -> None:
    connection.execute(_PUT, (key, used, ends))


def drop(connection: sqlite3.Connection, key: bytes) -> None:
    connection.execute(_DROP, (key,))
    connection.execute(_FREE_ALL, (key,))


def hold(connection: sqlite3.Connection, key: bytes, name: str, amount: int, frees: float) -> None:
    connection.execute(_HOLD, (key, name, amount, frees))


def grow(connection: sqlite3.Connection, key: bytes, name: str, amount: int, frees: float) -> bool:
    """False if nothing is held under this name."""
    return connection.execute(_GROW, (amount, frees, key, name)).rowcount > 0


def free(connection: sqlite3.Connection, key: bytes, name: str, amount: int | None = None) -> bool:
    """Ends a hold. False if there is none, or none of this amount."""
    if amount is not None:
        return connection.execute(_FREE_AMOUNT, (key, name, amount)).rowcount > 0
    return connection.execute(_FREE, (key, name)).rowcount > 0


def forget(connection: sqlite3.Connection, key: bytes, name: str, now: float) -> bool:
    """Forgets that a hold was charged. Returns whether the charge is still there."""
    return connection.execute(_FORGET, (key, name, now)).rowcount > 0


def forget_all(connection: sqlite3.Connection, key: bytes) -> None:
    connection.execute(_FORGET_ALL, (key,))


def lapsing(connection: sqlite3.Connection, first: bytes, end: bytes, now: float) -> list[bytes]:
    """The keys, from `first` to before `end`, with a hold whose lease has ended."""
    return [key for (key,) in connection.execute(_LAPSING, (first, end, now))]


def listed(connection: sqlite3.Connection, first: bytes, end: bytes, count: int) -> list[tuple[bytes, float | None]]:
    """The next charged keys, from `first` to before `end`, and when their windows end."""
    rows: list[tuple[bytes, float | None]] = connection.execute(_LIST, (first, end, count)).fetchall()
    return rows
