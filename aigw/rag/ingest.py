"""Brings sources into a collection: reads those that have changed, cuts them into passages, embeds these, and puts each
source in the place of its former state.

Rule: a source is written whole or not at all, and what cannot be read keeps its former state. What was embedded of a
large one is kept if the ingest is stopped. While a child process reads the next sources, a thread embeds the last ones;
a few sources wait between the two."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from aigw.core.env import Clock
from aigw.core.retrieval import (
    Collection,
    CollectionInfo,
    Collections,
    Embedder,
    Embedders,
    NoCollectionError,
    Passage,
    RetrievalError,
    Source,
)
from aigw.rag.document import Document, Piece, UnreadableError
from aigw.rag.parts import Parts
from aigw.rag.screening import DocumentScreen
from aigw.rag.settings import AUTO
from aigw.rag.unfinished import UnfinishedVectors

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

T = TypeVar("T")

FORMAT = 1
"""Counts up when sources are read or cut in another way, so that they are ingested again."""
_SAMPLE = 4_000_000
"""How many characters are read before an embedder is chosen."""
_WAITING = 8
"""How many sources that have been read wait for the embedder."""


_PIPED = "piped-"
"""With this begins the digest of a source that is in no place where it could be missing."""


class Item(Protocol):
    """A source as it was found. `size` is about how many bytes it has. `piped`: somebody piped it into the command, so
    that nobody can tell whether it is still there."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def piped(self) -> bool: ...

    async def content(self) -> bytes:
        """Raises UnreadableError."""
        ...

    async def document(self, content: bytes) -> Document:
        """Reads the content. Raises UnreadableError."""
        ...


class Settings(NamedTuple):
    """How sources are brought into a collection. `size` is how many tokens of the embedder a passage may have (0: what
    suits it), `overlap` how many of them are also the end of the one before. `embedder` is a name, or `auto`, which
    looks at the texts; it matters only where the collection is made."""

    size: int = 0
    overlap: int = 0
    embedder: str = AUTO


