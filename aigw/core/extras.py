"""How the optional parts of aigw are installed, for messages that say which one is missing.

Rule: aigw is installed from its clone, as its README says. A package index may have something else under this name."""

from __future__ import annotations


def to_install(extra: str) -> str:
    return f"pip install '.[{extra}]' in the clone of aigw"


INSTALL_RAG = to_install("rag")
