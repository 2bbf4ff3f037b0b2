"""The connections to one Redis. Commands of the same moment leave together, as one pipeline.

Rule: nobody waits longer than the timeout, and nobody at all for a server that has just failed. After a failure every
connection is given up, so that no late reply is ever taken for another's."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any

from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from aigw.stores.base import Service, StoreError
from aigw.stores.redis_breaker import Breaker
from aigw.stores.redis_connect import Connected, connect
from aigw.stores.redis_url import CLUSTER, RedisAddress

MAX_SECONDS = 1.0
"""The longest that a request waits, whatever its plugin's `timeout`: Higress's own default."""
POOL = 4
"""Connections, each of which carries a pipeline at a time."""
BATCH = 128
SCAN = 500
Word = bytes | str | int


class RedisClient:
    """Lives in one event loop. `service` gives user, password and database where the address has none."""

    def __init__(self, address: RedisAddress, service: Service) -> None:
        self.name = address.name
        self._address = address
        self._service = service
        self._timeout = min(service.timeout, MAX_SECONDS)
        self._queue: deque[tuple[tuple[Word, ...], asyncio.Future[Any]]] = deque()
        self._senders: set[asyncio.Task[None]] = set()
        self._starting = False
        self._connected: Connected | None = None
        self._breaker = Breaker(f"Redis at {self.name}", self._probe)

    async def call(self, *command: Word) -> Any:
        """The reply. An error that is the command's own comes as a redis ResponseError, every other one as StoreError.

        What was sent is carried out even if the caller is cancelled."""
        if self._breaker.problem:
            raise self.error(self._breaker.problem)
        future = asyncio.get_running_loop().create_future()
        self._queue.append((command, future))
        if not self._starting and len(self._senders) < POOL:
            self._starting = True
            sender = asyncio.create_task(self._send())
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
        return await future

    async def scan(self, pattern: bytes) -> AsyncIterator[bytes]:
        """The keys of strings that match; one may come twice."""
        if self._breaker.problem:
            raise self.error(self._breaker.problem)
        connected = self._open()
        found = connected.client.scan_iter(match=pattern, count=SCAN, _type="STRING")
        while True:
            try:
                async with asyncio.timeout(self._timeout):
                    key = await anext(found)
            except StopAsyncIteration:
                return
            except Exception as error:  # noqa: BLE001 - see _run
                raise self._failed(error, connected) from None
            yield key

    def check_one_slot(self, keys: Sequence[bytes]) -> None:
        """Raises StoreError for keys that one script cannot have together in a cluster."""
        if self._address.kind == CLUSTER and len({key_slot(key) for key in keys}) > 1:
            raise self.error("in a cluster the keys of one decision need a common {hash tag}")

    def error(self, problem: object) -> StoreError:
        return StoreError(f"Redis at {self.name}: {problem}")

    async def aclose(self) -> None:
        await self._breaker.aclose()
        if self._senders:
            await asyncio.wait(self._senders, timeout=self._timeout)
        if self._connected is not None:
            await self._connected.aclose()
            self._connected = None

    async def _send(self) -> None:
        self._starting = False
        while self._queue:
            await self._run([self._queue.popleft() for _ in range(min(len(self._queue), BATCH))])

    async def _run(self, batch: list[tuple[tuple[Word, ...], asyncio.Future[Any]]]) -> None:
        connected = self._open()
        try:
            replies = await self._execute(connected, [command for command, _ in batch])
        except Exception as error:  # noqa: BLE001 - a server that speaks garbage makes the library raise anything
            replies = [self._failed(error, connected) for _ in batch]
        for (_, future), reply in zip(batch, replies, strict=True):
            if future.done():
                continue  # the caller was cancelled
            if isinstance(reply, Exception):
                future.set_exception(reply)
            else:
                future.set_result(reply)

    async def _execute(self, connected: Connected, commands: list[tuple[Word, ...]]) -> list[Any]:
        async with asyncio.timeout(self._timeout):
            pipeline = connected.client.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            replies: list[Any] = await pipeline.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, RedisConnectionError):  # such as LOADING
                raise reply
        return replies

    def _open(self) -> Connected:
        if self._connected is None:
            self._connected = connect(self._address, self._service, self._timeout, POOL)
        return self._connected

    def _failed(self, error: Exception, connected: Connected) -> StoreError:
        problem = self._problem(error)
        if self._connected is connected:
            self._connected = None
            closing = asyncio.create_task(connected.aclose())
            self._senders.add(closing)
            closing.add_done_callback(self._senders.discard)
        self._breaker.trip(problem)
        return self.error(problem)

    async def _probe(self) -> str:
        connected = connect(self._address, self._service, self._timeout, POOL)
        try:
            await self._execute(connected, [("PING",)])
        except Exception as error:  # noqa: BLE001 - see _run
            await connected.aclose()
            return self._problem(error)
        self._connected = connected
        return ""

    def _problem(self, error: Exception) -> str:
        if isinstance(error, TimeoutError | RedisTimeoutError):
            return f"no answer within {self._timeout:g} s"
        return str(error).partition("\n")[0][:200] or type(error).__name__
