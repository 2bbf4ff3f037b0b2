"""The context file of a provider. It is fetched once, and again when the configuration is reloaded."""

from __future__ import annotations

import asyncio
from urllib.parse import SplitResult, urlsplit

from multidict import CIMultiDict

from aigw.clients.callout import CalloutError, StatusError, fetch
from aigw.core.authority import origin_of
from aigw.core.env import Env
from aigw.core.errors import GatewayError
from aigw.core.model import Request, Target, Timeouts
from aigw.providers.config import ContextFile

MAX_CONTEXT = 4 * 1024 * 1024
"""The size of the largest context file, in bytes. It is sent with every request, so a larger one must be a mistake."""


class ContextText:
    """Fetches the text of a context file. If it is needed again while it is being fetched, the same fetch is used.
    After a failure, the next call of `text` tries again."""

    def __init__(self, config: ContextFile, *, timeout: float, env: Env) -> None:
        """`timeout` is for the whole fetch, in seconds. Raises ValueError if the URL is not valid, ConfigError if
        `services:` maps the host to something that is not HTTP."""
        self._url = parse_file_url(config.file_url)
        self._timeout = timeout
        self._upstream = env.upstream
        service = f"{config.service_name}:{config.service_port}" if config.service_port else config.service_name
        authority = self._url.netloc.rpartition("@")[2]
        origin = env.services.locate_callout(self._url.scheme, authority, service)
        self._target = Target(origin, authority, Timeouts(timeout, timeout, timeout))
        self._text: str | None = None
        self._fetching: asyncio.Task[str] | None = None

    async def text(self) -> str:
        """Returns the text. Raises GatewayError with status 500 if the file cannot be fetched."""
        if self._text is None:
            if self._fetching is None:
                self._fetching = asyncio.create_task(self._fetch())
                self._fetching.add_done_callback(self._fetched)
            return await asyncio.shield(self._fetching)  # if this request is cancelled, others still wait for the fetch
        return self._text

    def _fetched(self, task: asyncio.Task[str]) -> None:
        self._fetching = None
        if not task.cancelled() and task.exception() is None:
            self._text = task.result()

    async def _fetch(self) -> str:
        request = Request("GET", self._url.path or "/", self._url.query, CIMultiDict())
        try:
            body = await fetch(self._upstream, request, self._target, self._timeout, MAX_CONTEXT)
        except StatusError as error:
            raise _failed(f"failed to load context file, status: {error.status}") from None
        except CalloutError as error:
            raise _failed(str(error)) from None
        return body.decode("utf-8", "replace")


def parse_file_url(text: str) -> SplitResult:
    """Parses the URL of a context file. Raises ValueError if it is not an http(s) URL."""
    url = urlsplit(text)
    origin_of(url.scheme, url.netloc.rpartition("@")[2])
    return url


def _failed(why: str) -> GatewayError:
    message = f"failed to load context file: {why}"
    return GatewayError(500, message, kind="api_error", code="context_file", plain=(500, message))
