"""The pages under `/-/`, on which the gateway tells about itself. None of them changes anything.

Everybody may read `/-/health` and `/-/ready`. Only this machine may read the others, and clients with the
`admin_key`."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qs

import msgspec

from aigw import __version__
from aigw.books.metrics import Metrics
from aigw.books.prometheus import CONTENT_TYPE
from aigw.books.usage_log import UsageLog
from aigw.books.usage_question import parse
from aigw.core.env import Clock
from aigw.core.errors import GatewayError
from aigw.core.headers import VIA_HEADER
from aigw.core.plain import plain_json_line
from aigw.core.stores import StoreError
from aigw.dialects.openai_error import JSON
from aigw.server.guard import is_loopback
from aigw.server.http1.connection import Response
from aigw.server.http1.request import HttpRequest
from aigw.server.http1.response import PlainResponse
from aigw.server.page.files import INDEX, page_file
from aigw.server.page.page import Page

PREFIX, ROOT, HEALTH, HELLO = "/-/", "/", "/health", "/api/hello"
FRONT = (ROOT, HEALTH, HELLO)
"""The paths of the gateway itself that are not below PREFIX. Anthropic's clients look at HELLO whether there is a
network."""
FILES = "page/"
_OPEN = ("health", "ready")
"""The pages that everybody may read."""
PROBES = frozenset(PREFIX + name for name in _OPEN)
_PROXIED = (
    VIA_HEADER, "forwarded", "proxy-", "x-", "cf-", "cdn-", "cloudfront-", "true-client-", "fastly-", "akamai-", "fly-",
    "tailscale-", "ngrok-", "surrogate-", "front-end-", "disguised-host",
)  # fmt: skip
"""The beginnings of headers that a proxy or tunnel on this machine adds to the requests of other machines."""
_OF_CLIENTS = ("x-api-key", "x-goog-api-key", "x-requested-with", "x-stainless-", "x-prometheus-", "x-aigw-")
"""Headers with these beginnings match _PROXIED, too, but are added by clients themselves."""

Answer = tuple[str, bytes]
"""Content type and body."""


class Admin:
    """`shown` returns the configuration in force, without secrets. `page` has the data of the page."""

    def __init__(
        self,
        *,
        usage: UsageLog | None,
        metrics: Metrics,
        clock: Clock,
        key: str,
        shown: Callable[[], object],
        page: Page,
    ) -> None:
        self._page = page
        self._usage = usage
        self._metrics = metrics
        self._clock = clock
        self._key = key
        self._shown = shown
        self._pages: Mapping[str, Callable[[str], Awaitable[Answer]]] = {
            "usage": self._usage_page,
            "metrics": self._metrics_page,
            "config": self._config_page,
        }

    async def answer(self, http: HttpRequest, path: str, query: str) -> Response:
        """Raises GatewayError: 404 for an unknown page, 405 for any method but GET and HEAD, 403 if it is not
        allowed."""
        page = path.removeprefix(PREFIX)
        methods = self._page.methods(page) or ("GET", "HEAD")
        if http.method not in methods:
            said = f"{path} can only be {'read' if 'GET' in methods else 'asked with POST'}"
            raise GatewayError(405, said, code="method_not_allowed", headers={"Allow": ", ".join(methods)})
        if not page and (index := page_file(http, INDEX)):
            return index  # also where / is a route's
        if page in _OPEN:
            return _health()
        if page.startswith(FILES) and (file := page_file(http, page.removeprefix(FILES))):
            return file
        if self._page.methods(page):
            self._check(http)
            return await self._page.answer(http, page, query)
        if page not in self._pages:
            known = ", ".join(f"{PREFIX}{name}" for name in (*_OPEN, *self._pages))
            raise GatewayError(404, f"there is no {path}; there are {known}", code="unknown_url")
        self._check(http)
        kind, body = await self._pages[page](query)
        return PlainResponse(body=body, headers={"Content-Type": kind, "Cache-Control": "no-store"})

    def _check(self, http: HttpRequest) -> None:
        given = http.headers.get("authorization", "").removeprefix("Bearer ")
        if self._key and hmac.compare_digest(given.encode(errors="surrogateescape"), self._key.encode()):
            return
        if is_loopback(http.peer.remote) and not any(map(_tells_of_a_proxy, http.headers)):
            return
        remedy = "send the admin_key as a bearer token" if self._key else "set admin_key in aigw.yaml to let others in"
        raise GatewayError(403, f"this is for the gateway's own machine; {remedy}", kind="permission_error")

    def front(self, http: HttpRequest, path: str) -> PlainResponse | None:
        """Returns the answer of a path of FRONT, None if this is no request for a page: a method that writes, or a
        program that asks for /."""
        if http.method not in ("GET", "HEAD"):
            return None
        if path in (HEALTH, HELLO):
            return _health()
        if "text/html" in http.headers.get("accept", ""):
            return page_file(http, INDEX)
        return PlainResponse(headers={"Cache-Control": "no-store"}) if http.method == "HEAD" else None

    async def _usage_page(self, query: str) -> Answer:
        asked = parse_qs(query)
        try:
            since, until = asked.get("since", ["1h"])[-1], asked.get("until", [""])[-1]
            question = parse(asked.get("by", ["model"]), since, until, now=self._clock.time())
        except ValueError as error:
            raise GatewayError(400, str(error), code="invalid_query") from None
        if self._usage is None:
            raise GatewayError(404, "this gateway keeps no usage", code="no_usage")
        try:
            summary = await asyncio.to_thread(self._usage.summarise, question)
        except StoreError as error:
            raise GatewayError(503, str(error), kind="api_error", code="usage_unreadable") from None
        return JSON, plain_json_line(msgspec.json.encode(summary))

    async def _metrics_page(self, query: str) -> Answer:
        return CONTENT_TYPE, await asyncio.to_thread(self._metrics.render)

    async def _config_page(self, query: str) -> Answer:
        return JSON, await asyncio.to_thread(self._configuration)  # rules that inherit may make it very long

    def _configuration(self) -> bytes:
        return msgspec.json.encode(self._shown())


def _tells_of_a_proxy(name: str) -> bool:
    lower = name.lower()
    return lower.startswith(_PROXIED) and not lower.startswith(_OF_CLIENTS)


def _health() -> PlainResponse:
    body = msgspec.json.encode({"status": "ok", "version": __version__})
    return PlainResponse(body=body, headers={"Content-Type": JSON, "Cache-Control": "no-store"})
