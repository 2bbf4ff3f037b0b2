"""Cuts a document into pieces that follow its structure and fit an embedder, counted in its own tokens. No I/O.

Rules: every character but white space is in some piece, in order. What the embedder reads of a piece is never larger
than the size. A block that fits stays whole; a heading stays with what follows it; small sections are joined with their
neighbours under the same heading."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import pairwise
from typing import NamedTuple

from aigw.rag.document import Block, Document, Piece
from aigw.rag.sections import Path, Section, common, sections
from aigw.rag.splitting import Count, last_part, split

SMALLEST_SIZE = 16


class _Unit(NamedTuple):
    """A part of a block that goes into one piece. `first` and `last` are its lines, 0 if there are none."""

    block: Block
    start: int
    end: int
    tokens: int
    path: Path
    first: int
    last: int

    @property
    def text(self) -> str:
        return self.block.text[self.start : self.end]

    @property
    def is_heading(self) -> bool:
        return self.block.kind == "heading"

    def since(self, start: int) -> _Unit:
        """Returns the part of the unit from `start` on."""
        rest = self.block.text[start : self.end]
        first = max(self.first, self.last - rest.strip().count("\n"))
        return self._replace(start=start, first=first, tokens=self.tokens * len(rest) // (self.end - self.start))


def chunk(document: Document, count: Count, size: int, overlap: int = 0, *, titles: bool = True) -> list[Piece]:
    """Pieces of at most `size` tokens (16 or more). Where a section has several, each repeats about `overlap` tokens of
    the one before. With `titles`, the embedder reads where a piece stands, too."""
    if size < SMALLEST_SIZE:
        raise ValueError(f"pieces of {size} tokens are too small; the smallest have {SMALLEST_SIZE}")
    chunker = _Chunker(count, size, min(overlap, size // 4), titles)
    return [piece for group in chunker.groups(sections(document)) for piece in chunker.pieces(group)]


class _Chunker:
    def __init__(self, count: Count, size: int, overlap: int, titles: bool) -> None:
        self._nothing = count("")  # what the tokenizer adds to every text
        self._count = count
        self._size = size
        self._overlap = overlap
        self._titles = titles
        self._contexts: dict[Path, tuple[str, int]] = {}

    # Sections to groups, each of which becomes one or more pieces

    def groups(self, parts: Iterable[Section]) -> Iterator[list[_Unit]]:
        group: list[_Unit] = []
        for part in parts:
            units = list(self._units(part))
            if group and units and not self._join(group, units):
                yield group
                group = []
            group += units
        if group:
            yield group

    def _units(self, part: Section) -> Iterator[_Unit]:
        room = whole = self._size - self._context(part.path)[1]
        for block in filter(_has_text, part.blocks):
            line = block.first
            in_lines = block.first and block.last - block.first == block.text.count("\n")
            for span in split(block.text, block.kind, room, self._count):
                text = block.text[span.start : span.end]
                first, last = _lines(text, line) if in_lines else (block.first, block.last)
                line += text.count("\n")
                yield _Unit(block, span.start, span.end, max(1, span.tokens - self._nothing), part.path, first, last)
                if block.kind == "heading":
                    room = max(whole // 2, room - span.tokens)  # so that what follows fits beside it

    def _join(self, group: Sequence[_Unit], units: Sequence[_Unit]) -> bool:
        above, path = group[0].path, units[0].path
        if path[: len(above)] == above and all(unit.is_heading for unit in group):
            return True
        before, more = _tokens(group), _tokens(units)
        fits = before + more <= self._room([*group, *units])
        beside = path[: len(above)] == above or path[:-1] == above[:-1]
        return fits and beside and min(before, more) <= self._size // 4

    # A group to pieces

    def pieces(self, group: Sequence[_Unit]) -> Iterator[Piece]:
        left = deque(group)
        target = self._target(group)
        taken: list[_Unit] = []
        while left:
            repeated = self._repeated(taken, left[0])
            taken = self._take(left, _tokens(repeated), target)
            piece = self._fitting(repeated, taken, left)
            if piece.text:
                yield piece

    def _target(self, group: Sequence[_Unit]) -> int:
        """How many tokens of its own each piece should have, so that all are about equal."""
        room, total = self._room(group), _tokens(group)
        return total if total <= room else -(-total // -(-total // (room - self._overlap)))

    def _room(self, units: Iterable[_Unit]) -> int:
        """The tokens of the text of a piece with these units, wherever in them it begins."""
        return self._size - self._nothing - max(self._context(path)[1] for path in {unit.path for unit in units})

    def _take(self, left: deque[_Unit], used: int, target: int) -> list[_Unit]:
        """Takes units for a piece away from those that are left."""
        taken = [left.popleft()]
        room = self._size - self._nothing - self._context(taken[0].path)[1] - used
        total = taken[0].tokens
        while left:
            more = left[0].tokens
            if total + more > room or (total + more // 2 > target and not all(unit.is_heading for unit in taken)):
                break
            total += more
            taken.append(left.popleft())
        while len(taken) > 1 and taken[-1].is_heading and left:
            left.appendleft(taken.pop())
        return taken

    def _fitting(self, repeated: Sequence[_Unit], taken: list[_Unit], left: deque[_Unit]) -> Piece:
        """Makes a piece, and gives back units that are too much. The tokens of the whole piece are counted, because
        they are not the sum of those of its units."""
        while True:
            piece = self._piece(repeated, taken)
            if self._count(piece.embedded) <= self._size:
                return piece
            if repeated:
                repeated = ()
            elif len(taken) > 1:
                left.appendleft(taken.pop())
            elif (only := taken[0]).end - only.start > 1:
                middle = (only.start + only.end) // 2
                left.appendleft(only.since(middle))
                taken[0] = only._replace(end=middle, tokens=only.tokens // 2)
            else:
                return piece

    def _piece(self, repeated: Sequence[_Unit], taken: Sequence[_Unit]) -> Piece:
        whole = _joined([*repeated, *taken])
        text = whole.strip("\n").rstrip()
        again = len(_joined([*repeated, taken[0]])) - len(taken[0].text) - (len(whole) - len(whole.lstrip("\n")))
        lines = [line for unit in (*repeated, *taken) for line in (unit.first, unit.last) if line]
        path = reduce(common, [unit.path for unit in taken if not unit.is_heading] or [unit.path for unit in taken])
        shown = {unit.path for unit in taken if unit.is_heading}
        return Piece(
            text,
            _written(path),
            (min(lines), max(lines)) if lines else None,
            taken[0].block.page,
            self._context(tuple(title for depth, title in enumerate(path, 1) if path[:depth] not in shown))[0],
            max(0, again),
        )

    def _context(self, path: Path) -> tuple[str, int]:
        """The innermost of these titles that leave enough room for the text, and their tokens."""
        if path not in self._contexts:
            titles = path if self._titles else ()
            while titles and self._count(_written(titles)) > self._size // 4:
                titles = titles[1:]
            text = _written(titles)
            self._contexts[path] = text, self._count(text) - self._nothing
        return self._contexts[path]

    # What a piece repeats

    def _repeated(self, taken: Sequence[_Unit], following: _Unit) -> Sequence[_Unit]:
        """Returns what the next piece repeats: the end of the piece before or, within a table, the table's header."""
        if not self._overlap or not taken or taken[-1].path != following.path:
            return ()
        if following.block.kind == "table":
            return self._header(following) if taken[-1].block is following.block else ()
        found: deque[_Unit] = deque()
        room = self._overlap
        for unit in reversed(taken):
            if room <= 0 or unit.path != following.path or unit.block.kind in ("heading", "table"):
                break
            start = unit.start
            if unit.tokens > room:
                length = len(unit.text) * room // unit.tokens
                start += last_part(unit.text, unit.block.kind, length, words=not found)
            if start < unit.end:
                found.appendleft(unit.since(start))
            if start > unit.start:
                break
            room -= unit.tokens
        return found if len(found) < len(taken) or (found and found[0].start > taken[0].start) else ()

    def _header(self, row: _Unit) -> Sequence[_Unit]:
        lines = row.block.text.split("\n", 2)
        if len(lines) < 3 or set(lines[1]) - set("|-: +="):
            return ()
        end = len(lines[0]) + len(lines[1]) + 2
        tokens = self._count(row.block.text[:end]) - self._nothing
        if row.start < end or tokens > self._size // 4:
            return ()
        return (row._replace(start=0, end=end, tokens=tokens, first=0, last=0),)


def _has_text(block: Block) -> bool:
    return bool(block.text.strip())


def _lines(text: str, line: int) -> tuple[int, int]:
    """The first and the last line that are not blank, if the text begins at this one."""
    before = text[: len(text) - len(text.lstrip())].count("\n")
    return (line + before, line + text.rstrip().count("\n")) if text.strip() else (0, 0)


def _tokens(units: Iterable[_Unit]) -> int:
    return sum(unit.tokens for unit in units)


def _written(titles: Path) -> str:
    return " > ".join(titles)


def _joined(units: Sequence[_Unit]) -> str:
    parts = [units[0].text]
    for before, unit in pairwise(units):
        if before.block is not unit.block:
            parts.append("\n\n")
        parts.append(unit.text)
    return "".join(parts)
