"""The HTTP edge: one aiohttp request in, one exchange through its route's chain, one response out.

This is the one place that catches everything: whatever goes wrong before the first byte becomes an error in the
caller's own shape, whatever goes wrong after it is told in the stream. The loop in `_pump` pulls: a slow reader slows
the reading from upstream."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import cast

from aiohttp import HttpVersion11, web
from multidict import CIMultiDict

from aigw import __version__
from aigw.core.env import Env
from aigw.core.errors import GatewayError, UpstreamError
from aigw.core.exchange import Exchange, Jobs
from aigw.core.model import Request, Route
from aigw.core.pipeline import Chain
from aigw.core.reply import Reply
from aigw.dialects.errors import JSON, error_body, error_event, family_of
from aigw.server import bodies
from aigw.server.guard import Guard

log = logging.getLogger("aigw")

CLIENT_LEFT = 499
"""nginx's status for a client that closed the connection; it stands in the log only."""


class Edge:
    """The handler of `web.Server`. `find_route` gives None where no route matches."""

    def __init__(
        self, find_route: Callable[[Request], tuple[Route, Chain] | None], *, env: Env, guard: Guard, max_body: int
    ) -> None:
        self._find_route = find_route
        self._env = env
        self._guard = guard
        self._max_body = max_body
        self.jobs: Jobs = set()

    async def __call__(self, http: web.BaseRequest) -> web.StreamResponse:
        env = self._env
        request_id = env.new_id()
        headers = cast(CIMultiDict[str], http.headers)  # read-only: what the client sent; plugins get a copy
        path, _, query = _origin_form(http.raw_path).partition("?")
        family = family_of(path, headers)
        exchange: Exchange | None = None
        try:
            if early := self._answer_early(http, headers, path):
                return early
            request = Request(http.method, path, query, headers)
            found = self._find_route(request)
            if found is None:
                raise no_route(request)
            route, chain = found
            undone = await self._read_body(http, request, bare=chain.bare)
            exchange = Exchange(
                id=request_id,
                request=request,
                route=route,
                family=family,
                client=http.remote or "",
                started=env.clock.monotonic(),
                jobs=self.jobs,
            )
            for name in undone:
                exchange.request.headers.popall(name, None)
            reply = await chain.call(exchange)
            return await self._pump(http, exchange, reply)
        except GatewayError as error:
            return self._refuse(http, headers, family, error, request_id)
        except UpstreamError as error:
            log.warning("%s %s: %s", request_id, path, error)
            return self._refuse(http, headers, family, error.answer(), request_id)
        except Exception as error:  # noqa: BLE001
            if isinstance(error, ConnectionError) and (http.transport is None or http.transport.is_closing()):
                return web.Response(status=CLIENT_LEFT)  # it is gone: nobody reads this
            return self._refuse(http, headers, family, _bug(error, request_id, path), request_id)
        finally:
            if exchange is not None:
                await exchange.aclose()

    def _answer_early(self, http: web.BaseRequest, headers: CIMultiDict[str], path: str) -> web.Response | None:
        self._guard.check(headers)
        if http.method == "CONNECT":
            raise GatewayError(405, "this gateway makes no tunnels", code="method_not_supported")
        if http.method == "OPTIONS" and "access-control-request-method" in headers:
            return web.Response(status=204, headers=self._guard.preflight(headers))
        if "upgrade" in headers and headers["upgrade"].lower() == "websocket":
            raise GatewayError(501, "WebSocket connections are not supported; use HTTP", code="not_supported")
        if path == "/-/health" and http.method in ("GET", "HEAD"):
            return web.json_response({"status": "ok", "version": __version__}, headers=self._guard.cors(headers))
        return None

    async def _read_body(self, http: web.BaseRequest, request: Request, *, bare: bool) -> tuple[str, ...]:
        """Reads and decodes what a plugin may want to read; what nobody reads (`bare`) keeps its encoding. Returns the
        names of the headers that do not hold any more."""
        headers = request.headers
        length = headers.get("content-length", "")
        if length.isdecimal() and (len(length) > 18 or int(length) > self._max_body):
            raise bodies.too_large(self._max_body)
        expects = headers.get("expect", "").lower() == "100-continue" and http.version >= HttpVersion11
        if expects and http.transport is not None:
            http.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if not http.body_exists:
            return ("expect", "content-encoding")
        if is_upload(headers.get("content-type", "")) or (bare and "content-encoding" in headers):
            request.stream = bodies.stream(http, self._max_body)
            return ("expect",)
        request.body = await bodies.read(http, self._max_body)
        if "content-encoding" in headers:
            request.body = bodies.decode(request.body, ",".join(headers.getall("content-encoding")), self._max_body)
            return ("expect", "content-encoding")
        return ("expect",) if "expect" in headers else ()

    async def _pump(self, http: web.BaseRequest, exchange: Exchange, reply: Reply) -> web.StreamResponse:
        headers = self._response_headers(exchange.original.headers, exchange.family, exchange.id, reply.headers)
        head_only = http.method == "HEAD"
        if reply.single and not head_only:
            headers.popall("content-length", None)
            return web.Response(status=reply.status, headers=headers, body=await reply.body())
        if reply.streaming:
            headers.popall("content-length", None)
            headers.setdefault("Cache-Control", "no-cache")
            headers.setdefault("X-Accel-Buffering", "no")
        response = _Streamed(status=reply.status, headers=headers)
        try:
            async for batch in reply:
                if head_only:
                    continue
                if not response.prepared:
                    await response.prepare(http)
                await response.write(batch[0].raw if len(batch) == 1 else b"".join([chunk.raw for chunk in batch]))
        except Exception as error:
            if not response.prepared or http.transport is None or http.transport.is_closing():
                raise
            await self._break_off(http, response, exchange, reply, error)
            return response
        if not response.prepared:
            await response.prepare(http)
        await response.write_eof()
        return response

    async def _break_off(
        self,
        http: web.BaseRequest,
        response: web.StreamResponse,
        exchange: Exchange,
        reply: Reply,
        error: Exception,
    ) -> None:
        """Tells the client that the stream is not complete: an error event, or a connection that ends without its
        last chunk."""
        if isinstance(error, UpstreamError):
            shown = error.answer()
        else:
            shown = error if isinstance(error, GatewayError) else _bug(error, exchange.id, exchange.original.path)
        log.warning("%s %s broke off: %s", exchange.id, exchange.original.path, shown.message)
        if reply.streaming:
            await response.write(error_event(exchange.family, shown, exchange.id))
            response.force_close()
            await response.write_eof()
        elif http.transport is not None:
            http.transport.abort()

    def _response_headers(
        self,
        asked: CIMultiDict[str],
        family: str,
        request_id: str,
        headers: Mapping[str, str] | Iterable[tuple[str, str]],
    ) -> CIMultiDict[str]:
        """An answer's headers: the provider's, our request id, its own under the SDKs' names, CORS."""
        out = CIMultiDict(headers)
        out["x-aigw-request-id"] = request_id
        if "x-request-id" not in out and "request-id" not in out:
            out["request-id" if family == "anthropic" else "x-request-id"] = request_id
        if "origin" in asked:
            for name in [name for name in out if name.lower().startswith("access-control-")]:
                out.popall(name, None)
            for name, value in self._guard.cors(asked).items():
                out.add(name, value)
        return out

    def _refuse(
        self, http: web.BaseRequest, asked: CIMultiDict[str], family: str, error: GatewayError, request_id: str
    ) -> web.Response:
        if error.plain is not None and self._env.fidelity == "higress":
            status, text = error.plain
            own = [*error.headers.items(), ("Content-Type", "text/plain")]
            headers = self._response_headers(asked, family, request_id, own)
            return web.Response(status=status, headers=headers, body=text.encode())
        own = [*error.headers.items(), ("Content-Type", JSON)]
        headers = self._response_headers(asked, family, request_id, own)
        return web.Response(status=error.status, headers=headers, body=error_body(family, error, request_id))


