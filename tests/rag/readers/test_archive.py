"""Names of parts, however a document writes them. `test_docx.py` has what is no archive."""

import pytest
from documents import pptx, zipped

from aigw.rag.document import UnreadableError
from aigw.rag.readers.archive import Archive, joined


@pytest.mark.parametrize(
    ("name", "target", "found"),
    [
        ("ppt/slides/a.xml", "../notes/b.xml", "ppt/notes/b.xml"),
        ("xl/workbook.xml", "/xl/sheets/1.xml", "xl/sheets/1.xml"),
        ("book.opf", "text/a%20b.xhtml#part", "text/a b.xhtml"),
        ("a/b.xml", "../../../etc/passwd", "etc/passwd"),
    ],
)
def test_a_part_is_named_as_seen_from_another_one(name, target, found):
    assert joined(name, target) == found


def test_what_is_another_document_is_said():
    with pytest.raises(UnreadableError, match=r"it is no XLSX: it has no xl/workbook\.xml"):
        Archive(pptx([]), "XLSX").xml("xl/workbook.xml")


def test_a_part_without_relations_has_none():
    assert Archive(zipped({"a/b.xml": b"<b/>"}), "DOCX").relations("a/b.xml") == {}
