"""Reports what the cache did: to the client in a header, to the log and the usage row in labels."""

from __future__ import annotations

from aigw.core.exchange import Exchange
from aigw.core.labels import CacheStatus

HEADER = "x-aigw-cache"
"""Its value is hit, miss or bypass, followed by reason=, key=, and age= and ttl= in seconds."""
SKIP = "x-higress-skip-ai-cache"
"""If a client sends `on`, the request is not looked up, and its answer is not kept."""


def note(exchange: Exchange, status: CacheStatus, logged: str = "") -> None:
    """Sets the labels of a request. `status` is for the usage row. The log gets `logged` if it is given, else
    `status`."""
    exchange.labels.cache = status
    exchange.labels.ai_log["cache_status"] = logged or status
