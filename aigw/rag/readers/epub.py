"""EPUB: the chapters in the order in which they are read; each is a page of HTML."""

from __future__ import annotations

from aigw.rag.document import Block, Document, UnreadableError
from aigw.rag.readers import html
from aigw.rag.readers.archive import Archive, all_of, joined

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PAGES = ("application/xhtml+xml", "text/html")


def read(data: bytes, charset: str = "") -> Document:
    archive = Archive(data, "EPUB")
    main = next((each.get("full-path", "") for each in all_of(archive.xml(_CONTAINER), "rootfile")), "")
    package = archive.xml(main)
    chapters = {
        each.get("id", ""): joined(main, each.get("href", ""))
        for each in all_of(package, "item")
        if each.get("media-type") in _PAGES and "nav" not in each.get("properties", "").split()
    }
    order = [chapters[name] for each in all_of(package, "itemref") if (name := each.get("idref", "")) in chapters]
    if _encrypted(archive).intersection(order):
        raise UnreadableError("it is encrypted, so that only its shop's readers can read it")
    blocks: list[Block] = [block for name in order for block in html.read(archive.read(name)).blocks]
    title = next((" ".join((each.text or "").split()) for each in all_of(package, "title")), "")
    return Document(title, [block._replace(first=0, last=0) for block in blocks])


def _encrypted(archive: Archive) -> set[str]:
    """Returns the encrypted parts. Fonts often are encrypted, which does not matter for reading."""
    if _ENCRYPTION not in archive:
        return set()
    return {joined("", each.get("URI", "")) for each in all_of(archive.xml(_ENCRYPTION), "CipherReference")}
