"""What a local model must be able to do, and what all of them need before they read a text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from aigw.core.retrieval import Purpose, RetrievalError

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors


class Model(Protocol):
    """A model in this process. It loads itself when it is used first; then it is called from one thread at a time, but
    `count` from any. Every call may raise RetrievalError."""

    @property
    def name(self) -> str: ...

    @property
    def window(self) -> int: ...

    def dimension(self) -> int: ...

    def encode(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        """One vector of length 1 for each text. The texts are well-formed, and of about the same length."""
        ...

    def count(self, text: str) -> int: ...


def readable(text: str) -> str:
    """The text without what tokenizers cannot take: half surrogate pairs, and NUL, at which a C string ends."""
    return text.encode("utf-8", "replace").decode().replace("\0", " ")


def check_weights(file: Path, sha256: str, package: str) -> None:
    """Raises RetrievalError unless the file has this content."""
    try:
        with file.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise RetrievalError(f"{package}: {file.name} cannot be read: {error.strerror}; {reinstall(package)}") from None
    if found != sha256:
        raise RetrievalError(f"{package}: {file.name} is not the file that was published; {reinstall(package)}")


def reinstall(package: str) -> str:
    return f"pip install --force-reinstall --no-deps {package}"
