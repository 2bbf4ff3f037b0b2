"""Chooses the reader of a source: by its first bytes if they are unambiguous, then by the content type that a server
gave, then by its name.

Rule: a reader, and the library that it uses, is imported when the first source of its kind turns up."""

from __future__ import annotations

import codecs
import importlib
from collections.abc import Callable
from pathlib import PurePosixPath

from aigw.rag.document import Document, UnreadableError

Reader = Callable[[bytes, str], Document]
"""Reads the bytes of a source. The second argument is the charset that a server named, "" if none did."""

HEAD = 8192
"""How many bytes at the beginning are enough to know the kind."""
_SUFFIXES = {
    "markdown": ".md .markdown .mdown .mkd .mdx .qmd .rmd",
    "rst": ".rst .rest",
    "html": ".html .htm .xhtml .shtml",
    "pdf": ".pdf",
    "docx": ".docx .docm",
    "pptx": ".pptx .pptm .ppsx",
    "xlsx": ".xlsx .xlsm",
    "epub": ".epub",
    "csv": ".csv .tsv .tab",
    "jsonl": ".jsonl .ndjson",
    "json": ".json",
    "notebook": ".ipynb",
    "python": ".py .pyi .pyw",
    "code": ".js .mjs .cjs .jsx .ts .tsx .vue .svelte .go .rs .java .kt .kts .scala .groovy .gradle .c .h .cc .cpp "
    ".cxx .hh .hpp .hxx .m .mm .cs .fs .vb .swift .rb .php .pl .pm .lua .r .jl .ex .exs .erl .hs .ml .mli .clj .cljs "
    ".lisp .el .dart .zig .nim .d .pas .f .f90 .asm .s .sh .bash .zsh .fish .ps1 .bat .cmd .sql .graphql .proto "
    ".thrift .css .scss .sass .less .yaml .yml .toml .ini .cfg .conf .properties .xml .xsd .xsl .tf .hcl .nix .cmake "
    ".mk .tex .bib .diff .patch .json5 .jsonc .pyx .pxd",
}
_BY_SUFFIX = {suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}
_BY_NAME = dict.fromkeys(
    ("makefile", "dockerfile", "rakefile", "gemfile", "jenkinsfile", "vagrantfile", "justfile"), "code"
)
_BY_TYPE = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/x-rst": "rst",
    "text/prs.fallenstein.rst": "rst",
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/epub+zip": "epub",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/json": "json",
    "application/jsonl": "jsonl",
    "application/x-jsonlines": "jsonl",
    "application/x-ndjson": "jsonl",
    "application/x-ipynb+json": "notebook",
    "text/x-python": "python",
}
UNREAD = (".ppt", ".xls", ".doc", ".odt", ".ods", ".odp", ".mobi", ".rtf")
"""Documents that people write and that have no reader here."""
_PDF = b"%PDF-"
_RTF = b"{\\rtf"
_ZIP = b"PK\x03\x04"
_IN_ZIP = {"docx": b"word/", "pptx": b"ppt/", "xlsx": b"xl/", "epub": b"application/epub+zip"}
"""The names of parts, or their contents, by which documents that are zip files are recognized."""
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HTML = (b"<!doctype html", b"<html")
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


def kind_of(name: str, head: bytes = b"", content_type: str = "") -> str:
    """The kind of a source, which is the name of the module that reads it. Raises UnreadableError if there is no reader
    for it."""
    named = _named(name)
    if _PDF in head[:1024]:
        return "pdf"
    if head.startswith(_ZIP):
        if in_zip := next(filter(_IN_ZIP.get, (named, _BY_TYPE.get(content_type, ""))), "") or _in_zip(head):
            return in_zip
        if name.lower().endswith(UNREAD):
            raise UnreadableError("documents of this kind are not read; save it as .docx, .pdf, .html or .csv")
        raise UnreadableError(
            "it is a zip file, and only .docx, .pptx, .xlsx and .epub files of these are read; unpack it first"
        )
    if head.startswith(_RTF):
        raise UnreadableError("it is RTF; save it as .docx or .pdf")
    if head.startswith(_OLD_OFFICE):
        raise UnreadableError("it is a file of an old office program; save it as .docx or .pdf")
    if is_binary(head):
        raise UnreadableError("it is no text, and of no kind that is read")
    if kind := _BY_TYPE.get(content_type):
        return kind
    if not named and head.lstrip()[:20].lower().startswith(_HTML):
        return "html"
    return named or "text"


def _in_zip(head: bytes) -> str:
    return next((kind for kind, part in _IN_ZIP.items() if part in head), "")


def _named(name: str) -> str:
    path = PurePosixPath(name.lower())
    return _BY_SUFFIX.get(path.suffix) or _BY_NAME.get(path.name) or ""


def is_document(head: bytes) -> bool:
    """Whether bytes that are no text are of a kind that is read."""
    return _PDF in head[:1024] or (head.startswith(_ZIP) and bool(_in_zip(head)))


def is_binary(head: bytes) -> bool:
    """Whether these are no text: they have NULs, and not where UTF-16 has them."""
    if b"\0" not in head or head.startswith(_MARKS):
        return False
    odd, even = head[1::2].count(0), head[::2].count(0)
    return min(odd, even) > 0 or max(odd, even) < len(head) // 8


def reader_of(kind: str) -> Reader:
    reader: Reader = importlib.import_module(f"aigw.rag.readers.{kind}").read
    return reader
