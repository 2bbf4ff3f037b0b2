"""The context file of a provider: fetched once, kept until the configuration is read again (higress.md 4.6)."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from multidict import CIMultiDict

from aigw.core.env import Env
from aigw.core.errors import GatewayError, UpstreamError
from aigw.core.model import Request, Target, Timeouts
from aigw.providers.config import ContextFile

MAX_CONTEXT = 4 * 1024 * 1024
"""Bytes. A context is sent with every request, so a larger file is a mistake."""


class ContextText:
    """`await text()` gives the file's text. A failure is told to the request that met it and tried again by the next
    one."""

    def __init__(self, config: ContextFile, *, timeout: float, env: Env) -> None:
        """`timeout` in seconds, for the whole fetch."""
        self._config = config
        self._timeout = timeout
        self._env = env
        self._text: str | None = None
        self._lock = asyncio.Lock()

    async def text(self) -> str:
        """Raises GatewayError 500 if the file cannot be had."""
        async with self._lock:
            if self._text is None:
                try:
                    async with asyncio.timeout(self._timeout):
                        self._text = await self._fetch()
                except TimeoutError:
                    raise _failed(f"no answer within {self._timeout:g} s") from None
                except UpstreamError as error:
                    raise _failed(str(error)) from None
        return self._text

    async def _fetch(self) -> str:
        url = urlsplit(self._config.file_url)
        service = self._config.service_name
        if self._config.service_port:
            service = f"{service}:{self._config.service_port}"
        origin = self._env.services.locate(url.scheme, url.netloc, service)
        target = Target(origin, url.netloc, Timeouts(self._timeout, self._timeout, self._timeout))
        response = await self._env.upstream.send(Request("GET", url.path or "/", url.query, CIMultiDict()), target)
        try:
            if response.status != 200:
                raise _failed(f"failed to load context file, status: {response.status}")
            pieces: list[bytes] = []
            async for piece in response.body:
                pieces.append(piece)
                if sum(map(len, pieces)) > MAX_CONTEXT:
                    raise _failed(f"it is larger than {MAX_CONTEXT} bytes")
            return b"".join(pieces).decode("utf-8", "replace")
        finally:
            await response.body.aclose()


def _failed(why: str) -> GatewayError:
    message = f"failed to load context file: {why}"
    return GatewayError(500, message, kind="api_error", code="context_file", plain=(500, message))
