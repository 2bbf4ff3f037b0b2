"""Embeds with a model in this process, in a thread of the model's own, so that the event loop goes on.

Rule: texts go to the thread in batches, one batch at a time. So a short question waits for one batch of a long ingest,
not for all of it, and a call that is cancelled leaves at most one batch to end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from aigw.core.retrieval import Purpose
from aigw.rag.embedders.model import Model, readable

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

BATCH = 32
"""How many texts are embedded at once, at most."""
BATCH_CHARACTERS = 8_000
"""How many characters a batch has at most, so that it takes one second instead of five, and at most 100 MB."""
USUAL = 4
"""About how many characters a token has, in most languages."""
LONG = 1_000
"""A text of at most this many characters is never cut."""
CHARACTERS = 16
"""A longer text is cut to this many characters for each token of the window. No ordinary text has that many."""

T = TypeVar("T")


class LocalEmbedder:
    """An `Embedder`."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"aigw-{model.name}")

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def window(self) -> int:
        return self._model.window

    async def dimension(self) -> int:
        return await self._run(self._model.dimension)

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        import numpy as np

        parts = list(batches(await self._sizes(texts)))
        found = [await self._run(self._encode, [texts[index] for index in part], purpose) for part in parts]
        vectors = np.empty((len(texts), found[0].shape[1] if found else await self.dimension()), np.float32)
        for part, rows in zip(parts, found, strict=True):
            vectors[part] = rows
        return vectors

    async def _sizes(self, texts: Sequence[str]) -> list[int]:
        """About how many characters are read of each text. Only for long ones the model must tell its window."""
        sizes = [len(text) for text in texts]
        if max(sizes, default=0) <= LONG:
            return sizes
        most = USUAL * await asyncio.to_thread(lambda: self.window)
        return [min(size, most) for size in sizes]

    def count(self, text: str) -> int:
        return self._model.count(readable(text))

    def _encode(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        most = CHARACTERS * self._model.window
        return self._model.encode([readable(text[:most]) for text in texts], purpose)

    async def _run(self, job: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, job, *args)


def batches(sizes: Sequence[int]) -> Iterator[list[int]]:
    """The places of texts of these sizes, in batches. Texts of about one length are together, so that little is
    padded."""
    batch: list[int] = []
    for place in sorted(range(len(sizes)), key=lambda place: sizes[place]):
        if batch and (len(batch) == BATCH or (len(batch) + 1) * sizes[place] > BATCH_CHARACTERS):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
