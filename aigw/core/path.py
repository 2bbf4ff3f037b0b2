"""A path as servers read it, for decisions that depend on where a request goes: which route it is on, what it costs.

Rule: it is for looking only. What is sent on is the path as it came."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

_ODD = re.compile(r"%|//|/\.|\\")


def plain(path: str) -> str:
    """`/v1//chat/../chat%2Fcompletions` is `/v1/chat/completions`: without escapes, doubled slashes and dots."""
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
