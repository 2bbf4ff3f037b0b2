"""reStructuredText: titles by their adornment, definitions of classes and functions as titles, too, and literal blocks.

Rule: the text stays as the source has it, with every line but those that only steer what Sphinx does, such as labels
and toctrees. docutils is not used: it does not know the directives and roles of Sphinx, of which most documents are
full, and gives positions for few blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from aigw.rag.document import Block, Document, Kind
from aigw.rag.readers.encoding import decode
from aigw.rag.readers.text import slice_of

_ADORNMENT = re.compile(r"([!-/:-@[-`{-~])\1{2,}\s*$")
_DEFINITION = re.compile(
    r"\s*\.\. (?:[a-z]+:)?(?:module|class|exception|function|coroutinefunction|decorator|method|classmethod"
    r"|staticmethod|coroutinemethod|decoratormethod|attribute|property|data|option|envvar|confval|setting|describe|macro"
    r"|type|struct|member|enum|enumerator|var|directive|role):: +([^(\n]+)"
)
_CODE = re.compile(r"\s*\.\. (?:code|code-block|sourcecode|parsed-literal|highlight|doctest|testcode)::")
_STEERING = re.compile(
    r"\s*\.\. (?:_[^:\n]+:\s*$|(?:contents|toctree|currentmodule|py:currentmodule|highlight|default-domain|index"
    r"|include|meta|tabularcolumns|sectnum)::)"
)
_TABLE = re.compile(r"\s*(?:\+[-=+]+\+|=+(?: +=+)+)\s*$")
_LIST = re.compile(r"\s*(?:[-*+•]|(?:\d{1,3}|#|[a-zA-Z])[.)])\s")
_DEFINITIONS_LEVEL = 10
"""Definitions stand below all sections; one that is indented stands below those before it."""


def read(data: bytes, charset: str = "") -> Document:
    blocks = list(_Scanner(decode(data, charset).split("\n")).blocks())
    return Document(next((block.title for block in blocks if block.level == 1), ""), blocks)


class _Scanner:
    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._styles: list[tuple[str, bool]] = []
        self._definitions: list[int] = []

    def blocks(self) -> Iterator[Block]:
        place = 0
        literal = -1  # a literal block is indented more than this
        while place < len(self._lines):
            line = self._lines[place]
            if not line.strip():
                place += 1
                continue
            if 0 <= literal < _indent(line):
                block = self._literal(place, literal)
            elif _STEERING.match(line):
                yield from self._end_of_definition(line, place)
                place, literal = self._end_of_inner(place + 1, _indent(line)), -1
                continue
            else:
                yield from self._end_of_definition(line, place)
                block = self._heading(place) or self._definition(place) or self._paragraph(place)
            yield block
            place = block.last
            literal = _indent(line) if _opens_literal(block) else -1

    def _heading(self, place: int) -> Block | None:
        above, title, below = (*self._lines[place : place + 3], "", "")[:3]
        over = _ADORNMENT.match(above)
        if over and title.strip() and (under := _ADORNMENT.match(below)) and under[1] == over[1]:
            return self._titled(place, 3, title, (over[1], True))
        if over or above[0].isspace() or not (under := _ADORNMENT.match(title)):
            return None
        if len(title.rstrip()) < min(4, len(above.rstrip())):
            return None
        return self._titled(place, 2, above, (under[1], False))

    def _titled(self, place: int, count: int, title: str, style: tuple[str, bool]) -> Block:
        if style not in self._styles:
            self._styles.append(style)
        self._definitions.clear()
        level = min(self._styles.index(style) + 1, _DEFINITIONS_LEVEL - 1)
        return slice_of(self._lines, place, place + count, "heading")._replace(level=level, title=title.strip())

    def _definition(self, place: int) -> Block | None:
        found = _DEFINITION.match(self._lines[place])
        if not found:
            return None
        indent = _indent(self._lines[place])
        self._definitions.append(indent)
        block = slice_of(self._lines, place, self._end(place), "heading")
        return block._replace(level=_DEFINITIONS_LEVEL + indent, title=found[1].strip())

    def _end_of_definition(self, line: str, place: int) -> Iterator[Block]:
        """Yields an empty heading if a definition ends here and no other one begins."""
        left = [indent for indent in self._definitions if indent >= _indent(line)]
        del self._definitions[len(self._definitions) - len(left) :]
        if left and not _DEFINITION.match(line) and not self._heading(place):
            yield Block("heading", "", place + 1, place + 1, level=_DEFINITIONS_LEVEL + left[0])

    def _paragraph(self, place: int) -> Block:
        line = self._lines[place]
        kind: Kind = "table" if _TABLE.match(line) else "list" if _LIST.match(line) else "paragraph"
        return slice_of(self._lines, place, self._end(place), kind)

    def _end(self, place: int) -> int:
        while place < len(self._lines) and self._lines[place].strip():
            place += 1
        return place

    def _literal(self, place: int, indent: int) -> Block:
        return slice_of(self._lines, place, self._end_of_inner(place, indent), "code")

    def _end_of_inner(self, place: int, indent: int) -> int:
        """Returns where the lines end that are indented more."""
        end = place
        while place < len(self._lines) and (not (line := self._lines[place]).strip() or _indent(line) > indent):
            place += 1
            end = place if line.strip() else end
        return end


def _opens_literal(block: Block) -> bool:
    if block.kind in ("heading", "code", "table"):
        return False
    directive = block.text.lstrip().startswith(".. ")
    return bool(_CODE.match(block.text)) if directive else block.text.rstrip().endswith("::")


def _indent(line: str) -> int:
    expanded = line.expandtabs(8)
    return len(expanded) - len(expanded.lstrip())
