"""Opens what `aigw rag` works with: the configuration, the collections and the embedders. Says what goes wrong."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from aigw.cli.sources.config_choice import config_choice
from aigw.cli.terminal.failures import run_or_fail
from aigw.cli.terminal.output import say_sentence

if TYPE_CHECKING:
    from aigw.cli.sources.config_choice import ConfigChoice
    from aigw.config.load import Loaded
    from aigw.core.retrieval import Collection, LocalCollections
    from aigw.rag.embedders.table import EmbedderTable
    from aigw.rag.retrieval import LocalRetrieval

T = TypeVar("T")
MOST_SUGGESTED = 3


class Known(NamedTuple):
    """The collections and embedders of a command. `base` is the folder from which sources of the configuration are
    named."""

    loaded: Loaded
    base: Path
    collections: LocalCollections
    embedders: EmbedderTable
    retrieval: LocalRetrieval

    def name(self, given: str) -> str:
        """Returns the name of the collection: the given one, or the default."""
        return given or self.loaded.config.rag.collection

    async def collection(self, given: str) -> Collection:
        """Raises RetrievalError."""
        return await self.collections.get(self.name(given))


def on_collections(command: str, config: Path | None, recipe: str | None, work: Callable[[Known], Awaitable[T]]) -> T:
    """Opens the collections, and returns what `work` makes of them. If it fails, says what went wrong and exits."""

    choice = config_choice(command, config, recipe)

    async def whole() -> T:
        async with knowledge(choice) as known:
            return await work(known)

    return run_or_fail(command, whole())


@asynccontextmanager
async def knowledge(choice: ConfigChoice) -> AsyncIterator[Known]:
    """Opens the collections and embedders of a configuration; without one, those of the defaults, as `aigw serve` does.
    Raises ConfigError."""
    from aigw.cli.sources.configuration import configured
    from aigw.cli.sources.recipe import folder
    from aigw.config.load import load
    from aigw.core.env import Env
    from aigw.core.retrieval import NoCollectionError
    from aigw.metering.tokenizer import TokenCounter
    from aigw.server.knowledge import Knowledge
    from aigw.stores.memory import MemoryStores
    from aigw.stores.retrieval import LOCAL
    from aigw.upstream.proxied import upstream_for
    from aigw.upstream.switch import Switch

    loaded = configured(choice) if choice.is_given else load(None, os.environ, text=b"{}")
    base = folder() if choice.recipe is not None else choice.folder
    network = upstream_for(os.environ)
    door = Switch({"http": network, "https": network})
    known = Knowledge(
        loaded.state_dir, loaded.config.rag.store, lambda waits: say_sentence(f"aigw rag: {waits}", err=True)
    )
    collections = known.collections
    try:
        env = Env(door, loaded.services, TokenCounter(), MemoryStores(), log=logging.getLogger("aigw"))
        embedders = known.embedders(loaded.config.rag, env)
        known.take(loaded.config.rag, embedders)
        retrieval = known.retrieval(embedders)
        assert collections is not None  # there is a folder
        assert retrieval is not None
        yield Known(loaded, base, collections, embedders, retrieval)
    except NoCollectionError as error:
        where = f" in {loaded.state_dir}" if loaded.config.rag.store == LOCAL else ""
        raise NoCollectionError(f"{error}{where}; `aigw rag ingest PATH` makes one") from None
    finally:
        await known.aclose()
        await door.aclose()


async def similar_to(collection: Collection, given: Sequence[str]) -> str:
    """Returns a sentence that names sources whose paths end like those in `given` that do not exist, "" if there are
    none."""
    names = await collection.sources()
    ends = tuple(f"/{each.removeprefix('./')}" for each in given if each not in names)
    found = [name for name in names if ends and f"/{name}".endswith(ends)]
    return f"did you mean {', '.join(found[:MOST_SUGGESTED])}?" if found else ""
