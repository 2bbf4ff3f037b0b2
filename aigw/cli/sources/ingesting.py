"""Joins what `aigw rag ingest` needs: finding sources, reading them in a child process, and bringing them in."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aigw.cli.sources.knowledge import Known, collection_of
from aigw.core.retrieval import RetrievalError
from aigw.rag.chunks import chunk
from aigw.rag.document import Document
from aigw.rag.ingest import Ingest, Report, Settings
from aigw.rag.reading import Reading, load

if TYPE_CHECKING:
    from aigw.cli.views.progress import Progress


class FileItem:
    """An `Item`: a file."""

    def __init__(self, path: Path, name: str, reading: Reading) -> None:
        self.name = name
        self.size = path.stat().st_size
        self._path = path
        self._reading = reading

    async def content(self) -> bytes:
        return load(self._path)

    async def document(self, content: bytes) -> Document:
        return await self._reading.read(self.name, content)


async def ingest_paths(
    known: Known,
    paths: Sequence[str],
    *,
    collection: str,
    embedder: str,
    prune: bool,
    allow_private: bool,
    shows: Progress,
) -> tuple[str, Report, float]:
    """Returns the name of the collection, what was done, and the seconds that it took. Raises RetrievalError."""
    settings = known.loaded.config.rag
    given = list(paths) or [str(known.base / each) for each in settings.sources]
    if not given:
        raise RetrievalError("name files, folders or URLs, or write them into aigw.yaml (rag: {sources: [docs]})")
    name = collection_of(known, collection)
    began = time.monotonic()
    async with Reading() as reading:
        items = [FileItem(path, str(path), reading) for each in given for path in _files(Path(each))]
        shows.total = sum(item.size for item in items)
        job = Ingest(
            known.collections,
            known.embedders,
            name,
            Settings(settings.chunks.size, settings.chunks.overlap, embedder or settings.embedder),
            choose=known.embedders.choose,
            cut=chunk,
            clock=time,
            shows=shows,
        )
        report = await job.run(items, prune=None)
    return name, report, time.monotonic() - began


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
