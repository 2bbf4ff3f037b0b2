"""The names of the headers that the gateway itself uses: for the consumer, the session, the key, and those that belong
to one connection."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import unquote

from multidict import CIMultiDict

CONSUMER_HEADER = "x-mse-consumer"
"""Higress's plugins write the name of the consumer into this header, for each other and for upstreams."""
VIA_HEADER = "via"
"""Names the proxies that a request has passed (RFC 9110 7.6.3), also ours."""
ID_HEADER = "x-aigw-request-id"
"""The header with the gateway's id of a request, in every answer."""
SESSION_HEADER = "x-aigw-session"
"""The header in which clients name their conversation for aigw. It is not sent upstream."""
SESSION_HEADERS = ("x-openclaw-session-key", "x-clawdbot-session-key", "x-moltbot-session-key", "x-agent-session")
"""The headers in which Higress reads the name of a session. The first one that is present counts."""
CONVERSATION_HEADERS = (
    SESSION_HEADER, *SESSION_HEADERS, "x-claude-code-session-id", "session-id", "session_id", "thread-id",
)  # fmt: skip
"""The headers that name a conversation: ours, those of agents, Claude Code's, Codex's. The first one that is present
counts."""
CREDENTIALS = ("authorization", "x-api-key", "api-key", "x-goog-api-key", "x-authorization", "anthropic-api-key")
"""The headers in which clients send their keys. They are removed if the gateway itself has a key for the provider."""
CREDENTIAL_PARAMETERS = frozenset(("key", "$key", "api_key", "apikey", "token", "access_token", "auth", *CREDENTIALS))
"""The parameters of the query in which clients send their keys, in lower case. They are never sent on."""
PRIVATE = (
    "cookie", "origin", "referer", "from", "forwarded", "x-real-ip", "x-client-ip", "true-client-ip",
    "x-hi-original-auth", CONSUMER_HEADER,
)  # fmt: skip
PRIVATE_STARTS = ("sec-", "x-forwarded-", "x-aigw-", "cf-", "x-amzn-oidc-")
"""Headers that say who the client is and where it comes from, and those that begin so. Providers do not get them."""
HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade")
)  # fmt: skip
"""Headers that belong to one connection (RFC 9110 7.6.1). The headers that `Connection` names do so as well."""


def hop_by_hop(headers: CIMultiDict[str]) -> list[str]:
    """Returns the names of those `headers` that must not be passed on, in lower case."""
    listed = ",".join(headers.getall("connection", ()))
    return list(filter(headers.__contains__, connection_names(listed)))


def without_credentials(query: str) -> str:
    """Returns a query without the keys of the client."""
    if not query:
        return query
    pairs = query.split("&")
    return "&".join(pair for pair in pairs if unquote(pair.partition("=")[0]).lower() not in CREDENTIAL_PARAMETERS)


@lru_cache(maxsize=256)
def connection_names(connection: str) -> frozenset[str]:
    """Returns the names of all headers that must not be passed on, in lower case. `connection` is the value of the
    `Connection` header."""
    return HOP_BY_HOP.union(name.strip().lower() for name in connection.split(","))
