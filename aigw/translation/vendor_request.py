"""Makes the request that goes to a vendor for which it is written anew, with those headers of the client that mean
something there.

Rule: the headers of the client's own API are left out, because some would be refused. All others stay."""

from __future__ import annotations

from multidict import CIMultiDict

from aigw.core import large_json
from aigw.core.model import Request
from aigw.core.pace import LARGE
from aigw.dialects.json_values import Json, encoded
from aigw.dialects.openai_error import JSON

_OWN = (
    "anthropic-", "x-goog-", "openai-", "x-stainless-", "x-app", "x-claude-", "x-codex-", "session-id", "session_id",
    "thread-id", "x-client-request-id", "originator", "chatgpt-", "accept", "content-", "idempotency-",
)  # fmt: skip
"""The headers of a client's own API begin with these."""


def request_for(source: Request, path: str, query: str, body: Json) -> Request:
    """The request with another path and body, in place of `source`."""
    headers = CIMultiDict(
        [(name, value) for name, value in source.headers.items() if not name.lower().startswith(_OWN)]
    )
    headers["content-type"] = JSON
    written = encoded(body) if len(source.body) <= LARGE else large_json.written(body, encoded)
    return Request("POST", path, query, headers, written)
