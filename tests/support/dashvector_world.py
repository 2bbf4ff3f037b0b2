"""DashVector's stand-in over real collections, asked as HTTP asks it.

code, output = await it.ask("POST", "/v1/collections/docs/query", {"vector": [1.0, 0.0]})"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from multidict import CIMultiDict

from aigw.core.model import Request
from aigw.standins.dashvector.standin import DashVectorStandin
from aigw.stores.faiss.collections import FaissCollections


class DashVectorWorld:
    def __init__(self, collections: FaissCollections) -> None:
        self.collections = collections
        numbers = itertools.count(1)
        self.standin = DashVectorStandin(collections, lambda: f"id-{next(numbers)}")

    async def told(self, method: str, target: str, body: Any = None) -> dict[str, Any]:
        path, _, query = target.partition("?")
        raw = body if isinstance(body, bytes) else msgspec.json.encode({} if body is None else body)
        found = await self.standin(Request(method, path, query, CIMultiDict(), raw))
        assert found.status == 200
        told: dict[str, Any] = msgspec.json.decode(found.body)  # type: ignore[arg-type]
        assert told["request_id"]
        return told

    async def ask(self, method: str, target: str, body: Any = None) -> tuple[int, Any]:
        """The code, and the output or else the message."""
        told = await self.told(method, target, body)
        return told["code"], told.get("output", told["message"])

    async def create(self, name: str = "docs", dimension: int = 2, **more: Any) -> None:
        assert await self.ask("POST", "/v1/collections", {"name": name, "dimension": dimension, **more}) == (
            0,
            "Success",
        )

    async def put(self, docs: list[dict[str, Any]], name: str = "docs", **more: Any) -> None:
        code, output = await self.ask("POST", f"/v1/collections/{name}/docs", {"docs": docs, **more})
        assert (code, {each["code"] for each in output}) == (0, {0})

    async def found(self, name: str = "docs", **body: Any) -> list[str]:
        """The ids of what a query finds."""
        code, output = await self.ask("POST", f"/v1/collections/{name}/query", body)
        assert code == 0, output
        return [doc["id"] for doc in output]


@asynccontextmanager
async def dashvector_world(folder: Path) -> AsyncIterator[DashVectorWorld]:
    collections = FaissCollections(folder)
    try:
        yield DashVectorWorld(collections)
    finally:
        await collections.aclose()
