"""The HTTP edge: it takes a request, sends an exchange through the chain of its route, and writes the
response.

This is the one place that catches every exception. Before the first byte an exception becomes an error in the
caller's own shape; after it, an event in the stream. The loop in `_pump` pulls: a slow reader slows the reading from
upstream."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from weakref import ref

from multidict import CIMultiDict

from aigw.core.aside import aside
from aigw.core.dialect import Dialect
from aigw.core.env import Env
from aigw.core.errors import GatewayError, UpstreamError
from aigw.core.exchange import Exchange, Jobs, Timing, current
from aigw.core.headers import ID_HEADER, VIA_HEADER
from aigw.core.hops import KEEP_ALIVE, arrive
from aigw.core.layers import Outcome
from aigw.core.model import Batch, Request, Route, raw_of
from aigw.core.reply import Reply
from aigw.dialects import apis, paths
from aigw.dialects.error_code import code_of
from aigw.dialects.form import hold
from aigw.dialects.openai_error import JSON
from aigw.dialects.paths import Place
from aigw.dialects.table import dialect_for
from aigw.pipeline.pipeline import Chain
from aigw.server import bodies
from aigw.server.admin import FRONT, PREFIX, PROBES, Admin
from aigw.server.framing import Framing
from aigw.server.guard import Guard
from aigw.server.http1.connection import Response
from aigw.server.http1.request import HttpRequest
from aigw.server.http1.response import PlainResponse, StreamedResponse
from aigw.server.intake import Intake
from aigw.server.leaving import had_all
from aigw.server.page.watch import Watch
from aigw.server.process_limits import SMALL, Space, is_scarce, overloaded
from aigw.server.routes import no_route

log = logging.getLogger("aigw")

CLIENT_LEFT = 499
"""nginx's status for a client that closed the connection. Only the log has it."""


Record = Callable[[Exchange, int, Outcome, str], None]
"""Called when a request has ended, with the status that the client got, how it ended, and the code of its error."""


class _End:
    """How a request ended, for the books."""

    __slots__ = ("error", "outcome", "status")

    def __init__(self) -> None:
        self.status = 500
        self.outcome = Outcome.FAILED
        self.error = ""

    def look(self, batch: Batch) -> None:
        """Reads the code of an error that a provider or a plugin answered, from the beginning of its body."""
        self.error = self.error or code_of(raw_of(batch))


