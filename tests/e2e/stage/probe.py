"""Plugins for the tests: one that notes how each reply ended, outside of ai-proxy (`outer`) or inside (`inner`), and
one that does what a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fakes import about
from msgspec import Struct

from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.layers import Outcome
from aigw.core.plugin import About, Next, Plugin
from aigw.core.reply import Reply


class Config(Struct, frozen=True):
    tag: str = ""


class Probe:
    """A plugin as `about` says it. Each reply that passed adds one to `replies`, each of its ends an Outcome to `ends`."""

    def __init__(self) -> None:
        self.about = about(self._build, Config)
        self.exchanges: list[Exchange] = []
        self.tags: list[str] = []
        self.replies = 0
        self.ends: list[Outcome] = []
        self.raised: list[Exception] = []

    @asynccontextmanager
    async def _build(self, config: Config, env: Env) -> AsyncIterator[Plugin]:
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


def scripted(plugin: Plugin) -> About[Config]:
    """A plugin that is a function of the test."""

    @asynccontextmanager
    async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
        yield plugin

    return about(build, Config)
