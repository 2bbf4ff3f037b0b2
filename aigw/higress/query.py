"""Parameters in the query of a URL, as Go reads them."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)


def integer(query: str, name: str, usual: int) -> int:
    """Returns the first value under a name as a number, `usual` if it is missing or no number."""
    try:
        value = parse_qs(query).get(name, [""])[0]
    except ValueError:  # too many fields
        return usual
    return int(value) if _INTEGER.fullmatch(value) else usual
