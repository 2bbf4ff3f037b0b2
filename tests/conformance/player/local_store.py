"""The gateway's own stand-in for the Redis of a case: what it keeps in its state folder, and its clock.

Between steps time stands still but for `advance_s`. What only Redis can show (calls, users, a Redis that is down) is not
looked at; of cached values only the value is."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import Any

from player.cases import Case, plugins_of, redis_of
from player.mismatch import differ
from player.store import SECONDS, become, ours, split

from aigw.config.model import CacheConfig
from aigw.core.stores import KV, Counter, Service
from aigw.server.stores import LocalStores

CLOCK = Path(__file__).parent / "clock"
VALUES = {"ai-cache", "ai-history"}
"""Plugins that keep values; the others count."""


class LocalStore:
    """`environment` is for the gateway, so that its clock can be moved."""

    services: dict[str, str] = {}

    def __init__(self, case: Case, folder: Path) -> None:
        named = redis_of(case)
        self._service = Service(named.service, named.port, database=named.database)
        self._values = bool(VALUES & plugins_of(case).keys())
        self._folder = folder / ".aigw"
        self._clock = folder / "clock"
        self._advanced = 0.0
        self._still = 0.0
        """When the first step had ended: every later one begins then, but for what was advanced."""
        self._added = 0.0
        self._move()
        path = os.pathsep.join([str(CLOCK), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.environment = {"PYTHONPATH": path, "PLAYER_CLOCK": str(self._clock)}

    def steps(self, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those that are played, with what can be seen of them."""
        return [{**step, "expect": _without_calls(step["expect"])} for step in steps if not step.get("redis_down")]

    async def begin(self, step: dict[str, Any]) -> None:
        self._advanced += step.get("advance_s", 0)
        self._added = self._advanced - (time.time() - self._still if self._still else 0.0)
        self._move()

    async def check(self, expect: dict[str, Any], seconds: float = SECONDS) -> None:
        """Waits until everything is as expected. Raises Mismatch if it does not become so within `seconds`."""
        if "store_after" in expect:
            await become(self._check_contents, expect["store_after"], seconds)
        self._still = self._still or time.time()

    async def check_end(self) -> None:
        """Nothing more is looked at once the gateway has stopped."""

    def check_client(self, expected: dict[str, Any]) -> None:
        """Nobody logs in here."""

    def _move(self) -> None:
        if not self._clock.exists():
            self._clock.write_bytes(bytes(16))
        with self._clock.open("r+b") as file:
            file.write(struct.pack("dd", self._added, self._advanced))

    async def _check_contents(self, expected: dict[str, str]) -> None:
        stores = LocalStores(self._folder, CacheConfig(), now=lambda: time.time() + self._added)
        try:
            if self._values:
                await self._check_values(stores.kv(self._service), ours(expected))
            else:
                await self._check_counts(stores.counter(self._service), ours(expected))
        finally:
            await stores.aclose()

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


def _without_calls(expect: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in expect.items() if name != "redis_calls"}
