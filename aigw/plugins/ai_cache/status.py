"""What the cache tells: the client in a header, the log and the usage row in notes."""

from __future__ import annotations

from aigw.core.exchange import Exchange

HEADER = "x-aigw-cache"
"""hit, miss or bypass, then reason=, key=, age= and ttl= (both in seconds)."""
SKIP = "x-higress-skip-ai-cache"
"""With the value `on` a request is neither looked up nor kept."""


def note(exchange: Exchange, status: str, logged: str = "") -> None:
    """`status` is for the usage row; the log has it, or `logged`, under Higress's name."""
    exchange.notes["cache"] = status
    exchange.notes.setdefault("ai_log", {})["cache_status"] = logged or status
