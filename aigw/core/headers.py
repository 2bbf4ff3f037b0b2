"""Headers that mean something to a gateway: who asks, in which session, with which key, and what belongs to one
connection."""

from __future__ import annotations

from functools import lru_cache

from multidict import CIMultiDict

CONSUMER_HEADER = "x-mse-consumer"
"""In which Higress's plugins tell each other, and upstreams, who asks."""
SESSION_HEADERS = ("x-openclaw-session-key", "x-clawdbot-session-key", "x-moltbot-session-key", "x-agent-session")
"""Headers by which agents name their session, the first of them first."""
CREDENTIALS = ("authorization", "x-api-key", "api-key", "x-goog-api-key", "x-authorization", "anthropic-api-key")
"""Where clients put their keys. None of them is meant for a provider whose key the gateway has."""
HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade")
)  # fmt: skip
"""Headers that belong to one connection (RFC 9110 7.6.1); those that `Connection` names are hop-by-hop as well."""


def hop_by_hop(headers: CIMultiDict[str]) -> list[str]:
    """The names in `headers` that must not be passed on, in lower case."""
    listed = ",".join(headers.getall("connection", ()))
    return [name for name in connection_names(listed) if name in headers]


@lru_cache(maxsize=256)
def connection_names(connection: str) -> frozenset[str]:
    """The hop-by-hop names under a `Connection` header, in lower case."""
    return HOP_BY_HOP.union(name.strip().lower() for name in connection.split(","))
