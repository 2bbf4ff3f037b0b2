"""The protocols of the stores in which plugins keep values and counters. Only `server` and `cli` choose the
implementations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple, Protocol


class StoreError(Exception):
    """The store cannot be used now: it is down, slow, full or read-only, or it is not the expected kind of store. The
    message names the store."""


class Service(NamedTuple):
    """A Redis, as a plugin names it in Higress's YAML. If the `services:` table does not have it, the built-in store on
    this machine is used instead. For that store only `name`, `port` and `database` matter: services that differ in
    them do not share data."""

    name: str = ""
    port: int = 6379
    username: str = ""
    password: str = ""
    database: int = 0
    timeout: float = 1.0
    """How many seconds one call may take."""


LOCAL = Service()


def logical_port(name: str, given: int) -> int:
    """Returns the port of a Redis in Higress's YAML. If `given` is 0, it is 80 for a service `*.static`, else 6379."""
    return given or (80 if name.endswith(".static") else 6379)


class KV(Protocol):
    """Keeps bytes under keys, for all workers together. Every call may raise StoreError."""

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """Keeps `value` for `ttl` seconds. If `ttl` is None, keeps it until it is evicted or dropped."""
        ...

    def put_soon(self, key: str, value: bytes, ttl: float | None, then: Callable[[], None]) -> None:
        """Stores `value` as `put` does, but without waiting and without reporting a failure. A killed process or a
        broken store may lose the value, and others see it a moment later. Calls `then` once `get` of this process finds
        the value, or it is lost. Never raises."""
        ...

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        """Stores `new` as `put` does, but only if the present value is `old` (None: there is none). Returns whether it
        was. If several change the same value, those who have read an outdated one get False, and read again."""
        ...

    async def drop(self, *keys: str) -> int:
        """Deletes these keys. Returns how many of them existed."""
        ...

    def keys(self, prefix: str = "") -> AsyncIterator[str]:
        """Yields the keys that start with `prefix` and have not expired, in no particular order."""
        ...


class Limit(NamedTuple):
    """A limit on a counter, with a reservation. `limit` is how much may be used under `key` in one window. A window
    starts with the first charge and lasts `window` seconds; 0 means that it never ends. `hold` is how much is reserved
    until the request is settled. `down` is true if the number under the key says what is left, so that charges are
    negative."""

    key: str
    limit: int
    window: int = 0
    hold: int = 0
    down: bool = False

    def lapsed(self, amount: int) -> int:
        """Returns the charge for a reservation of `amount` that nobody settled."""
        return -amount if self.down else amount


class Count(NamedTuple):
    """The state of one key: `used` was charged in this window, `held` is reserved by requests that are not settled, and
    `left` are the seconds until the window ends (0.0 if there is no window)."""

    used: int
    held: int
    left: float


LEASE = 900.0
"""How many seconds a reservation lasts at most, unless it grows."""
LAPSED_SECONDS = 86_400.0
"""How long a counter remembers that it charged a reservation which nobody had settled."""


class Ticket(NamedTuple):
    """The result of `Counter.hold`. `refused` is the index of the first limit that is exceeded; then nothing is
    reserved. `counts` has one count for each limit, as they were before this request."""

    id: str
    limits: tuple[Limit, ...]
    counts: tuple[Count, ...]
    refused: int | None = None


class Counter(Protocol):
    """Counts what requests use. Each call is atomic for all workers and, in Redis, for all machines. Numbers are
    integers of 64 bits; a plugin that counts dollars counts millionths. Every call may raise StoreError.

    `used` is a plain number under `key` itself, as Higress keeps it in Redis. Reservations are kept elsewhere.

    A reservation that nobody settles is charged in full: at the latest when its lease ends, and for a killed process of
    this machine when the next process starts. If it is settled later after all, the real charge replaces this one. No
    window and no lease ends later than one window or LEASE from now, even if the clock was set back.

    If a caller is cancelled in `hold`, nothing is reserved. If it is cancelled in `settle`, the request is settled all
    the same."""

    async def hold(self, limits: Sequence[Limit], *, lease: float = LEASE) -> Ticket:
        """Refuses if `used + held > limit` for any of the limits. Otherwise reserves the `hold` of each limit. A
        reservation ends after `lease` seconds, so that those of a killed worker do not stay for ever."""
        ...

    async def grow(self, ticket: Ticket, amounts: Sequence[int], *, lease: float = LEASE) -> Ticket:
        """Adds one amount to the reservation of each limit, and lets it last `lease` seconds from now. Refuses nothing.
        A limit of which nothing is reserved stays so. Returns the ticket with its reservations and counts as they are
        now."""
        ...

    async def settle(self, ticket: Ticket, charges: Sequence[int], *, within: bool = False) -> tuple[Count, ...]:
        """Ends the reservations of the ticket and adds one charge for each limit, even if the reservations have expired
        already. A charge is negative if the number under the key says what is left. The first charge starts the window.
        With `within`, a key is only charged while `used <= limit`, as Higress does.

        If a ticket is settled twice, it is charged twice."""
        ...

    async def read(self, *keys: str) -> tuple[Count, ...]:
        """Returns the count of each key, and changes nothing."""
        ...

    async def add(self, key: str, amount: int) -> int:
        """Adds `amount`, which may be negative, and returns the new number. Starts no window and ends none."""
        ...

    async def put(self, key: str, value: int) -> None:
        """Sets the number under a key, and ends its window."""
        ...

    async def drop(self, *keys: str) -> int:
        """Deletes these keys and their reservations. Returns how many of them existed."""
        ...

    def keys(self, prefix: str = "") -> AsyncIterator[str]: ...


class Stores(Protocol):
    """Gives plugins their stores."""

    def kv(self, service: Service = LOCAL) -> KV: ...

    def counter(self, service: Service = LOCAL) -> Counter: ...
