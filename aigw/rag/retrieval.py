"""What plugins and commands get of retrieval: a search in a collection, by the embedder that made it.

Rule: nothing is opened or loaded before the first search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aigw.core.retrieval import Collection, Collections, Embedders, Hit, RetrievalError

if TYPE_CHECKING:
    from aigw.rag.search import Usual

MOST_KEPT = 32
"""Of how many collections it is kept what is usual in them: a megabyte each."""


class LocalRetrieval:
    """A `Retrieval`."""

    def __init__(self, collections: Collections, embedders: Embedders) -> None:
        self._collections = collections
        self._embedders = embedders
        self._usual: dict[str, Usual] = {}

    async def names(self) -> Sequence[str]:
        return await self._collections.names()

    async def search(self, collection: str, question: str, top: int) -> Sequence[Hit]:
        from aigw.rag.search import search

        found = await self._collections.get(collection)
        name = found.info.embedder
        if not name:
            raise RetrievalError(
                f"the collection {collection} has vectors that clients brought, so nothing here can embed a question "
                f"for it; `aigw rag reindex {collection}` embeds its texts"
            )
        return await search(found, self._embedders.get(name), question, top, await self._usual_in(found))

    def version(self, collection: str) -> str:
        try:
            return self._collections.version(collection)
        except RetrievalError:
            return ""

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
