"""What a translation loses. Nothing is lost silently: it is noted here, or the request is refused."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from aigw.core.errors import GatewayError

NOTHING: tuple[object, ...] = (None, [], {}, "")
"""The values of a field that ask for nothing."""


class Notes:
    """The fields of one request that have no counterpart at the provider, by the names that the client gave them."""

    __slots__ = ("_lost",)

    def __init__(self) -> None:
        self._lost: dict[str, None] = {}

    def lose(self, *fields: str) -> None:
        self._lost.update(dict.fromkeys(fields))

    def lose_unread(self, given: dict[str, Any], read: Set[str], place: str = "") -> None:
        """Notes the fields of an object that are not in `read`, unless they ask for nothing. `place` is where it is."""
        if not given.keys() <= read:
            self.lose(*(place + name for name, value in given.items() if name not in read and value not in NOTHING))

    @property
    def lost(self) -> list[str]:
        """Each once, in the order in which they were noted."""
        return list(self._lost)


def refused(field: str, why: str) -> GatewayError:
    """Returns the error for a field without which the answer would be wrong."""
    return GatewayError(400, f"{field}: {why}", code="unsupported_parameter", param=field)


def not_fetched(kind: str, fetches: str = "no URL") -> GatewayError:
    """Returns the error for an image, a sound or a file that the provider would have to fetch; `fetches` says what it
    does fetch. The gateway fetches nothing, because a client could make it call servers that only this machine
    reaches."""
    how = f"send the {kind} itself in base64; where the request has a URL, as data:TYPE;base64,..."
    return refused("messages", f"this provider fetches {fetches}; {how}")
