"""Embeds by a service.

Rule: a question is asked once, because somebody waits for it. Passages are asked for again where the service is busy
or out of order, so that an ingest of hours does not end with one refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from aigw.clients.callout import CalloutError, StatusError
from aigw.core.env import Env
from aigw.core.redaction import shown
from aigw.core.retrieval import Purpose, RetrievalError
from aigw.rag.embedders.model import readable
from aigw.rag.settings import RemoteSettings

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

WAITS = (1.0, 4.0, 16.0)
"""Seconds before each new attempt."""
PASSING = frozenset((408, 409, 429, 500, 502, 503, 504))
"""Statuses after which another attempt may succeed."""
REASON = 200
"""How many characters of a service's error message are shown."""
_REMEDIES = {400: "model", 401: "api_key", 403: "api_key", 404: "url"}
"""The key of the configuration that is probably wrong, by the status."""

Ask = Callable[[Sequence[str], Purpose], Awaitable[list[list[float]]]]
"""Asks the service for the vectors of one batch. Raises CalloutError."""


class RemoteEmbedder:
    """An `Embedder`. `kind` is its name in the configuration."""

    def __init__(self, kind: str, ask: Ask, settings: RemoteSettings, env: Env) -> None:
        self._kind = kind
        self._ask = ask
        self._settings = settings
        self._env = env
        self._dimension = 0

    @property
    def name(self) -> str:
        return f"{self._kind}:{self._settings.model}"

    @property
    def window(self) -> int:
        return self._settings.window

    async def dimension(self) -> int:
        if not self._dimension:
            await self.embed(["dimension"], "query")
        return self._dimension

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        import numpy as np

        size = self._settings.batch
        found = [await self._batch(texts[start : start + size], purpose) for start in range(0, len(texts), size)]
        return np.concatenate(found) if found else np.empty((0, await self.dimension()), np.float32)

    def count(self, text: str) -> int:
        return self._env.tokenizer.count(text, self._settings.model)

    async def _batch(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        asked = await asyncio.to_thread(lambda: [self._cut(text) for text in texts])
        waits = iter(WAITS if purpose == "passage" else ())
        while True:
            try:
                return self._vectors(await self._ask(asked, purpose), len(texts))
            except CalloutError as error:
                wait = next(waits, None)
                if wait is None or not _passes(error):
                    raise self._failed(str(error), error) from None
            await self._env.sleep(wait)

    def _cut(self, text: str) -> str:
        """Returns the part of a text that the service accepts. Most services refuse a text that is empty or too
        long."""
        text, window = readable(text), self._settings.window
        return (self._env.tokenizer.clip(text, window, self._settings.model) if len(text) > window else text) or " "

    def _vectors(self, rows: list[list[float]], count: int) -> Vectors:
        """The rows with the length 1. Raises RetrievalError if they are not one finite vector for each text."""
        import numpy as np

        try:
            vectors = np.array(rows, np.float32)
        except (TypeError, ValueError, OverflowError):
            vectors = np.empty(0, np.float32)
        if vectors.ndim != 2 or len(vectors) != count or self._dimension not in (0, vectors.shape[1]):
            wanted = f"of {self._dimension} numbers " if self._dimension else ""
            raise self._failed(f"the answer has not one vector {wanted}for each of {count} texts")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(lengths) & (lengths > 0)).all():
            raise self._failed("a vector has no direction")
        self._dimension = vectors.shape[1]
        unit: Vectors = vectors / lengths
        return unit

    def _failed(self, what: str, error: CalloutError | None = None) -> RetrievalError:
        if isinstance(error, StatusError):
            what += f": {said}" if (said := shown(error.said.decode("utf-8", "replace"))[:REASON]) else ""
            what += f"; check rag.{self._kind}.{key} in aigw.yaml" if (key := _REMEDIES.get(error.status)) else ""
        return RetrievalError(f"the embedder {self.name}: {what}")


def _passes(error: CalloutError) -> bool:
    return not isinstance(error, StatusError) or error.status in PASSING
