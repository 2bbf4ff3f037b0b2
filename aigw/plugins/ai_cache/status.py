"""What the cache tells: the client in a header, the log and the usage row in labels."""

from __future__ import annotations

from aigw.core.exchange import Exchange
from aigw.core.labels import CacheStatus

HEADER = "x-aigw-cache"
"""hit, miss or bypass, then reason=, key=, age= and ttl= (both in seconds)."""
SKIP = "x-higress-skip-ai-cache"
"""With the value `on` a request is neither looked up nor kept."""


def note(exchange: Exchange, status: CacheStatus, logged: str = "") -> None:
    """`status` is for the usage row; the log has it, or `logged`, under Higress's name."""
    exchange.labels.cache = status
    exchange.labels.ai_log["cache_status"] = logged or status