def _bug(error: Exception, request_id: str, path: str) -> GatewayError:
    log.error("%s %s: a bug in aigw or in a plugin", request_id, path, exc_info=error)
    return GatewayError(500, f"aigw failed; its log has {request_id}", kind="api_error", code="internal")


class _Streamed(web.StreamResponse):
    """Its head leaves with its first piece, in one write."""

    _send_headers_immediately = False


def _origin_form(target: str) -> str:
    """The path and query of a request target, also of one in absolute form (`GET http://host/path`)."""
    if target.startswith("/") or target == "*":
        return target
    return "/" + target.partition("://")[2].partition("/")[2]


@lru_cache(maxsize=256)
def is_upload(content_type: str) -> bool:
    """True for bodies that are passed on piece by piece: files, not text that a plugin could read (clients.md E17)."""
    kind = content_type.partition(";")[0].strip().lower()
    return not (
        kind == ""
        or kind.startswith("text/")
        or "json" in kind
        or kind in ("application/x-www-form-urlencoded", "application/xml")
    )


def no_route(request: Request) -> GatewayError:
    if "/v1/v1/" in request.path:
        return GatewayError(
            404, f"{request.path}: the base URL ends in /v1 and the client adds it again", code="unknown_url"
        )
    return GatewayError(404, f"no route for {request.method} {request.path}", code="unknown_url")
