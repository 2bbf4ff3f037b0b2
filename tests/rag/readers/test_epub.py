"""EPUB: chapters in the order in which they are read."""

import pytest
from documents import epub

from aigw.rag.document import Block, UnreadableError
from aigw.rag.readers.epub import read

CHAPTERS = {"text/one%20.xhtml": "<h1>One</h1><p>First.</p>", "two.xhtml": "<p>Second.</p>"}


def encryption(name):
    listed = f'<encryption><CipherData><CipherReference URI="{name}"/></CipherData></encryption>'
    return {"META-INF/encryption.xml": listed.encode()}


def test_chapters_come_in_their_order():
    document = read(epub(CHAPTERS))
    assert document.title == "The Book"
    assert document.blocks == [
        Block("heading", "One", level=1, title="One"),
        Block("paragraph", "First."),
        Block("paragraph", "Second."),
    ]


def test_a_book_that_is_encrypted_is_said():
    with pytest.raises(UnreadableError, match="it is encrypted"):
        read(epub(CHAPTERS, encryption("OPS/two.xhtml")))
    assert len(read(epub(CHAPTERS, encryption("OPS/fonts/a.otf"))).blocks) == 3


def test_a_chapter_that_is_not_there_is_said():
    container = b'<container><rootfile full-path="../x.opf"/></container>'
    with pytest.raises(UnreadableError, match=r"it is no EPUB: it has no \.\./x\.opf"):
        read(epub(CHAPTERS, {"META-INF/container.xml": container}))
