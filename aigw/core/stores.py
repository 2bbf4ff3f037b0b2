"""The protocols of what plugins keep and count. Which implementation one has only `server` and `cli` know."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol


class StoreError(Exception):
    """The store cannot be used now: down, slow, full, read-only, or it speaks something else. The message names it."""


class Service(NamedTuple):
    """A store as Higress's YAML names a Redis. What the `services:` table does not map is the built-in stand-in on
    this machine, for which only `name`, `port` and `database` count: they keep data apart."""

    name: str = ""
    port: int = 6379
    username: str = ""
    password: str = ""
    database: int = 0
    timeout: float = 1.0
    """Seconds that one call may take."""


LOCAL = Service()


def logical_port(name: str, given: int) -> int:
    """The port of a Redis in Higress's YAML: without one, 80 for a service `*.static` and 6379 for any other."""
    return given or (80 if name.endswith(".static") else 6379)


class KV(Protocol):
    """Bytes under a key, shared by all workers. Every call may raise StoreError."""

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """Keeps `value` for `ttl` seconds; None: until it is evicted or dropped."""
        ...

    async def drop(self, *keys: str) -> int:
        """How many of them were there."""
        ...

    def keys(self, prefix: str = "") -> AsyncIterator[str]:
        """Those that have not expired, in no order."""
        ...


class Limit(NamedTuple):
    """What may be used under `key` until its window ends, `window` seconds after the first charge; 0: it never ends.

    `hold` is how much is set aside until the request is settled."""

    key: str
    limit: int
    window: int = 0
    hold: int = 0


class Count(NamedTuple):
    """What was charged under a key, what others hold, and the seconds until its window ends (0.0: none runs)."""

    used: int
    held: int
    left: float


class Ticket(NamedTuple):
    """Stands for what one request holds. `refused` is the index of the first limit that is exceeded: nothing is held
    then. `counts` are as they were before this request."""

    id: str
    limits: tuple[Limit, ...]
    counts: tuple[Count, ...]
    refused: int | None = None


class Counter(Protocol):
    """Integers that requests use up, atomic across workers and, in Redis, across machines: each call is one decision.
    Amounts fit into 64 bits; a plugin that counts dollars counts millionths. Every call may raise StoreError.

    `used` is a plain number under `key` itself, as Higress has it in Redis; what is held stands elsewhere.

    A caller that is cancelled leaves nothing half done: what it was to hold is not held, what it was to settle is
    settled."""

    async def hold(self, limits: Sequence[Limit], *, lease: float = 900.0) -> Ticket:
        """Refuses if `used + held > limit` under any key (equality passes), or else sets aside each limit's `hold`,
        for `lease` seconds at most, so that a killed worker's holds come free."""
        ...

    async def settle(self, ticket: Ticket, charges: Sequence[int], *, within: bool = False) -> tuple[Count, ...]:
        """Frees what the ticket holds and adds one charge per limit (a negative one where the number says what is
        left), also where the hold has expired. The first charge starts the window. `within`: charges only where
        `used <= limit` still holds, as Higress does.

        Settling a ticket again only charges again: its holds are gone."""
        ...

    async def read(self, *keys: str) -> tuple[Count, ...]:
        """What stands under each key, without changing anything."""
        ...

    async def add(self, key: str, amount: int) -> int:
        """Adds (or takes off) and returns the new number, which may be negative. Starts no window and ends none."""
        ...

    async def put(self, key: str, value: int) -> None:
        """Sets the number; it has no window then."""
        ...

    async def drop(self, *keys: str) -> int:
        """Forgets them and what is held under them. Returns how many were there."""
        ...

    def keys(self, prefix: str = "") -> AsyncIterator[str]: ...


class Stores(Protocol):
    """Where plugins get their stores. Which implementation one is only `server` and `cli` know."""

    def kv(self, service: Service = LOCAL) -> KV: ...

    def counter(self, service: Service = LOCAL) -> Counter: ...
