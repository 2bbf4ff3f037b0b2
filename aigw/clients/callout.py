"""Calls to an HTTP service that a configuration names, beside the request that is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from multidict import CIMultiDict

from aigw.core.env import Env
from aigw.core.errors import UpstreamError
from aigw.core.model import Request, Target, Timeouts

MAX_BYTES = 16 * 1024 * 1024
TLS_PORT = 443


class CalloutError(Exception):
    """The service did not answer, or not with 200 and JSON."""


class Callout:
    """`service` and `port` are as Higress's YAML names them, `host` is its Host header; `timeout` in seconds."""

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
        try:
            async with asyncio.timeout(self._timeout):
                return msgspec.json.decode(await self._send(request))
        except (UpstreamError, TimeoutError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CalloutError(f"{self._target.authority}: {error}") from None

    async def _send(self, request: Request) -> bytes:
        response = await self._upstream.send(request, self._target)
        try:
            if response.status != 200:
                raise CalloutError(f"{self._target.authority} answered {response.status}")
            pieces: list[bytes] = []
            async for piece in response.body:
                pieces.append(piece)
                if sum(map(len, pieces)) > MAX_BYTES:
                    raise CalloutError(f"{self._target.authority} answered more than {MAX_BYTES} bytes")
            return b"".join(pieces)
        finally:
            await response.body.aclose()
