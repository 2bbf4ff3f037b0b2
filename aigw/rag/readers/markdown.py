"""Markdown: markdown-it-py (CommonMark, and tables) says where blocks are; their text stays as the source has it.

Rule: no line is lost; what is no block for Markdown, such as the definition of a link, is a paragraph."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from aigw.rag.document import Block, Document, Kind
from aigw.rag.readers.encoding import decode
from aigw.rag.readers.text import paragraphs, slice_of

if TYPE_CHECKING:
    from markdown_it.token import Token

_KINDS: dict[str, Kind] = {
    "heading_open": "heading",
    "fence": "code",
    "code_block": "code",
    "table_open": "table",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
}
_FRONT_TITLE = re.compile(r"title:\s*(.+)")
_MARKUP = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[*`]+|<[^>]*>")


def read(data: bytes, charset: str = "") -> Document:
    return read_text(decode(data, charset))


def read_text(text: str, line: int = 0) -> Document:
    """`line` is how many lines of the source stand before the text."""
    lines = text.split("\n")
    front = _front_matter(lines)
    blocks = list(_blocks(lines, front))
    titles = (found[1].strip("'\" ") for each in lines[:front] if (found := _FRONT_TITLE.match(each)))
    title = next(titles, "") or next((block.title for block in blocks if block.level == 1), "")
    return Document(title, [block._replace(first=block.first + line, last=block.last + line) for block in blocks])


def _front_matter(lines: Sequence[str]) -> int:
    """Returns how many lines the front matter has, which stands between two lines of `---` at the top."""
    if lines[0].rstrip() != "---":
        return 0
    return next((number + 1 for number, line in enumerate(lines) if number and line.rstrip() in ("---", "...")), 0)


def _blocks(lines: Sequence[str], front: int) -> Iterator[Block]:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])  # what is inside of a paragraph need not be parsed
    yield from paragraphs(lines, 0, front, "code")
    done = front
    tokens = parser.parse("\n".join(lines[front:]))
    for number, token in enumerate(tokens):
        if token.level or not token.map:
            continue
        start, end = token.map[0] + front, min(token.map[1] + front, len(lines))
        while end > start and not lines[end - 1].strip():
            end -= 1
        yield from paragraphs(lines, done, start)
        if start < end:
            yield _block(lines, start, end, token, tokens[number + 1 : number + 2])
        done = max(done, end)
    yield from paragraphs(lines, done, len(lines))


def _block(lines: Sequence[str], start: int, end: int, token: Token, inner: Sequence[Token]) -> Block:
    block = slice_of(lines, start, end, _KINDS.get(token.type, "paragraph"))
    if block.kind == "heading":
        return block._replace(level=int(token.tag[1:]), title=_MARKUP.sub(r"\1", inner[0].content).strip())
    return block
