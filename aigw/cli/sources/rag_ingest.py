"""Joins what `aigw rag ingest` needs: finding sources, reading them in a child process, and bringing them in."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aigw.cli.sources.rag import Known
from aigw.core.retrieval import RetrievalError
from aigw.core.upstream import Upstream
from aigw.rag.chunks import chunk
from aigw.rag.document import Document, UnreadableError
from aigw.rag.ingest import Ingest, Report, Settings
from aigw.rag.named_sources import STDIN, NamedSource, find
from aigw.rag.reading import Reading, load
from aigw.rag.screening import document_screen
from aigw.rag.unfinished import FOLDER as UNFINISHED
from aigw.rag.web import Page, fetch, why_private
from aigw.upstream.proxied import upstream_for

if TYPE_CHECKING:
    from aigw.cli.terminal.progress import Progress


class Done(NamedTuple):
    """What an ingest has done. `empty` are the folders and patterns in which nothing was found. `left_out` counts the
    sources that were not taken, by the reason."""

    collection: str
    report: Report
    seconds: float
    empty: Sequence[str]
    left_out: Mapping[str, int]


class FileItem:
    """An `Item`: a file."""

    piped = False

    def __init__(self, name: str, path: Path, reading: Reading) -> None:
        self.name = name
        self.size = path.stat().st_size
        self._path = path
        self._reading = reading

    async def content(self) -> bytes:
        return await asyncio.to_thread(load, self._path)

    async def document(self, content: bytes) -> Document:
        return await self._reading.read(self.name, content)


class StdinItem:
    """An `Item`: what somebody pipes into the command."""

    size = 0
    piped = True

    def __init__(self, name: str, reading: Reading) -> None:
        self.name = name
        self._reading = reading

    async def content(self) -> bytes:
        """Reads stdin as a source. If stdin is empty, this is an error, because the command before the pipe has
        probably failed."""
        content: bytes = await asyncio.to_thread(sys.stdin.buffer.read)
        if not content.strip():
            raise UnreadableError("there is nothing in it")
        return content

    async def document(self, content: bytes) -> Document:
        return await self._reading.read(self.name, content)


class UrlItem:
    """An `Item`: a page of the web."""

    size = 0
    piped = False

    def __init__(self, name: str, reading: Reading, upstream: Upstream, *, private: bool) -> None:
        self.name = name
        self._reading = reading
        self._upstream = upstream
        self._private = private
        self._page = Page(b"")

    async def content(self) -> bytes:
        self._page = await fetch(self.name, self._upstream, private=self._private)
        return self._page.data

    async def document(self, content: bytes) -> Document:
        page = self._page
        return await self._reading.read(page.file_name, content, page.content_type, page.charset)


async def ingest_paths(
    known: Known,
    paths: Sequence[str],
    *,
    stdin: str,
    collection: str,
    embedder: str,
    prune: bool,
    allow_private: bool,
    shows: Progress,
) -> Done:
    """Brings in what `paths` name, or else what the configuration does. `stdin` is the name of a text from stdin, or
    "". Raises RetrievalError."""
    settings = known.loaded.config.rag
    given = list(paths) or [_seen_from(known.base, each) for each in settings.sources]
    if not given:
        raise RetrievalError("name files, folders or URLs, or write them into aigw.yaml (rag: {sources: [docs]})")
    began = time.monotonic()
    found = await asyncio.to_thread(find, given, known.base.resolve(), stdin or STDIN)
    name = known.name(collection)
    upstream = upstream_for(os.environ, None if allow_private else why_private)
    async with aclosing(upstream), Reading() as reading, known.collections.exclusive(name):
        items = [_item(each, reading, upstream, private=allow_private) for each in found.sources]
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
            screen=document_screen(known.loaded.guard),
            unfinished=known.loaded.state_dir / UNFINISHED / name,
        )
        job.report.failed += found.problems
        report = await job.run(items, covers=found.covers, prune=prune)
    return Done(name, report, time.monotonic() - began, found.empty, found.left_out)


def _seen_from(base: Path, source: str) -> str:
    return source if "://" in source else os.path.join(base, source)  # noqa: PTH118  a pattern is no path


def _item(found: NamedSource, reading: Reading, upstream: Upstream, *, private: bool) -> FileItem | StdinItem | UrlItem:
    if found.path is not None:
        return FileItem(found.name, found.path, reading)
    if found.kind == "url":
        return UrlItem(found.name, reading, upstream, private=private)
    return StdinItem(found.name, reading)
