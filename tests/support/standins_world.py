"""A gateway on a free port that lets clients call its stand-ins."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from small_embedder import SmallEmbedder

from aigw.books.books import Books
from aigw.clients import dashscope
from aigw.config.load import load
from aigw.core.asking import AskError, Question
from aigw.core.env import new_id
from aigw.server.gateway import run
from aigw.standins.dashscope import DashScopeStandin
from aigw.standins.dashscope_text import TextGeneration
from aigw.upstream.proxied import upstream_for

ON = {"dashvector": True, "dashscope": True}
BUILTIN = {"ai-proxy": {"provider": {"type": "builtin"}}}


@dataclass(frozen=True)
class StandinsWorld:
    url: str
    http: aiohttp.ClientSession
    books: Books

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(method, path, json=body, headers=names) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def standins_world(
    folder: Path | None, *, real_models: bool = False, **settings: Any
) -> AsyncIterator[StandinsWorld]:
    """Without `real_models`, DashScope's stand-in has the small embedder, so that none is loaded."""
    values = {"listen": "127.0.0.1:0", "plugins": BUILTIN, "standins": ON, **settings}
    books = Books(folder)

    async def small(model: str) -> SmallEmbedder:
        return SmallEmbedder()

    async def nobody(question: Question) -> str:
        raise AskError("nobody", absent=True)

    texts = TextGeneration(nobody, new_id)
    standins = {} if real_models else {dashscope.STANDIN: DashScopeStandin(small, texts, new_id)}
    async with (
        run(
            load(None, {}, text=json.dumps(values).encode()), upstream_for({}), books=books, standins=standins
        ) as running,
        aiohttp.ClientSession(running.url, trust_env=False) as http,
    ):
        yield StandinsWorld(running.url, http, books)
