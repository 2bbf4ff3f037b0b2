"""Looks whether the collections that plugins search are there."""

from __future__ import annotations

from aigw.cli.doctor.check import Check
from aigw.config.load import Loaded
from aigw.core.retrieval import NoCollectionError, RetrievalError
from aigw.server.knowledge import Knowledge


async def collections_of(loaded: Loaded) -> list[Check]:
    """Nothing is said where no plugin searches. A collection of a service elsewhere cannot be seen from here."""
    wanted = {
        name
        for plugin in loaded.plugins.values()
        for config in plugin.rules.configs
        if config is not None
        for name in plugin.about.searches(config)
    }
    knowledge = Knowledge(loaded.state_dir, loaded.config.rag.store)
    try:
        return [await _look(knowledge, name) for name in sorted(wanted)]
    finally:
        await knowledge.aclose()


async def _look(knowledge: Knowledge, name: str) -> Check:
    assert knowledge.collections is not None  # there is a folder
    try:
        found = await knowledge.collections.get(name)
        stats = await found.stats()
    except NoCollectionError as error:
        return Check("collection", "note", str(error), f"aigw rag ingest PATH --collection {name}, or map dashvector")
    except RetrievalError as error:
        return Check("collection", "problem", str(error))
    by = found.info.embedder or "clients"
    return Check("collection", "ok", f"{name} has {stats.passages:,} passages, embedded by {by}")
