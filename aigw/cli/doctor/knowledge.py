"""Looks whether the collections that plugins search are there."""

from __future__ import annotations

from aigw.cli.doctor.check import Check
from aigw.cli.views.rag import of_passages
from aigw.config.load import Loaded
from aigw.core.retrieval import NoCollectionError, RetrievalError
from aigw.server.knowledge import Knowledge, searched


async def collections_of(loaded: Loaded) -> list[Check]:
    """Checks the collections that plugins search on this machine. Without such plugins there are no checks."""
    knowledge = Knowledge(loaded.state_dir, loaded.config.rag.store)
    try:
        return await searched_in(knowledge, loaded)
    finally:
        await knowledge.aclose()


async def searched_in(knowledge: Knowledge, loaded: Loaded) -> list[Check]:
    return [await _look(knowledge, name) for name in searched(loaded)]


async def _look(knowledge: Knowledge, name: str) -> Check:
    assert knowledge.collections is not None  # there is a folder
    try:
        found = await knowledge.collections.get(name)
        stats = await found.stats()
    except NoCollectionError as error:
        return Check("collection", "note", str(error), f"aigw rag ingest PATH -n {name}, or map dashvector")
    except RetrievalError as error:
        return Check("collection", "problem", str(error))
    by = found.info.embedder or "clients"
    return Check("collection", "ok", f"{name} has {of_passages(stats.passages)}, embedded by {by}")
