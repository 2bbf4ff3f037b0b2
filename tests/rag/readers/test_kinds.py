"""Which reader reads a source."""

import codecs

import pytest
from documents import docx, epub, paragraph, pdf, pptx, xlsx, zipped

from aigw.rag.document import UnreadableError
from aigw.rag.readers.kinds import is_binary, is_document, kind_of, reader_of

PDF = pdf([["a"]])
DOCX = docx(paragraph("a"))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a/README.md", "markdown"), ("A.MD", "markdown"), ("notes", "text"), ("x.txt", "text"), ("a.rst", "rst"), ("a.tar.py", "python"), ("lib/a.rs", "code"), ("Makefile", "code"), ("a.tsv", "csv"), ("a.ipynb", "notebook")],
)  # fmt: skip
def test_the_name_says_the_kind(name, kind):
    assert kind_of(name, b"text") == kind
    assert callable(reader_of(kind))


@pytest.mark.parametrize(
    ("name", "head", "content_type", "kind"),
    [
        ("page", b"<p>", "text/html", "html"),
        ("page.php", b"<p>", "text/html", "html"),
        ("a.md", b"x", "text/plain", "markdown"),
        ("a.md", b"x", "application/octet-stream", "markdown"),
        ("a", b"x", "text/x-rst", "rst"),
        ("stdin", b"\n<!DOCTYPE html>", "", "html"),
        ("a.txt", PDF, "text/plain", "pdf"),
        ("a", DOCX, "", "docx"),
        ("a", pptx([]), "", "pptx"),
        ("a", xlsx({}), "", "xlsx"),
        ("a", epub({}), "", "epub"),
        ("A.XLSX", zipped({"a": b"x"}), "", "xlsx"),
        ("a", zipped({"a": b"x"}), "application/epub+zip", "epub"),
    ],
)
def test_content_type_and_first_bytes_say_it_too(name, head, content_type, kind):
    assert kind_of(name, head, content_type) == kind


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.txt", zipped({"a": b"x"}), "it is a zip file"),
        ("a.ODS", zipped({"content.xml": b"x"}), "save it as .docx, .pdf, .html or .csv"),
        ("a.txt", b"{\\rtf1\\ansi x}", "it is RTF"),
        ("a.txt", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old office program"),
        ("a.txt", b"\x7fELF\0\1\0\0\2", "it is no text"),
    ],
)
def test_what_has_no_reader_is_said(name, data, reason):
    with pytest.raises(UnreadableError, match=reason):
        kind_of(name, data)


def test_utf_16_is_text():
    assert not is_binary("hello".encode("utf-16"))
    assert not is_binary("hello, world".encode("utf-16-le"))
    assert not is_binary(codecs.BOM_UTF32_BE + "hello".encode("utf-32-be"))
    assert is_binary(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    assert is_binary(b"x" * 1000 + b"\0")


def test_documents_are_no_text_but_read():
    assert is_document(PDF)
    assert all(map(is_document, (DOCX, pptx([]), xlsx({}), epub({}))))
    assert not is_document(b"text")
