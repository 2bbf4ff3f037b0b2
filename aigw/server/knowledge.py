"""The collections of a gateway's state folder and its models, from which stand-ins and searches answer. They live
longer than a configuration. Nothing is loaded or opened before a search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from aigw.clients import dashscope, dashvector
from aigw.config.load import Loaded
from aigw.config.services import ServiceTable
from aigw.core.asking import AskError, Models, Question
from aigw.core.env import Env
from aigw.core.retrieval import Embedder, LocalCollections, NoCollectionError
from aigw.rag.embedders import EmbedderTable, LocalEmbedders
from aigw.rag.retrieval import LocalRetrieval
from aigw.rag.settings import RagSettings
from aigw.standins.dashscope import DashScopeStandin
from aigw.standins.dashscope_text import TextGeneration
from aigw.standins.dashvector.standin import DashVectorStandin
from aigw.stores.faiss.collections import FOLDER
from aigw.stores.retrieval import LOCAL, collections_in
from aigw.upstream.standin import Standin

STANDINS = (dashscope.STANDIN, dashvector.STANDIN)
"""The stand-ins that answer from what a gateway knows."""


def services_of(loaded: Loaded) -> ServiceTable:
    """The services of a configuration, with the stand-ins that answer for those that are not mapped."""
    return loaded.services.with_standins(STANDINS)


def searched(loaded: Loaded) -> Sequence[str]:
    """The collections of this gateway that the plugins of a configuration search."""
    services = services_of(loaded)
    plugins = [(each.about, config) for each in loaded.plugins.values() for config in each.rules.configs]
    return sorted({name for about, config in plugins if config for name in about.searches(config, services)})


class Knowledge:
    """The collections and models of a gateway. `folder` is the state folder; with None there are no local collections.
    `store` is `rag.store`. `tell` gets a sentence where a change waits for that of another process."""

    def __init__(self, folder: Path | None, store: str, tell: Callable[[str], None] | None = None) -> None:
        self.collections: LocalCollections | None = collections_in(store, folder and folder / FOLDER, tell)
        self._models = LocalEmbedders()
        self._settings = RagSettings()
        self._embedders = EmbedderTable(self._settings, None, self._models)
        self._asked: Models | None = None

    def embedders(self, settings: RagSettings, env: Env) -> EmbedderTable:
        """Returns the embedders of a configuration."""
        return EmbedderTable(settings, env, self._models)

    def retrieval(self, embedders: EmbedderTable) -> LocalRetrieval | None:
        if self.collections is None:
            return None
        return LocalRetrieval(self.collections, embedders, lambda: self._embedder(""))

    def take(self, settings: RagSettings, embedders: EmbedderTable, models: Models | None = None) -> None:
        """Lets the stand-ins answer by this configuration from now on, and ask its models."""
        self._settings, self._embedders, self._asked = settings, embedders, models

    def standins(self, new_id: Callable[[], str]) -> Mapping[str, Standin]:
        """Returns the stand-ins that answer from these collections and models, by their names."""
        texts = TextGeneration(self._ask, new_id)
        found: dict[str, Standin] = {dashscope.STANDIN: DashScopeStandin(self._embedder, texts, new_id)}
        if self.collections is not None:
            found[dashvector.STANDIN] = DashVectorStandin(self.collections, new_id)
        return found

    async def _ask(self, question: Question) -> str:
        """Raises AskError."""
        if self._asked is None:
            raise AskError("no configuration is in force", absent=True)
        return await self._asked.ask(question)

    async def _embedder(self, model: str) -> Embedder:
        """The one of this name. For another model, the one that made the configured collection, so that its vectors
        fit; else the one that would make it. Raises RetrievalError."""
        if (named := self._embedders.local().get(model)) is not None:
            return named
        name = ""
        if self.collections is not None:
            try:
                name = (await self.collections.get(self._settings.collection)).info.embedder
            except NoCollectionError:
                name = ""
        return self._embedders.get(name) if name else self._embedders.choose(())

    async def missing(self, loaded: Loaded) -> Sequence[str]:
        """Returns a sentence for each missing collection that plugins of a configuration search. Collections in a
        Milvus are not checked, so that nobody waits for it."""
        if self.collections is None or loaded.config.rag.store != LOCAL:
            return []
        wanted = searched(loaded)
        names = await self.collections.names() if wanted else ()
        there = ", ".join(names) or "none yet"
        return [
            f"a plugin searches the collection {each}, which is not there; there are: {there}; "
            f"`aigw rag ingest PATH -n {each}` makes it"
            for each in wanted
            if each not in names
        ]

    async def aclose(self) -> None:
        if self.collections is not None:
            await self.collections.aclose()
