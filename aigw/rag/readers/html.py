"""HTML: selectolax (lexbor) parses it as browsers do. Parts without content, such as navigation, are left out.

Rule: elements are walked without recursion, because pages may nest them as deep as they like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aigw.rag.document import Block, Document, Kind
from aigw.rag.readers.encoding import decode

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_DROPPED = frozenset(
    (
        "head", "script", "style", "noscript", "template", "nav", "svg", "canvas", "iframe", "object", "video",
        "audio", "button", "select", "input", "textarea", "dialog", "link", "meta",
    )
)  # fmt: skip
_DROPPED_OUTSIDE = ("header", "footer", "aside")
"""Left out unless they are in an article, where they belong to the text."""
_DROPPED_ROLES = ("navigation", "search", "banner", "contentinfo", "menu", "menubar", "toolbar", "dialog")
_DROPPED_NAMES = frozenset(
    (
        "banner", "breadcrumb", "breadcrumbs", "cookie-banner", "docnav", "edit-this-page", "footer", "headerlink",
        "nav", "navbar", "navfooter", "navheader", "navigation", "pager", "pagination", "prev-next-area", "skip-link",
        "sphinxsidebar", "sr-only", "table-of-contents", "toc", "visually-hidden",
    )
)  # fmt: skip
"""Classes and ids of what is no content, in the pages that programs for documentation make."""
_KEPT = ("body", "main", "article")
_PERMALINKS = ("", "¶", "#", "§", "🔗", "\uf0c1")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_PARAGRAPHS = frozenset(
    (
        "p", "div", "section", "article", "main", "body", "html", "blockquote", "dl", "dt", "figure", "figcaption",
        "fieldset", "form", "details", "summary", "center", "address", "header", "footer", "aside", "hr", "table",
        "thead", "tbody", "tfoot", "tr", "td", "th", "caption", "colgroup",
    )
)  # fmt: skip
_LINES = ("br", "dd")
_SPACE = re.compile(r"[\s\u200b]+")
_CHARSET = re.compile(rb"""<meta[^>]{1,200}?charset\s*=\s*["']?([\w:-]+)""", re.IGNORECASE)


def read(data: bytes, charset: str = "") -> Document:
    named = _CHARSET.search(data[:4096])
    return read_text(decode(data, charset or (named[1].decode() if named else "")))


def read_text(text: str) -> Document:
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(text)
    root = tree.css_first("main, [role=main]") or tree.body
    blocks = _Walk().of(root) if root else []
    if root and root.tag != "body" and tree.body and not blocks:
        blocks = _Walk().of(tree.body)
    tops = [block.title for block in blocks if block.level == 1]
    title = tree.css_first("head > title")
    if len(tops) == 1:
        return Document(tops[0], blocks)
    return Document(_flat(title.text()) if title else "", blocks)


class _Walk:
    """Collects blocks. `_parts` is the text of the block that has begun."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._parts: list[str] = []
        self._lists: list[str] = []
        self._articles = 0

    def of(self, root: LexborNode) -> list[Block]:
        self._articles = root.tag != "body"
        for node, entering in self._steps(root):
            if node.tag == "-text":
                self._write(node.text_content or "")
            elif entering:
                self._enter(node)
            else:
                self._leave(node)
        self._flush()
        return self._blocks

    def _steps(self, root: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
        """Each element when it begins and when it ends, and texts. What is left out is not entered."""
        node: LexborNode | None = root
        while node is not None:
            is_text = node.tag == "-text"
            if is_text or not self._is_left_out(node):
                yield node, True
                inner = None if is_text or _is_whole(node) else node.child
                if inner is not None:
                    node = inner
                    continue
                if not is_text:
                    yield node, False
            while node is not None and node.mem_id != root.mem_id and node.next is None:
                node = node.parent
                if node is not None:
                    yield node, False
            node = None if node is None or node.mem_id == root.mem_id else node.next

    def _is_left_out(self, node: LexborNode) -> bool:
        tag = node.tag or ""
        if tag in _DROPPED or tag[0] in "-!_":
            return True
        if tag in _DROPPED_OUTSIDE:
            return not self._articles and "footnote" not in (node.attributes.get("class") or "")
        attributes = node.attributes
        if not attributes or tag in _KEPT:
            return False
        if (
            "hidden" in attributes
            or attributes.get("aria-hidden") == "true"
            or attributes.get("role") in _DROPPED_ROLES
        ):
            return True
        names = f"{attributes.get('class') or ''} {attributes.get('id') or ''}".lower().split()
        return not _DROPPED_NAMES.isdisjoint(names) or (tag == "a" and _flat(node.text()) in _PERMALINKS)

    def _enter(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag in ("ul", "ol"):
            if not self._lists:
                self._flush()
            self._lists.append("- " if tag == "ul" else "1. ")
        elif tag == "li":
            self._line("  " * (len(self._lists) - 1) + (self._lists[-1] if self._lists else "- "))
        elif tag in _HEADINGS:
            self._flush()
        elif tag == "pre":
            self._flush()
            self._add("code", node.text().strip("\n"))
        elif tag == "table" and _is_whole(node):
            self._flush()
            self._add("table", "\n".join(_rows(node)))
        elif tag in _LINES or (tag in _PARAGRAPHS and self._lists):
            self._line("  " * len(self._lists))
        elif tag in _PARAGRAPHS:
            self._flush()
        self._articles += tag == "article"

    def _leave(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
            if not self._lists:
                self._flush("list")
        elif tag in _HEADINGS:
            self._flush("heading", int(tag[1]))
        elif tag in _PARAGRAPHS and not self._lists and tag != "dt":
            self._flush()
        self._articles -= tag == "article"

    def _write(self, text: str) -> None:
        text = _SPACE.sub(" ", text)
        if not self._parts or self._parts[-1][-1] in " \n":
            text = text.lstrip(" ")
        if text:
            self._parts.append(text)

    def _line(self, indent: str) -> None:
        """Begins a line, unless one has just begun."""
        if self._parts and self._parts[-1].startswith("\n"):
            self._parts[-1] = max(self._parts[-1], "\n" + indent, key=len)
        elif self._parts or indent.strip():
            self._parts.append("\n" + indent)

    def _flush(self, kind: Kind = "paragraph", level: int = 0) -> None:
        lines = [line.rstrip() for line in "".join(self._parts).split("\n")]
        self._parts = []
        if text := "\n".join(line for line in lines if line.strip(" -")):
            kind = "list" if self._lists and kind == "paragraph" else kind
            self._add(kind, text, level)

    def _add(self, kind: Kind, text: str, level: int = 0) -> None:
        if text.strip():
            self._blocks.append(Block(kind, text, level=level, title=_flat(text) if level else ""))


def _is_whole(node: LexborNode) -> bool:
    """Whether it is read in one go: code, and a table of data. Tables that only place things have blocks in them."""
    if node.tag == "table":
        return node.css_first("table table, h1, h2, h3, h4, h5, h6, pre, p + p, ul, ol") is None
    return node.tag == "pre"


def _rows(table: LexborNode) -> Iterator[str]:
    for number, row in enumerate(table.css("tr")):
        cells = row.css("th, td")
        yield "| " + " | ".join(_flat(cell.text(separator=" ")).replace("|", "\\|") for cell in cells) + " |"
        if number == 0 and row.css_first("th"):
            yield "|" + "---|" * len(cells)


def _flat(text: str) -> str:
    return _SPACE.sub(" ", text).strip()
