"""Calls beside the request that is under way: a service is asked, and its answer is read whole, within bounds.

Rule: an answer counts only with status 200, and whatever goes wrong is a CalloutError."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from multidict import CIMultiDict

from aigw.core.env import Env
from aigw.core.errors import UpstreamError
from aigw.core.model import Request, Target, Timeouts
from aigw.core.upstream import Upstream

MAX_BYTES = 16 * 1024 * 1024
TLS_PORT = 443

T = TypeVar("T")


class CalloutError(Exception):
    """The service did not give what it was asked for. `str(error)` names it and says what happened."""


class StatusError(CalloutError):
    """It answered with another status than 200."""

    def __init__(self, service: str, status: int) -> None:
        super().__init__(f"{service} answered {status}")
        self.status = status


async def fetch(upstream: Upstream, request: Request, target: Target, seconds: float, most: int = MAX_BYTES) -> bytes:
    """The body of the answer, at most `most` bytes, if all of it comes within `seconds`. Raises CalloutError."""
    service = target.authority
    try:
        async with asyncio.timeout(seconds):
            return await _read(upstream, request, target, most)
    except TimeoutError:
        raise CalloutError(f"{service}: no answer within {seconds:g} s") from None
    except UpstreamError as error:
        raise CalloutError(f"{service}: {error}") from None


async def fetch_json(upstream: Upstream, request: Request, target: Target, seconds: float, shape: type[T]) -> T:
    """The answer, decoded. Raises CalloutError, also if it is not JSON of this shape."""
    body = await fetch(upstream, request, target, seconds)
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CalloutError(f"{target.authority}: this is not the JSON that was expected: {error}") from None


async def _read(upstream: Upstream, request: Request, target: Target, most: int) -> bytes:
    response = await upstream.send(request, target)
    try:
        if response.status != 200:
            raise StatusError(target.authority, response.status)
        body = bytearray()
        async for piece in response.body:
            body += piece
            if len(body) > most:
                raise CalloutError(f"{target.authority} answered more than {most} bytes")
        return bytes(body)
    finally:
        await response.body.aclose()


class Callout:
    """A service that a plugin's configuration names. `service` and `port` are as Higress's YAML has them, `host` is its
    Host header; `timeout` in seconds."""

    def __init__(self, env: Env, service: str, port: int, host: str, timeout: float) -> None:
        """Raises ValueError for a host that is none, ConfigError for a service that is mapped to what is not HTTP."""
        scheme = "https" if port == TLS_PORT else "http"
        origin = env.services.locate_callout(scheme, f"{host or service}:{port}", f"{service}:{port}")
        self._target = Target(origin, host or service, Timeouts(timeout, timeout, timeout))
        self._upstream = env.upstream
        self._timeout = timeout

    async def post(self, path: str, headers: Mapping[str, str], body: Any) -> Any:
        """The decoded answer. Raises CalloutError."""
        fields = CIMultiDict({"content-type": "application/json", **headers})
        request = Request("POST", path, "", fields, msgspec.json.encode(body))
        answer: Any = await fetch_json(self._upstream, request, self._target, self._timeout, object)
        return answer