@dataclass
class Report:
    """What has been done so far. Sizes are in bytes, `failed` has names and reasons, `findings` names and how often
    each rule of the screen held. `gone` sources were not found and stay. `masked`: what they found was masked."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    gone: int = 0
    passages: int = 0
    done: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    findings: list[tuple[str, Mapping[str, int]]] = field(default_factory=list)
    masked: bool = False
    embedder: str = ""


class Ready(NamedTuple):
    """A source that has been read."""

    item: Item
    source: Source
    document: Document


class _Cut(NamedTuple):
    source: Source
    pieces: Sequence[Piece]


Chooses = Callable[[Iterable[str]], Embedder]
"""Chooses the embedder for texts such as these."""
Cuts = Callable[[Document, Callable[[str], int], int, int], Sequence[Piece]]
"""Cuts a document into pieces of at most so many tokens, of which so many are repeated."""
Shows = Callable[[Report], None]


def _covers_none(name: str) -> bool:
    return False


class Ingest:
    """Brings sources into the collection `name`, and makes it if it is not there."""

    def __init__(
        self,
        collections: Collections,
        embedders: Embedders,
        name: str,
        settings: Settings,
        *,
        choose: Chooses,
        cut: Cuts,
        clock: Clock,
        shows: Shows = lambda report: None,
        screen: DocumentScreen | None = None,
        unfinished: Path | None = None,
    ) -> None:
        """`unfinished` is the file for what was embedded of a source when the ingest was stopped."""
        self._collections = collections
        self._embedders = embedders
        self._name = name
        self._settings = settings
        self._choose = choose
        self._cut = cut
        self._clock = clock
        self._shows = shows
        self._screen = screen
        self._refused: set[str] = set()
        self._parts = Parts(clock.time, self._count_part)
        self._unfinished = unfinished
        self._left = 0, 0
        """How many bytes and passages of the sources that are being embedded are not done yet."""
        self.report = Report(masked=screen is not None and screen.masks)

    async def run(
        self, items: Iterable[Item], *, covers: Callable[[str], bool] = _covers_none, prune: bool = False
    ) -> Report:
        """`covers` says of a source that was not found whether it is gone, `prune` whether it is removed then. Raises
        RetrievalError."""
        collection = await self._existing()
        if collection is not None:
            self._check(collection.info)
        known = dict(await collection.sources()) if collection is not None else {}
        found: set[str] = set()
        if collection is None and self._settings.embedder == AUTO:
            items = spread(list(items))
        async with _reading(self._read(items, known, found)) as ready:
            collection = await self._write(ready, collection, known)
        missing = [name for name, source in known.items() if name not in found and not source.digest.startswith(_PIPED)]
        gone = [name for name in missing if covers(name)]
        if not prune:
            self.report.gone, gone = len(gone), []
        gone += [name for name in known if name in self._refused]
        if collection is not None:
            self._forget_parts(everything=True)
            if gone:
                self.report.removed = await collection.remove(gone)
            await collection.tidy()
        self._shows(self.report)
        return self.report

    async def _existing(self) -> Collection | None:
        try:
            return await self._collections.get(self._name)
        except NoCollectionError:
            return None

    def _check(self, info: CollectionInfo) -> None:
        """Raises RetrievalError if the collection cannot take passages of this embedder."""
        wanted = self._settings.embedder
        if not info.embedder:
            raise RetrievalError(
                f"the collection {info.name} has vectors that clients brought; ingest into another one (--collection)"
            )
        if wanted != AUTO and info.embedder != self._embedders.get(wanted).name:
            raise RetrievalError(
                f"the collection {info.name} was made with {info.embedder}, not with {wanted}; "
                f"`aigw rag reindex -n {info.name} --embedder {wanted}` embeds it anew"
            )

    async def _read(self, items: Iterable[Item], known: dict[str, Source], found: set[str]) -> AsyncIterator[Ready]:
        for item in items:
            found.add(item.name)
            try:
                content = await item.content()
                digest = f"{_PIPED if item.piped else ''}{self._digest(content)}"
                before = known.get(item.name)
                if before is not None and before.digest == digest:
                    self.report.unchanged += 1
                    self._count_source(item)
                    continue
                document = await self._screened(item.name, await item.document(content))
            except UnreadableError as error:
                self.report.failed.append((item.name, str(error)))
                self._count_source(item)
                continue
            yield Ready(item, Source(item.name, digest, len(content), document.title, 0, self._clock.time()), document)

    async def _screened(self, name: str, document: Document) -> Document:
        """Raises UnreadableError if a rule blocks the document."""
        if self._screen is None:
            return document
        screened = await asyncio.to_thread(self._screen.screen, document)
        if screened.found:
            self.report.findings.append((name, screened.found))
        if screened.blocked:
            self._refused.add(name)
            raise UnreadableError(f"the rule {screened.blocked} of `guard:` blocks what is in it")
        return screened.document

    def _digest(self, content: bytes) -> str:
        settings = self._settings
        changes = self._screen.changes if self._screen is not None else ""
        made = blake2b(f"{FORMAT} {settings.size} {settings.overlap} {changes}".encode(), digest_size=16)
        made.update(content)
        return made.hexdigest()

    async def _write(
        self, ready: AsyncIterator[Ready], collection: Collection | None, known: dict[str, Source]
    ) -> Collection | None:
        waiting: list[Ready] = []
        if collection is None:
            waiting = await _sample(ready)
            if not waiting:
                return None
            collection = await self._make(waiting)
        embedder = self._embedders.get(collection.info.embedder)
        self.report.embedder = embedder.name
        if self._unfinished is not None:
            self._parts.unfinished = UnfinishedVectors(self._unfinished, collection.info)
        group: list[_Cut] = []
        async for each in _chain(waiting, ready):
            group.append(await self._pieces(each, embedder))
            if sum(len(one.pieces) for one in group) >= self._parts.size:
                await self._put(collection, embedder, group, known)
                group = []
        await self._put(collection, embedder, group, known)
        return collection

    async def _make(self, sample: Sequence[Ready]) -> Collection:
        if self._settings.embedder == AUTO:
            embedder = self._choose(block.text for each in sample for block in each.document.blocks)
        else:
            embedder = self._embedders.get(self._settings.embedder)
        return await self._collections.create(CollectionInfo(self._name, await embedder.dimension(), embedder.name))

    async def _pieces(self, ready: Ready, embedder: Embedder) -> _Cut:
        """Cuts in a thread, which ends soon if the ingest is cancelled: a large source takes it a minute."""
        going = True

        def count(text: str) -> int:
            if not going:
                raise asyncio.CancelledError
            return embedder.count(text)

        def cut() -> Sequence[Piece]:
            size = self._settings.size or min(embedder.window, 256)
            return self._cut(ready.document, count, size, self._settings.overlap)

        try:
            return _Cut(ready.source, await asyncio.to_thread(cut))
        finally:
            going = False

    async def _put(
        self, collection: Collection, embedder: Embedder, group: Sequence[_Cut], known: dict[str, Source]
    ) -> None:
        vectors = await self._embedded(embedder, group)
        sources = [source._replace(passages=len(pieces)) for source, pieces in group]
        passages = [passage for source, pieces in group for passage in passages_of(source.name, pieces)]
        if sources:
            await collection.replace_all(sources, passages, vectors)
            self._forget_parts()
        changed = sum(source.name in known for source in sources)
        self.report.changed += changed
        self.report.added += len(sources) - changed
        self._shows(self.report)

    async def _embedded(self, embedder: Embedder, group: Sequence[_Cut]) -> Vectors:
        texts = [piece.embedded for one in group for piece in one.pieces]
        self._left = sum(one.source.size for one in group), len(texts)
        return await self._parts.embed(embedder, texts)

    def _forget_parts(self, *, everything: bool = False) -> None:
        if self._parts.unfinished is not None:
            self._parts.unfinished.clear(everything=everything)

    def _count_part(self, passages: int) -> None:
        """Counts passages as done, with their share of the source's size, because one source may have many thousands of
        passages."""
        size, left = self._left
        share = size * passages // left if left else size
        self._left = size - share, left - passages
        self.report.passages += passages
        self.report.done += share
        self._shows(self.report)

    def _count_source(self, item: Item) -> None:
        self.report.done += item.size
        self._shows(self.report)


def spread(items: Sequence[T]) -> list[T]:
    """Returns the items in an order in which the first ones, however many, are spread evenly over all. So they are a
    sample."""
    bits = len(items).bit_length()
    return [items[place] for place in sorted(range(len(items)), key=lambda place: f"{place:0{bits}b}"[::-1])]


def passages_of(source: str, pieces: Sequence[Piece]) -> list[Passage]:
    stem = id_stem(source)
    return [
        Passage(f"{stem}-{number}", piece.text, source, piece.title, piece.lines, piece.page)
        for number, piece in enumerate(pieces, start=1)
    ]


def id_stem(source: str) -> str:
    """Returns the beginning of the ids of a source's passages: the last part of its name, and a digest of the whole
    name. An id has at most 64 characters of those that DashVector allows."""
    last = re.sub(r"[^a-zA-Z0-9_.-]+", "-", source.rstrip("/").rpartition("/")[2]).strip("-.")[-40:]
    return f"{last or 'source'}-{blake2b(source.encode(errors='replace'), digest_size=4).hexdigest()}"


async def _sample(ready: AsyncIterator[Ready]) -> list[Ready]:
    """Returns the first sources, as many as are needed to choose an embedder."""
    sample: list[Ready] = []
    size = 0
    async for each in ready:
        sample.append(each)
        size += sum(len(block.text) for block in each.document.blocks)
        if size >= _SAMPLE:
            break
    return sample


async def _chain(first: Sequence[Ready], rest: AsyncIterator[Ready]) -> AsyncIterator[Ready]:
    for each in first:
        yield each
    async for each in rest:
        yield each


@asynccontextmanager
async def _reading(ready: AsyncIterator[Ready]) -> AsyncIterator[AsyncIterator[Ready]]:
    """Reads ahead in a task, which ends with the block. Whoever reads gets its exception."""
    queue: asyncio.Queue[Ready | None] = asyncio.Queue(_WAITING)

    async def fill() -> None:
        async for each in ready:
            await queue.put(each)
        await queue.put(None)

    async def drain() -> AsyncIterator[Ready]:
        while True:
            getting = asyncio.ensure_future(queue.get())
            try:
                await asyncio.wait((getting, filling), return_when=asyncio.FIRST_COMPLETED)
                if not getting.done():
                    filling.result()  # the task has failed: otherwise it would have put None
                each = getting.result()
            finally:
                getting.cancel()
            if each is None:
                return
            yield each

    filling = asyncio.create_task(fill())
    try:
        yield drain()
    finally:
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
