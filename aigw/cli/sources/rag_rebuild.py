"""Makes the vectors of a collection again: with another embedder, or where files are damaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from aigw.cli.sources.rag import Known
from aigw.core.retrieval import Embed, Embedder, Passage, RetrievalError
from aigw.rag.settings import AUTO

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors


class Rebuilt(NamedTuple):
    """`passages` is how many got a vector."""

    collection: str
    embedder: str
    passages: int


async def reindex(known: Known, collection: str, embedder: str) -> Rebuilt:
    """`embedder` is a name, or "" or `auto` for what the configuration or the texts want. Raises RetrievalError."""
    name = known.name(collection)
    chosen = await _chosen(known, name, embedder)
    done = await known.collections.reindex(name, chosen.name, await chosen.dimension(), _by(chosen))
    return Rebuilt(name, chosen.name, done)


async def repair(known: Known, collection: str) -> Rebuilt:
    """Raises RetrievalError."""
    name = known.name(collection)
    used = ""

    async def embed(passages: Sequence[Passage]) -> Vectors:
        nonlocal used
        used = (await known.collections.get(name)).info.embedder
        return await _by(known.embedders.get(used))(passages)

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


def _by(embedder: Embedder) -> Embed:
    async def embed(passages: Sequence[Passage]) -> Vectors:
        return await embedder.embed([embedded(passage) for passage in passages], "passage")

    return embed


def embedded(passage: Passage) -> str:
    """What an embedder reads of a passage: the titles that its text does not show, and the text."""
    titles = [title for title in passage.title.split(" > ") if title and title not in passage.text]
    return f"{' > '.join(titles)}\n\n{passage.text}" if titles else passage.text
