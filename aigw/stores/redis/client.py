"""The connections to one Redis. Commands that come at the same moment leave as one pipeline.

Rule: a call waits for the timeout at most, and not at all for a server that has just failed. After a failure all
connections are closed, so that a late reply is never taken for the reply to another command."""

from __future__ import annotations

import asyncio
import os
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from hashlib import sha1
from typing import Any, NamedTuple, TypeVar

from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from aigw.core.stores import Service, StoreError
from aigw.stores.redis.breaker import Breaker
from aigw.stores.redis.connect import Connected, connect
from aigw.stores.redis.url import CLUSTER, RedisAddress

MAX_SECONDS = 1.0
"""A request waits no longer than this, whatever the `timeout` of its plugin. It is Higress's default."""
POOL = 4
"""How many connections there are. Each carries one pipeline at a time."""
BATCH = 128
SCAN = 500
T = TypeVar("T")
_ERRNO = re.compile(r"Error (\d+) connecting to \S+ ")
Word = bytes | str | int
Command = tuple[Word, ...]


class Script:
    """A Lua script. The server gets its text once; after that it is called by its hash."""

    def __init__(self, text: str) -> None:
        self._text = text.encode()
        self._sha = sha1(self._text, usedforsecurity=False).hexdigest()

    def call(self, keys: Sequence[bytes], words: Sequence[Word]) -> Command:
        return ("EVALSHA", self._sha, len(keys), *keys, *words)

    def bring(self, call: Command) -> Command:
        return ("EVAL", self._text, *call[2:])


class _Sent(NamedTuple):
    command: Command
    future: asyncio.Future[Any]
    script: Script | None = None


class RedisClient:
    """The client of one event loop. `service` has the user, password and database for an address without them."""

    def __init__(self, address: RedisAddress, service: Service) -> None:
        self.name = address.name
        self._address = address
        self._service = service
        self._timeout = min(service.timeout, MAX_SECONDS)
        self._queue: deque[_Sent] = deque()
        self._senders: set[asyncio.Task[None]] = set()
        self._closings: set[asyncio.Task[None]] = set()
        self._starting = False
        self._connected: Connected | None = None
        self._breaker = Breaker(f"Redis at {self.name}", self._probe)

    async def call(self, *command: Word) -> Any:
        """Returns the reply. Raises StoreError. A command that was sent is carried out even if the caller is
        cancelled."""
        return await self._put(command)

    def send(self, *command: Word) -> asyncio.Future[Any]:
        """Like `call`, for a caller that does not wait. Raises StoreError if the server has just failed."""
        return self._put(command)

    def run(self, script: Script, keys: Sequence[bytes], words: Sequence[Word] = ()) -> asyncio.Future[Any]:
        """Calls a script, as `call` does a command. In a cluster its keys must have one hash tag."""
        if self._address.kind == CLUSTER and len({key_slot(key) for key in keys}) > 1:
            raise self.error("in a cluster the keys of one decision need a common {hash tag}")
        return self._put(script.call(keys, words), script)

    def _put(self, command: Command, script: Script | None = None) -> asyncio.Future[Any]:
        if self._breaker.problem:
            raise self.error(self._breaker.problem)
        future = asyncio.get_running_loop().create_future()
        self._queue.append(_Sent(command, future, script))
        if not self._starting and len(self._senders) < POOL:
            self._starting = True
            sender = asyncio.create_task(self._send())
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
        return future

    async def scan(self, pattern: bytes) -> AsyncIterator[bytes]:
        """The keys of string values that match. A key may come twice."""
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
            except Exception as error:  # noqa: BLE001 - see _replies
                raise self.error(self._failed(error, connected)) from None
            yield key

    def parse(self, reply: Any, read: Callable[[Any], T]) -> T:
        """Reads a reply. Raises StoreError if that fails."""
        try:
            return read(reply)
        except (TypeError, ValueError, LookupError):
            raise self.error("it answers with something else than was asked for") from None

    def error(self, problem: object) -> StoreError:
        return StoreError(f"Redis at {self.name}: {problem}")

    async def aclose(self) -> None:
        await self._breaker.aclose()
        for tasks in (self._senders, self._closings):
            if tasks:
                await asyncio.wait(tasks, timeout=self._timeout)
        if self._connected is not None:
            await self._connected.aclose()
            self._connected = None

    async def _send(self) -> None:
        self._starting = False
        while self._queue:
            await self._run([self._queue.popleft() for _ in range(min(len(self._queue), BATCH))])

    async def _run(self, batch: list[_Sent]) -> None:
        replies = await self._replies(batch)
        for sent, reply in zip(batch, replies, strict=True):
            if sent.future.done():
                continue  # the caller was cancelled
            if isinstance(reply, StoreError):
                sent.future.set_exception(reply)
            elif isinstance(reply, RedisError):
                sent.future.set_exception(self.error(reply))
            else:
                sent.future.set_result(reply)

    async def _replies(self, batch: list[_Sent]) -> list[Any]:
        if self._breaker.problem:  # the server failed after they were put into the queue
            return [self.error(self._breaker.problem) for _ in batch]
        connected = None
        try:
            connected = self._open()
            replies = await self._execute(connected, [sent.command for sent in batch])
            for index, (sent, reply) in enumerate(zip(batch, replies, strict=True)):
                if isinstance(reply, NoScriptError) and sent.script is not None:
                    (replies[index],) = await self._execute(connected, [sent.script.bring(sent.command)])
        except Exception as error:  # noqa: BLE001 - a server that speaks garbage makes the library raise anything
            problem = self._failed(error, connected)
            return [self.error(problem) for _ in batch]
        return replies

    async def _execute(self, connected: Connected, commands: list[Command]) -> list[Any]:
        """The replies. A reply may be an error that concerns only its own command."""
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

    def _failed(self, error: Exception, connected: Connected | None) -> str:
        """Says what is wrong, and closes the connections unless new ones have replaced them meanwhile."""
        problem = self._problem(error)
        if self._connected is connected:
            if connected is not None:
                self._connected = None
                closing = asyncio.create_task(connected.aclose())
                self._closings.add(closing)
                closing.add_done_callback(self._closings.discard)
            self._breaker.trip(problem)
        return problem

    async def _probe(self) -> str:
        connected = None
        try:
            connected = connect(self._address, self._service, self._timeout, POOL)
            await self._execute(connected, [("PING",)])
        except Exception as error:  # noqa: BLE001 - see _replies
            if connected is not None:
                await connected.aclose()
            return self._problem(error)
        self._connected = connected
        return ""

    def _problem(self, error: Exception) -> str:
        if isinstance(error, TimeoutError | RedisTimeoutError):
            return f"no answer within {self._timeout:g} s"
        text = str(error).partition("\n")[0]
        if (number := _ERRNO.match(text)) and "SSL" not in text:
            return os.strerror(int(number[1])).lower()
        return text[:200] or type(error).__name__
