"""Makes the headers of a request to a provider from those of the client, and adds the provider's token.

Headers of the client's connection are removed. The client's keys, cookies and origin are removed too, unless
`faithful`. All other headers are kept."""

from __future__ import annotations

from functools import lru_cache

from multidict import CIMultiDict

from aigw.core.headers import CONSUMER_HEADER, CREDENTIALS, connection_names
from aigw.core.model import Request
from aigw.providers.provider import Auth, Provider

_PRIVATE = (*CREDENTIALS, "cookie", "origin", "referer", "x-hi-original-auth", CONSUMER_HEADER)
_REWRITTEN = ("host", "accept-encoding", "content-length", "expect")


def outgoing(request: Request, *, faithful: bool) -> CIMultiDict[str]:
    """Returns the client's headers for a provider: without those of its connection and, unless `faithful` to Higress,
    without private ones."""
    given = request.headers
    connection = (
        given.get("connection", "") if len(given.getall("connection", ())) < 2 else ",".join(given.getall("connection"))
    )
    headers = CIMultiDict([(n, v) for n, v in given.items() if not _stays_here(n, connection, faithful)])
    if request.stream is not None and "content-length" in given:
        headers["content-length"] = given["content-length"]  # an upload has the length that the client announced
    return headers


@lru_cache(maxsize=2048)
def _stays_here(name: str, connection: str, faithful: bool) -> bool:
    lower = name.lower()
    if lower in _REWRITTEN or lower in connection_names(connection):
        return True
    return not faithful and (lower in _PRIVATE or lower.startswith(("sec-", "x-forwarded-", "x-aigw-")))


def add_originals(headers: CIMultiDict[str], request: Request, path: str) -> None:
    """Adds the headers in which Higress keeps the client's Host, its path if that has changed, and its
    Authorization."""
    headers["x-envoy-original-host"] = request.headers.get("host", "")
    if path != request.path:
        headers["x-envoy-original-path"] = request.target
    if "x-higress-fallback-from" not in request.headers:
        headers.popall("x-hi-original-auth", None)
        if authorization := request.headers.get("authorization"):
            headers["x-hi-original-auth"] = authorization


def authenticate(
    headers: CIMultiDict[str], client: CIMultiDict[str], provider: Provider, auth: Auth | None, token: str | None
) -> None:
    """Writes the provider's token into its header, or the client's own token if the configuration has none."""
    if token is None and auth is not None:
        token = next((_bare(client[name]) for name in provider.client_tokens if client.get(name)), None)
    if token is not None and auth is not None:
        headers.popall("authorization", None)
        headers[auth.header] = auth.prefix + token
    elif provider.keeps_client_auth:
        if authorization := client.get("authorization"):
            headers["authorization"] = authorization
    else:
        headers.popall("authorization", None)


def _bare(value: str) -> str:
    return value[7:] if value[:7].lower() == "bearer " else value
