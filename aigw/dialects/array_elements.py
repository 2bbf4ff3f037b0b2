"""Splits a JSON array that arrives piece by piece into its elements. Sans-io.

Rule: only whole elements come out. A body that is one value and no array is its only element: the error of a provider
that was asked for an array."""

from __future__ import annotations

import json
import re
from typing import Any

from aigw.core.model import Batch, Chunk
from aigw.dialects.json_values import encoded

_BETWEEN = re.compile(r"[\s,\[\]\ufeff]*")
"""Matches the text between two elements, and before the first one."""


def leading_elements(raw: bytes) -> list[Any]:
    """Returns the whole elements of an array that may be cut off."""
    decoder, text = json.JSONDecoder(), raw.decode("utf-8", "replace")
    elements: list[Any] = []
    position = 0
    try:
        while between := _BETWEEN.match(text, position):
            element, position = decoder.raw_decode(text, between.end())
            elements.append(element)
    except (ValueError, RecursionError):
        pass
    return elements


class ElementSplitter:
    """Splits into chunks, one for each element. It reads everything again with each piece, so it is only for the
    beginning of an array."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._known = 0

    def feed(self, data: bytes) -> Batch:
        """Returns the elements that `data` completes."""
        self._data += data
        elements = leading_elements(bytes(self._data))
        fresh, self._known = elements[self._known :], len(elements)
        return [Chunk(raw, raw) for raw in map(encoded, fresh)]
