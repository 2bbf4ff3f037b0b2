"""Plugins for the tests: one that notes how each reply ended, outside of ai-proxy (`outer`) or inside (`inner`), and
one that does what a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct

from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.plugin import Next, Plugin, Problem
from aigw.core.reply import Outcome, Reply


class Config(Struct, frozen=True):
    tag: str = ""


class Probe:
    """A plugin module. Each reply that passed adds one to `replies`, each of its ends an Outcome to `ends`."""

    Config = Config
    INHERITS = False

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.tags: list[str] = []
        self.replies = 0
        self.ends: list[Outcome] = []
        self.raised: list[Exception] = []

    def check(self, config: Any) -> list[Problem]:
        return []

    @asynccontextmanager
    async def build(self, config: Config, env: Env) -> AsyncIterator[Plugin]:
        async def plugin(exchange: Exchange, call_next: Next) -> Reply:
            self.exchanges.append(exchange)
            self.tags.append(config.tag)
            try:
                reply = await call_next(exchange)
            except Exception as error:
                self.raised.append(error)
                raise
            self.replies += 1
            return reply.tap(on_end=self.ends.append)

        yield plugin


class Scripted:
    """A plugin module whose plugin is a function of the test."""

    Config = Config
    INHERITS = False

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin

    def check(self, config: Any) -> list[Problem]:
        return []

    @asynccontextmanager
    async def build(self, config: Config, env: Env) -> AsyncIterator[Plugin]:
        yield self._plugin