class Edge:
    """The handler of connections. `find_route` returns None if no route matches. `record` is called for every request
    that came to a route. `jobs` keeps the jobs that requests deferred. `admin` answers the paths under `/-/`, and its
    FRONT where no route has an upstream for them. `instance` is the id by which the gateway knows its own requests.
    `explain` adds to an error what can be done about it, by its path. `watch` says whether somebody wants to see the
    details of requests. `framing` is how answers are written, None: as
    they come."""

    def __init__(
        self,
        find_route: Callable[[Request], tuple[Route, Chain] | None],
        *,
        env: Env,
        guard: Guard,
        max_body: int,
        max_kept: int,
        body_seconds: float,
        admin: Admin,
        record: Record,
        jobs: Jobs,
        instance: str,
        explain: Callable[[GatewayError, str], GatewayError],
        watch: Watch,
        framing: Framing | None = None,
    ) -> None:
        self._find_route = find_route
        self._env = env
        self._guard = guard
        self._admin = admin
        self._record = record
        self._jobs = jobs
        self._space = Space()
        self._read_path = env.choose(safe=_plain, higress=_as_given)
        self._instance = instance
        self._explain = explain
        self._framing = framing
        self._watch = watch
        self._mark = env.choose(safe=VIA_HEADER, higress=KEEP_ALIVE)
        self._has_pages = env.choose(safe=True, higress=False)
        self._refuses_duplicate_names = env.choose(safe=True, higress=False)
        self._plain_errors = env.choose(safe=False, higress=True)
        self._reads_any_label = env.choose(safe=True, higress=False)
        bounds = bodies.Bounds(max_body, env.choose(safe=body_seconds, higress=0.0))
        kept = env.choose(safe=max_kept, higress=0)
        self._intake = Intake(bounds, kept, self._space, reads_any_label=self._reads_any_label)

    async def __call__(self, http: HttpRequest) -> Response:
        env = self._env
        request_id = env.new_id()
        headers, target = http.headers, http.target  # plugins get a copy of the headers
        raw, _, query = (target if target.startswith("/") else _origin_form(target)).partition("?")
        path, api, given = self._read_path(raw)
        dialect = dialect_for(api, headers, path or raw)
        exchange: Exchange | None = None
        end = _End()
        try:
            arrive(headers, self._instance, self._mark)
            if early := self._answer_early(http, headers, path):
                return early
            if path.startswith(PREFIX):
                answer = await self._admin.answer(http, path, query)
                answer.headers.update(self._guard.cors(headers))
                return answer
            if not path:
                raise GatewayError(404, "the path can be read in more than one way", code="unknown_url")
            request = Request(http.method, path, query, headers, given=given)
            found = self._find_route(request)
            if path in FRONT and (page := self._front(http, path, found)):
                return page
            if found is None:
                raise no_route(request)
            route, chain = found
            try:
                undone = await self._intake.read(http, request, request_id, api, bare=chain.bare)
                if len(request.body) > SMALL:
                    self._space.take(request_id, len(request.body))
                if chain.parses:
                    await aside(len(request.body), request.parse)
                reads = self._reads_any_label and api and chain.parses
                if mislabelled := reads and request.parsed is None and bodies.is_mislabelled(request):
                    await hold(request)
            except BaseException:  # also if the client leaves: it is written down all the same
                request.body, request.upload = b"", None
                exchange = self._exchange(http, request_id, request, route, api, dialect)
                raise
            exchange = self._exchange(http, request_id, request, route, api, dialect)
            for name in undone:
                exchange.request.headers.popall(name, None)
            if mislabelled:
                exchange.request.headers["content-type"] = JSON
                await aside(len(exchange.request.body), exchange.request.parse)
            if self._refuses_duplicate_names and exchange.request.parsed is not None:
                await aside(len(exchange.request.body), bodies.refuse_duplicate_names, exchange.request.parsed)
            if chain.parses:
                exchange.named = exchange.asked.model
            current.set(ref(exchange))
            call = chain.call
            if self._watch.on and chain.watched is not None and self._watch.admits():
                call = chain.watched
            reply = await call(exchange)
            return await self._pump(http, exchange, reply, end)
        except asyncio.CancelledError:
            if http.peer.stopping:
                return self._refuse(http, headers, dialect, _stopped(), request_id, end)
            end.status, end.outcome = CLIENT_LEFT, Outcome.ABORTED
            raise
        except GatewayError as error:
            end.outcome = Outcome.COMPLETE
            return self._refuse(http, headers, dialect, self._explain(error, path), request_id, end)
        except UpstreamError as error:
            log.warning("%s %s: %s", request_id, path, error)
            return self._refuse(http, headers, dialect, error.answer(), request_id, end)
        except Exception as error:  # noqa: BLE001
            if isinstance(error, ConnectionError) and http.peer.gone:
                end.status, end.outcome = CLIENT_LEFT, Outcome.ABORTED
                return PlainResponse(status=CLIENT_LEFT)  # it is gone: nobody reads this
            return self._refuse(http, headers, dialect, _bug(error, request_id, path), request_id, end)
        finally:
            if self._space.held:
                self._space.give(request_id)
            if exchange is not None:
                try:
                    await exchange.aclose()
                finally:
                    self._record(exchange, end.status, end.outcome, end.error)

    async def settled(self, seconds: float | None = None) -> None:
        """Waits until the jobs are done that its requests deferred, at most for so long."""
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=seconds)

    def _exchange(
        self, http: HttpRequest, request_id: str, request: Request, route: Route, api: str, dialect: Dialect
    ) -> Exchange:
        return Exchange(
            id=request_id,
            request=request,
            route=route,
            api=api,
            dialect=dialect,
            client=http.peer.remote,
            arrived=http.peer.arrived,
            jobs=self._jobs,
        )

    def _front(self, http: HttpRequest, path: str, found: tuple[Route, Chain] | None) -> PlainResponse | None:
        """What the paths of FRONT answer, unless they belong to a route's own upstream."""
        taken = found is not None and found[0].target is not None
        return self._admin.front(http, path) if self._has_pages and not taken else None

    def _answer_early(self, http: HttpRequest, headers: CIMultiDict[str], path: str) -> PlainResponse | None:
        self._guard.check(headers, probe=path in PROBES)
        if not http.target.startswith("/") and "://" in http.target:
            self._guard.check_host(http.target.partition("://")[2].partition("/")[0].partition("?")[0])
        if http.method == "CONNECT":
            raise GatewayError(405, "this gateway makes no tunnels", code="method_not_supported")
        if http.method == "OPTIONS" and "access-control-request-method" in headers:
            return PlainResponse(status=204, headers=self._guard.preflight(headers))
        if "upgrade" in headers and "websocket" in headers["upgrade"].lower():
            raise GatewayError(
                426,
                "WebSocket connections are not supported; use HTTP",
                code="not_supported",
                headers={"Upgrade": "HTTP/1.1"},
            )
        return None

    async def _pump(self, http: HttpRequest, exchange: Exchange, reply: Reply, end: _End) -> Response:
        timing, clock = exchange.timing, self._env.clock
        end.status, end.outcome = reply.status, Outcome.COMPLETE
        if reply.status >= 400:
            reply.tap(end.look)
        if self._framing is not None:
            reply = self._framing.around(reply)
        headers = self._response_headers(exchange.original.headers, exchange.dialect, exchange.id, reply.headers)
        head_only = http.method == "HEAD"
        if reply.single and not head_only:
            headers.popall("content-length", None)
            body = await reply.body()
            headers["x-aigw-time"] = _spent(timing, clock.monotonic())
            response = PlainResponse(status=reply.status, headers=headers, body=body)
            if not http.peer.gone:
                response.send(http)  # the client has it before the books are told, 20 µs sooner
            return response
        if reply.streaming:
            headers.popall("content-length", None)
            headers.setdefault("Cache-Control", "no-cache")
            headers.setdefault("X-Accel-Buffering", "no")
        else:
            headers["x-aigw-time"] = _spent(timing, clock.monotonic())
        streamed = StreamedResponse(http, reply.status, headers)
        batch: Batch = ()
        try:
            async for batch in reply:
                if head_only:
                    continue
                if not streamed.begun:
                    timing.begun = clock.monotonic()
                    if reply.streaming:
                        timing.first = timing.begun
                await streamed.write(raw_of(batch))
        except asyncio.CancelledError:
            if not streamed.begun or not http.peer.stopping:
                raise
            await self._break_off(http, streamed, exchange, reply, _stopped(), end)
            return streamed
        except Exception as error:
            gone = http.peer.gone
            if not gone and streamed.begun:
                await self._break_off(http, streamed, exchange, reply, error, end)
            elif not (gone and await had_all(exchange, reply, batch, error)):
                raise
            return streamed
        with suppress(ConnectionError):  # the client may close the connection once it has everything
            await streamed.end()
        return streamed

    async def _break_off(
        self,
        http: HttpRequest,
        response: StreamedResponse,
        exchange: Exchange,
        reply: Reply,
        error: Exception,
        end: _End,
    ) -> None:
        """Tells the client that it does not have all: by an error event or element, or by breaking the connection.

        After an event the stream has its proper end, and the connection stays open: a client that finds no break sends
        its next request there, and must not find it closed."""
        shown = error.answer() if isinstance(error, UpstreamError) else error
        if not isinstance(shown, GatewayError):
            shown = _bug(shown, exchange.id, exchange.original.path)
        end.outcome, end.error = Outcome.FAILED, shown.code or ""
        log.warning("%s %s broke off: %s", exchange.id, exchange.original.path, shown.message)
        if reply.streaming or reply.in_array:
            element = b"," + exchange.dialect.error(shown, exchange.id) + b"]"
            await response.write(element if reply.in_array else exchange.dialect.error_event(shown, exchange.id))
            await response.end()
        else:
            http.peer.abort()

    def _response_headers(
        self,
        asked: CIMultiDict[str],
        dialect: Dialect,
        request_id: str,
        headers: Mapping[str, str] | Iterable[tuple[str, str]],
    ) -> CIMultiDict[str]:
        """The headers of an answer: the provider's, our request id, the request id under the SDKs' names, and CORS."""
        out = CIMultiDict(headers)
        out[ID_HEADER] = request_id
        if "x-request-id" not in out and "request-id" not in out:
            out[dialect.request_id_header] = request_id
        if "origin" in asked:
            for name in [name for name in out if name.lower().startswith("access-control-")]:
                out.popall(name, None)
            for name, value in self._guard.cors(asked).items():
                out.add(name, value)
        return out

    def _refuse(
        self,
        http: HttpRequest,
        asked: CIMultiDict[str],
        dialect: Dialect,
        error: GatewayError,
        request_id: str,
        end: _End,
    ) -> PlainResponse:
        end.status, end.error, kind = error.status, error.code or error.kind, JSON
        if error.plain is not None and self._plain_errors:
            (end.status, text), kind = error.plain, "text/plain"
            body = text.encode("utf-8", "replace")
        else:
            body = dialect.error(error, request_id)
        own = [*error.headers.items(), ("Content-Type", kind)]
        headers = self._response_headers(asked, dialect, request_id, own)
        return PlainResponse(status=end.status, headers=headers, body=body)


