"""Makes the vectors of a collection again: with another embedder, or where files are damaged."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from aigw.cli.sources.rag import Known
from aigw.core.retrieval import Embed, Embedder, Passage, RetrievalError
from aigw.rag.parts import Parts
from aigw.rag.settings import AUTO

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

Shows = Callable[[int, int], None]
"""Hears how many passages have a vector, and about how many there are."""


class Rebuilt(NamedTuple):
    """The result. `passages` is how many passages got a vector."""

    collection: str
    embedder: str
    passages: int


async def reindex(known: Known, collection: str, embedder: str, shows: Shows) -> Rebuilt:
    """`embedder` is a name, or "" or `auto` for what the configuration or the texts want. Raises RetrievalError."""
    name = known.name(collection)
    chosen = await _chosen(known, name, embedder)
    total = (await (await known.collections.get(name)).stats()).passages
    work = _by(chosen, shows, total)
    done = await known.collections.reindex(name, chosen.name, await chosen.dimension(), work)
    return Rebuilt(name, chosen.name, done)


async def repair(known: Known, collection: str, shows: Shows) -> Rebuilt:
    """Raises RetrievalError."""
    name = known.name(collection)
    used, work = "", None

    async def embed(passages: Sequence[Passage]) -> Vectors:
        nonlocal used, work
        if work is None:
            there = await known.collections.get(name)
            used, total = there.info.embedder, (await there.stats()).passages
            work = _by(known.embedders.get(used), shows, total)
        return await work(passages)

    done = await known.collections.repair(name, embed)
    try:
        used = used or (await known.collections.get(name)).info.embedder
    except RetrievalError:
        used = used or "its embedder"
    return Rebuilt(name, used, done)


async def _chosen(known: Known, name: str, embedder: str) -> Embedder:
    if embedder and embedder != AUTO:
        return known.embedders.get(embedder)
    found = await known.collections.get(name)
    texts = [passage.text for source in await found.sources() for passage in await found.of_source(source)]
    return known.embedders.choose(texts)


def _by(embedder: Embedder, shows: Shows, total: int) -> Embed:
    done = 0

    def told(passages: int) -> None:
        nonlocal done
        done += passages
        shows(done, total)

    parts = Parts(time.monotonic, told)

    async def embed(passages: Sequence[Passage]) -> Vectors:
        return await parts.embed(embedder, [embedded(passage) for passage in passages])

    return embed


def embedded(passage: Passage) -> str:
    """Returns the text that an embedder reads for a passage: the titles that its text does not show, and the text."""
    titles = [title for title in passage.title.split(" > ") if title and title not in passage.text]
    return f"{' > '.join(titles)}\n\n{passage.text}" if titles else passage.text
