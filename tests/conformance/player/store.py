"""The Redis of a case: a real server, which only lets in who has the user, password and service name of the case.

Between steps time stands still but for `advance_s`: what is left of every key's life is rounded up to whole seconds."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from player.cases import Case, redis_of
from player.compare import compare_value
from player.mismatch import Mismatch, differ, require
from player.shared_redis import PASSWORD, RIGHTS, USER, SharedRedis
from redis.asyncio import Redis
from redis_server import RedisServer

SECONDS = 5.0
"""How long what a step leaves in Redis may take to arrive: much is done after the last byte of an answer."""

PAUSE = 0.02
HOUSEKEEPING = {"auth", "client", "cluster", "command", "hello", "info", "ping", "script", "select"}
SCRIPTS = {"eval", "evalsha"}
CALL = re.compile(r"\+\S+ \[(\d+) ([^\]]+)\] (.*)")
WORD = re.compile(r'"((?:[^"\\]|\\.)*)"')
CASES_ADDRESS, OUR_ADDRESS = "10.1.2.3", "127.0.0.1"
"""The client's, which stands in keys."""
VALUE = re.compile(r"(.*?)(?: \(ttl (-?\d+)\))?", re.DOTALL)


class Store:
    """What the gateway's plugins see under the names in `services`. `server` is None where nothing listens."""

    def __init__(self, case: Case, url: str, server: RedisServer | None) -> None:
        named = redis_of(case)
        client = case.get("redis_client") or {}
        service = f"{client['service']}:{client['port']}" if client else named.service
        self.services = {service: url}
        self.environment: dict[str, str] = {}
        self.calls: list[list[str]] = []
        self._databases: set[int] = set()
        self._database = int(client.get("db", named.database))
        self._server = server
        self._begun = False
        self._own = ""
        self._seen = asyncio.Event()
        self._last: dict[str, str] | None = None

    def steps(self, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those that are played: all."""
        return steps

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Connected to the server, and taking down every call to it."""
        if self._server is None:
            yield
            return
        async with AsyncExitStack() as stack:
            self._redis = Redis(
                port=self._server.port, db=self._database, username=USER, password=PASSWORD,
                single_connection_client=True, decode_responses=True,
            )  # fmt: skip
            stack.push_async_callback(self._redis.aclose)
            self._own = (await self._redis.client_info())["addr"]
            reader, writer = await asyncio.open_connection("127.0.0.1", self._server.port)
            stack.callback(writer.close)
            writer.write(f"AUTH {USER} {PASSWORD}\r\nMONITOR\r\n".encode())
            await reader.readuntil(b"+OK\r\n+OK\r\n")
            watch = asyncio.create_task(self._watch(reader))
            stack.push_async_callback(_cancelled, watch)
            yield

    async def put(self, contents: dict[str, Any]) -> None:
        """Keeps these before the gateway starts, as `store_before` says them."""
        require(self._server is not None, "store_before: there is no Redis")
        for key, value in ours(contents).items():
            text, seconds = given(value)
            await self._redis.set(key, text, ex=seconds)

    async def begin(self, step: dict[str, Any]) -> None:
        if step.get("redis_down") and self._server is not None:
            await self._server.kill()
            self._server = None
        if self._server is not None and self._begun:
            for key in await self._redis.keys():
                left = await self._redis.pttl(key)
                if left > 0:
                    await self._redis.pexpire(key, (-(-left // 1000) - step.get("advance_s", 0)) * 1000)
        if self._server is not None:
            await self._all_seen()
        self._begun = True
        self.calls.clear()

    async def _all_seen(self) -> None:
        """Waits until every call that was made by now has been taken down."""
        self._seen.clear()
        await self._redis.echo("")
        await asyncio.wait_for(self._seen.wait(), SECONDS)

    async def check(self, expect: dict[str, Any], seconds: float = SECONDS) -> None:
        """Waits until everything is as expected. Raises Mismatch if it does not become so within `seconds`."""
        checks: dict[str, Callable[[Any], Awaitable[None]]] = {
            "store_after": self._check_contents,
            "redis_calls": self._check_calls,
        }
        self._last = expect.get("store_after")
        for name in checks.keys() & expect.keys():
            require(self._server is not None, f"{name}: there is no Redis")
            await become(checks[name], expect[name], seconds)

    async def check_end(self) -> None:
        """That nothing came after the last step. By now the gateway has stopped, and keys may have expired."""
        if self._last is None or self._server is None:
            return
        got = {key: (await self._value(key))[0] for key in await self._redis.keys()}
        wanted = {key: split(text)[0] for key, text in ours(self._last).items()}
        if not got.items() <= wanted.items():
            raise differ("what is in Redis after the gateway has stopped", wanted, got)

    def check_client(self, expected: dict[str, Any]) -> None:
        """That the gateway came in, which needs service, port, user and password, and used the right database."""
        require(bool(self._databases), f"redis_client: nobody came in as {expected}")
        if self._databases != {self._database}:
            raise differ("redis_client: databases", {self._database}, self._databases)

    async def _check_contents(self, expected: dict[str, str]) -> None:
        """All keys, their values, and what is left of their lives (at most a second less than expected)."""
        expected = ours(expected)
        got = {key: await self._value(key) for key in sorted(await self._redis.keys())}
        if got.keys() != expected.keys():
            raise differ("store_after", expected, got)
        for key, text in expected.items():
            (wanted_value, seconds), (value, left) = split(text), got[key]
            compare_value(f"store_after {key}", wanted_value, value)
            wanted = left if seconds is None else seconds
            if not (wanted - 1 < left <= wanted or wanted == left):
                raise differ(f"store_after {key}: seconds left", wanted, left)

    async def _value(self, key: str) -> tuple[str, float]:
        kind = await self._redis.type(key)
        value = await self._redis.get(key) if kind == "string" else f"<{kind}>"
        left = await self._redis.pttl(key)
        return str(value), left / 1000 if left > 0 else float(left)

    async def _check_calls(self, expected: list[str]) -> None:
        expected = [call.replace(CASES_ADDRESS, OUR_ADDRESS) for call in expected]
        got = self.calls
        if len(got) != len(expected) or not all(
            _same_call(one.split(" | "), other) for one, other in zip(expected, got, strict=True)
        ):
            raise differ("redis_calls", expected, [" | ".join(words) for words in got])

    async def _watch(self, reader: asyncio.StreamReader) -> None:
        with suppress(asyncio.IncompleteReadError):  # the server was killed
            while True:
                self._take(await reader.readline() or await reader.readexactly(1))

    def _take(self, line: bytes) -> None:
        match = CALL.fullmatch(line.decode().rstrip("\r\n"))
        if match is None or match[2] == "lua":
            return
        if match[2] == self._own:
            self._seen.set()
            return
        words = [word.encode().decode("unicode_escape").encode("latin-1").decode() for word in WORD.findall(match[3])]
        if words[0] == "EVAL" and self.calls and self.calls[-1][2:] == words[2:]:
            return  # a script that the server did not have yet is called again
        if words[0].lower() not in HOUSEKEEPING:
            self.calls.append(words)
            self._databases.add(int(match[1]))


def ours(contents: dict[str, Any]) -> dict[str, Any]:
    return {key.replace(CASES_ADDRESS, OUR_ADDRESS): value for key, value in contents.items()}


def given(value: Any) -> tuple[str, int | None]:
    """What `store_before` has under a key: the text to be kept, and for how many seconds (None: for ever). What is no
    text is kept as JSON."""
    text, seconds = split(value) if isinstance(value, str) else (json.dumps(value, ensure_ascii=False), None)
    return text, int(seconds) if seconds is not None and seconds > 0 else None


def split(text: str) -> tuple[str, float | None]:
    """`46 (ttl 60)`: the value, and the seconds left if they are said."""
    match = VALUE.fullmatch(text)
    assert match is not None
    return match[1], float(match[2]) if match[2] else None


def _same_call(expected: list[str], got: list[str]) -> bool:
    """Scripts are not theirs: one counts as theirs if it is given the same keys and limits. (Theirs gets the window
    with the check, ours with the charge.)"""
    if expected[0] == "eval":
        number = int(expected[2])
        return got[0].lower() in SCRIPTS and {*expected[3 : 3 + 2 * number]} <= {*got[2:]}
    return [expected[0].upper(), *expected[1:3], *map(str.upper, expected[3:])] == [
        got[0].upper(), *got[1:3], *map(str.upper, got[3:]),
    ]  # fmt: skip


async def become(check: Callable[[Any], Awaitable[None]], expected: Any, seconds: float) -> None:
    """Tries again until it passes or time is up."""
    end = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            return await check(expected)
        except Mismatch:
            if asyncio.get_running_loop().time() > end:
                raise
        await asyncio.sleep(PAUSE)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@asynccontextmanager
async def open_store(case: Case, redis: SharedRedis) -> AsyncIterator[Store]:
    """The Redis of a case, until the block ends; one that is down is an address at which nobody listens."""
    if case.get("redis_down"):
        with socket.socket() as reserved:  # bound, so that nobody else can, and not listening
            reserved.bind(("127.0.0.1", 0))
            yield Store(case, f"redis://127.0.0.1:{reserved.getsockname()[1]}", None)
        return
    server = await redis.lend(_users(case))
    store = Store(case, server.url, server)
    async with store.watching():
        yield store


def _users(case: Case) -> dict[str, str]:
    """Who comes in, with the rules of Redis's ACL: only whom the case names."""
    named = redis_of(case)
    login = f"on {f'>{named.password}' if named.password else 'nopass'} {RIGHTS}"
    if named.username in ("", "default"):
        return {"default": login}
    return {"default": "off", named.username: login}
