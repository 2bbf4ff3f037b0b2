"""The gateway's own stand-in for the Redis of a case: what it keeps in its state folder, and its clock.

What only Redis can show (calls, users, a Redis that is down) is not looked at; of cached values only the value is."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from player.cases import Case, plugins_of, redis_of
from player.mismatch import differ, require
from player.store import SECONDS, become, given, ours, split

from aigw.config.model import CacheConfig
from aigw.core.stores import KV, Counter, Limit, Service
from aigw.server.stores import LocalStores

CLOCK = Path(__file__).parent / "clock"
VALUES = {"ai-cache", "ai-history"}
"""Plugins that keep values; the others count."""


class StillClock:
    """The clock of a gateway in a process of its own: between steps it stands still but for what is advanced.

    `file` is what `clock/sitecustomize.py` reads; `added` is what it adds to the time of day, in seconds."""

    def __init__(self, file: Path) -> None:
        self.added = 0.0
        self._file = file
        self._advanced = 0.0
        self._still = 0.0
        """When the first step had ended: every later one begins then, but for what was advanced."""
        self._write()
        path = os.pathsep.join([str(CLOCK), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.environment = {"PYTHONPATH": path, "PLAYER_CLOCK": str(file)}

    def begin(self, advance: float) -> None:
        """A step begins."""
        self._advanced += advance
        self.added = self._advanced - (time.time() - self._still if self._still else 0.0)
        self._write()

    def end(self) -> None:
        """A step has ended."""
        self._still = self._still or time.time()

    def _write(self) -> None:
        if not self._file.exists():
            self._file.write_bytes(bytes(16))
        with self._file.open("r+b") as file:
            file.write(struct.pack("dd", self.added, self._advanced))


class LocalStore:
    """`environment` is for the gateway, so that its clock can be moved; without a clock it has the machine's own."""

    services: dict[str, str] = {}

    def __init__(self, case: Case, folder: Path, clock: StillClock | None = None) -> None:
        named = redis_of(case)
        self._service = Service(named.service, named.port, database=named.database)
        self._values = bool(VALUES & plugins_of(case).keys())
        self._folder = folder / ".aigw"
        self._clock = clock
        self.environment = clock.environment if clock else {}

    def steps(self, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those that are played, with what can be seen of them."""
        return [{**step, "expect": _without_calls(step["expect"])} for step in steps if not step.get("redis_down")]

    async def put(self, contents: dict[str, Any]) -> None:
        """Keeps these before the gateway starts, as `store_before` says them."""
        async with self._stores() as stores:
            for key, value in ours(contents).items():
                text, seconds = given(value)
                if self._values:
                    await stores.kv(self._service).put(key, text.encode(), seconds)
                else:
                    await _count(stores.counter(self._service), key, int(text), seconds)

    async def begin(self, step: dict[str, Any]) -> None:
        if self._clock:
            self._clock.begin(step.get("advance_s", 0))
        else:
            require("advance_s" not in step, "advance_s: this gateway's clock cannot be moved")

    async def check(self, expect: dict[str, Any], seconds: float = SECONDS) -> None:
        """Waits until everything is as expected. Raises Mismatch if it does not become so within `seconds`."""
        if "store_after" in expect:
            await become(self._check_contents, expect["store_after"], seconds)
        if self._clock:
            self._clock.end()

    async def check_end(self) -> None:
        """Nothing more is looked at once the gateway has stopped."""

    def check_client(self, expected: dict[str, Any]) -> None:
        """Nobody logs in here."""

    @asynccontextmanager
    async def _stores(self) -> AsyncIterator[LocalStores]:
        added = self._clock.added if self._clock else 0.0
        stores = LocalStores(self._folder, CacheConfig(), now=lambda: time.time() + added)
        try:
            yield stores
        finally:
            await stores.aclose()

    async def _check_contents(self, expected: dict[str, str]) -> None:
        async with self._stores() as stores:
            if self._values:
                await self._check_values(stores.kv(self._service), ours(expected))
            else:
                await self._check_counts(stores.counter(self._service), ours(expected))

    async def _check_values(self, kv: KV, expected: dict[str, str]) -> None:
        got = {key: ((await kv.get(key)) or b"").decode() async for key in kv.keys()}  # noqa: SIM118
        wanted = {key: split(text)[0] for key, text in expected.items()}
        if got != wanted:
            raise differ("store_after", wanted, got)

    async def _check_counts(self, counter: Counter, expected: dict[str, str]) -> None:
        keys = sorted([key async for key in counter.keys()])  # noqa: SIM118
        got = dict(zip(keys, await counter.read(*keys), strict=True))
        if got.keys() != expected.keys():
            raise differ("store_after", expected, got)
        for key, text in expected.items():
            value, left = split(text)
            if str(got[key].used) != value:
                raise differ(f"store_after {key}", value, got[key].used)
            if left is not None and not left - 1 < (got[key].left or -1) <= left:
                raise differ(f"store_after {key}: seconds left", left, got[key].left)


async def _count(counter: Counter, key: str, value: int, seconds: int | None) -> None:
    if seconds is None:
        await counter.put(key, value)
    else:  # a window begins with its first charge
        await counter.settle(await counter.hold([Limit(key, value, seconds)]), [value])


def _without_calls(expect: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in expect.items() if name != "redis_calls"}
