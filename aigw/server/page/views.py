"""What the page shows beside requests: functions that return what becomes JSON.

Those that the server has are here. Others come from who starts the gateway, because they are those of its commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from aigw.config.load import Loaded
from aigw.core.env import Env
from aigw.server.knowledge import Knowledge
from aigw.server.screening import Screening


class Inside(NamedTuple):
    """A configuration in force, and what belongs to it. `url` is the gateway's own, as the client names it."""

    loaded: Loaded
    env: Env
    knowledge: Knowledge
    screening: Screening
    url: str = ""


Shown = Callable[[Inside, str], Awaitable[Any]]
"""Gets what comes behind its name in the path. Raises GatewayError, StoreError."""
Tried = Callable[[Inside, Mapping[str, Any]], Awaitable[Any]]
"""Gets what was asked, and changes nothing. Raises GatewayError, ValueError for what cannot be asked so."""


class Views(NamedTuple):
    """The views of the page. `shown` are below `/-/`, `tried` below `/-/try/`, by name."""

    shown: Mapping[str, Shown] = {}
    tried: Mapping[str, Tried] = {}


NO_VIEWS = Views()
