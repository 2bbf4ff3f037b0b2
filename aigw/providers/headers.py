"""Makes the headers of a request to a provider from those of the client, and adds the provider's token.

Headers of the client's connection are removed. The client's keys, cookies and origin are private: they are removed too,
except by Higress. All other headers are kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from multidict import CIMultiDict

from aigw.core.headers import CREDENTIALS, PRIVATE, PRIVATE_STARTS, connection_names
from aigw.core.model import Request
from aigw.providers.provider import Auth, Provider

_PRIVATE = (*CREDENTIALS, *PRIVATE)
_REWRITTEN = ("host", "accept-encoding", "content-length", "expect")


def public(request: Request) -> CIMultiDict[str]:
    """Returns the client's headers without those of its connection and without private ones."""
    return _without(request, _private_among)


def beyond_connection(request: Request) -> CIMultiDict[str]:
    """Returns the client's headers without those of its connection, as Higress sends them."""
    return _without(request, _of_connection_among)


def _without(request: Request, among: Callable[[tuple[str, ...], str], list[str]]) -> CIMultiDict[str]:
    """`among` returns those of the names that are removed. It is cached, because clients send the same names again."""
    given = request.headers
    connection = (
        given.get("connection", "") if len(given.getall("connection", ())) < 2 else ",".join(given.getall("connection"))
    )
    headers = CIMultiDict(given)
    for name in among(tuple(given), connection):
        headers.popall(name, None)
    if request.upload is not None and "content-length" in given:
        headers["content-length"] = given["content-length"]  # an upload has the length that the client announced
    return headers


@lru_cache(maxsize=512)
def _of_connection_among(names: tuple[str, ...], connection: str) -> list[str]:
    return [name for name in names if name.lower() in _REWRITTEN or name.lower() in connection_names(connection)]


@lru_cache(maxsize=512)
def _private_among(names: tuple[str, ...], connection: str) -> list[str]:
    private = [name for name in names if name.lower() in _PRIVATE or name.lower().startswith(PRIVATE_STARTS)]
    return private + _of_connection_among(names, connection)


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
