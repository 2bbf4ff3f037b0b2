"""A JSON Pointer (RFC 6901) in which `*` stands for any key or index: `/messages/*/content`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from aigw.core.json_path import JsonPath

ANY = "*"
_BAD_ESCAPE = re.compile(r"~(?![01])")


class Pointer:
    """A place, or with `*` several places, in a JSON value. The pointer "" is the whole value."""

    def __init__(self, text: str) -> None:
        """Raises ValueError if the text is not a JSON Pointer."""
        if text and not text.startswith("/"):
            raise ValueError(f"{text!r} is no JSON Pointer: it begins with /, such as /metadata/run")
        if _BAD_ESCAPE.search(text):
            raise ValueError(f"{text!r} is no JSON Pointer: ~ is written ~0 there, and / in a key ~1")
        self._steps = [step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:]]

    def replace(self, value: Any, new: Callable[[Any], Any]) -> Any:
        """Replaces what is at each of the places by `new` of it, in place, and returns the value. Where there is
        nothing at a place, nothing happens."""
        if not self._steps:
            return new(value)
        *above, last = self._steps
        parents = [value]
        for step in above:
            parents = [parent[key] for parent in parents for key in _keys(parent, step)]
        for parent in parents:
            for key in _keys(parent, last):
                parent[key] = new(parent[key])
        return value


def _keys(value: Any, step: str) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from list(value) if step == ANY else [step] if step in value else []
    elif isinstance(value, list):
        if step == ANY:
            yield from range(len(value))
        elif step.isascii() and step.isdigit() and len(step) < 10 and int(step) < len(value):
            yield int(step)


def pointer_to(path: JsonPath) -> str:
    """Returns the pointer to a path, with `*` in place of its indices."""
    return "".join(f"/{ANY if isinstance(step, int) else step.replace('~', '~0').replace('/', '~1')}" for step in path)
