"""Finds the model that a name means: one in a folder, with a digest of its files, or one at the Hugging Face hub."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from aigw.core.retrieval import RetrievalError

ENDS = 1 << 20
"""How many bytes of each end of a file are digested. Weights that differ do so everywhere."""
_FILES = (".safetensors", ".bin", ".json", ".txt", ".model")
_OTHER_FORMATS = ("onnx", "openvino")
_DIGESTED = re.compile(r"(.+)@([0-9a-f]{16})")
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


def identified(name: str, kind: str) -> tuple[str, str]:
    """Returns the place of the model (a folder, or a name at the hub), and the name that a collection remembers: `kind`
    and the place, for a folder with its digest. `name` may be a place or a remembered name. Raises RetrievalError if
    there is no such folder, or if its model does not have this digest."""
    match = _DIGESTED.fullmatch(name)
    place, digest = (match[1], match[2]) if match else (name, "")
    folder = Path(place).expanduser()
    if folder.is_dir():
        found = digest_of(folder)
        if digest not in ("", found):
            raise RetrievalError(
                f"{folder} has another model than the one that the collection was made with; "
                "put that back, or make the collection anew with `aigw rag reindex`"
            )
        path = str(folder.resolve())
        return path, f"{kind}{path}@{found}"
    if digest or place.startswith((".", "~", os.sep)) or not _HUB_NAME.fullmatch(place):
        raise RetrievalError(f"{kind}{place}: there is no folder {folder}")
    return place, f"{kind}{place}"


def digest_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(_files(folder)):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()}\0{size}\0".encode())
        with path.open("rb") as file:
            digest.update(file.read(ENDS))
            file.seek(max(size - ENDS, 0))
            digest.update(file.read(ENDS))
    return digest.hexdigest()[:16]


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        top = path.relative_to(folder).parts[0]
        if path.suffix in _FILES and top not in _OTHER_FORMATS and not top.startswith(".") and path.is_file():
            yield path
