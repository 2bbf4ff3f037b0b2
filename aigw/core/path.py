"""Normalises the path of a request, for decisions that depend on it, such as the choice of the route.

Rule: the normalised path is only compared, never sent. `dialects.paths` makes the path that is sent."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

_ODD = re.compile(r"%|//|/\.|\\")


def plain(path: str) -> str:
    """Returns the path without escapes, double slashes and dots, as servers interpret it:
    `/v1//chat/../chat%2Fcompletions` becomes `/v1/chat/completions`."""
    return _plain(path) if _ODD.search(path) else path


@lru_cache(maxsize=256)
def _plain(path: str) -> str:
    kept: list[str] = []
    steps = unquote(path).replace("\\", "/").split("/")
    for step in steps:
        if step == "..":
            del kept[-1:]
        elif step not in ("", "."):
            kept.append(step)
    end = "/" if kept and steps[-1] in ("", ".", "..") else ""
    return f"/{'/'.join(kept)}{end}"
