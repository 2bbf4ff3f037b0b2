"""Embeds many texts in parts, so that somebody who waits sees how far it is, and can stop it.

Rule: a part takes about EACH_SECONDS, however slow the embedder is: so little is lost when it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from aigw.core.retrieval import Embedder
from aigw.rag.unfinished import UnfinishedVectors

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

FIRST, LEAST, MOST = 32, 16, 256
"""How many texts the first part has, and the least and the most that others have."""
EACH_SECONDS = 5.0


class Parts:
    """Embeds texts in parts. `size` is how many texts the next part has. `now` returns seconds, and `tells` is called
    with the number of texts of each part. `unfinished` keeps vectors before all texts are embedded, and has those that
    were kept earlier."""

    def __init__(self, now: Callable[[], float], tells: Callable[[int], None]) -> None:
        self.size = FIRST
        self._now = now
        self._tells = tells
        self.unfinished: UnfinishedVectors | None = None

    async def embed(self, embedder: Embedder, texts: Sequence[str]) -> Vectors:
        """The vectors of passages with these texts. Raises RetrievalError."""
        import numpy as np

        known = await asyncio.to_thread(self.unfinished.take, texts) if self.unfinished is not None else {}
        if not known:
            return np.concatenate(await self._embedded(embedder, texts))
        self._tells(len(known))
        missing = [text for place, text in enumerate(texts) if place not in known]
        found = iter(np.concatenate(await self._embedded(embedder, missing)))
        return np.stack([known[place] if place in known else next(found) for place in range(len(texts))])

    async def _embedded(self, embedder: Embedder, texts: Sequence[str]) -> list[Vectors]:
        found: list[Vectors] = []
        done = 0
        while done < len(texts) or not found:
            left = len(texts) - done
            count = left if left < self.size + LEAST else self.size
            part = texts[done : done + count]
            found.append(await self._part(embedder, part))
            done += count
            if self.unfinished is not None and done < len(texts):
                self.unfinished.add(part, found[-1])
        return found

    async def _part(self, embedder: Embedder, texts: Sequence[str]) -> Vectors:
        began = self._now()
        vectors = await embedder.embed(texts, "passage")
        self._tells(len(texts))
        if len(texts) >= LEAST:
            self.size = _in_time(len(texts), self._now() - began)
        return vectors


def _in_time(count: int, seconds: float) -> int:
    """Returns how many texts the next part has if `count` texts took `seconds`."""
    return min(MOST, max(LEAST, int(count * EACH_SECONDS / max(seconds, 0.001))))