def _stopped() -> GatewayError:
    return GatewayError(503, "the gateway was stopped before this answer ended", kind="api_error", code="stopping")


def _spent(timing: Timing, now: float) -> str:
    """The value of `x-aigw-time`, as in Server-Timing: the gateway's own milliseconds, and its waits for providers."""
    own = now - timing.arrived - timing.waited
    return f"own;dur={own * 1000:.2f}, wait;dur={timing.waited * 1000:.2f}"


def _bug(error: Exception, request_id: str, path: str) -> GatewayError:
    """The answer where an exception was not expected. It is no bug if the system had nothing more to give."""
    if is_scarce(error):
        log.warning("%s %s: no memory or descriptors are left: %s", request_id, path, type(error).__name__)
        return overloaded()
    log.error("%s %s: a bug in aigw or in a plugin", request_id, path, exc_info=error)
    return GatewayError(500, f"aigw failed; its log has {request_id}", kind="api_error", code="internal")


def _plain(path: str) -> Place:
    """The path in its plain form. One that cannot be read is ""."""
    try:
        return paths.read(path)
    except ValueError:
        return Place("", "")


def _as_given(path: str) -> Place:
    """As in Higress: any other spelling is another path."""
    return Place(path, apis.detect(path) or "")


def _origin_form(target: str) -> str:
    """The path and query of a request target in absolute form (`GET http://host/path`), or "*"."""
    return target if target == "*" else "/" + target.partition("://")[2].partition("/")[2]
