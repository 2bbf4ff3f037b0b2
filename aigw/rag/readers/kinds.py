"""Which reader reads a source: its name says it, else the content type, else its first bytes.

Rule: a reader, and the library that it uses, is imported when the first source of its kind turns up."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import PurePosixPath

from aigw.rag.document import Document

Reader = Callable[[bytes, str], Document]
"""Reads the bytes of a source. The second argument is the charset that a server named, "" if none did."""

_SUFFIXES = {
    "markdown": ".md .markdown .mdown .mkd .mdx",
}
_BY_SUFFIX = {suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}


def kind_of(name: str) -> str:
    """The kind of a source, which is the name of the module that reads it."""
    return _BY_SUFFIX.get(PurePosixPath(name).suffix.lower(), "text")


def reader_of(kind: str) -> Reader:
    reader: Reader = importlib.import_module(f"aigw.rag.readers.{kind}").read
    return reader
