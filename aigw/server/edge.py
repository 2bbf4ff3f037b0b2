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
from operator import attrgetter
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
from aigw.core.pace import LARGE
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
from aigw.server.delivered import had_all
from aigw.server.framing import Framing
from aigw.server.guard import Guard
from aigw.server.http1.connection import Response
from aigw.server.http1.request import HttpRequest
from aigw.server.http1.response import PlainResponse, StreamedResponse
from aigw.server.intake import Intake
from aigw.server.page.watch import Watch
from aigw.server.process_limits import SMALL, Space, is_scarce, overloaded
from aigw.server.routes import no_route

log = logging.getLogger("aigw")

CLIENT_LEFT = 499
"""nginx's status for a client that closed the connection. Only the log has it."""


Record = Callable[[Exchange, int, Outcome, str], None]
"""Called when a request has ended, with the status that the client got, how it ended, and the code of its error."""


class _Served:
    """A request while it is served, and how it ended, for the books. `dialect` is the dialect of its path. `exchange`
    is None until the request has a route."""

    __slots__ = ("dialect", "error", "exchange", "http", "id", "outcome", "path", "status")

    def __init__(self, http: HttpRequest, id: str, path: str, dialect: Dialect) -> None:
        self.http = http
        self.id = id
        self.path = path
        self.dialect = dialect
        self.exchange: Exchange | None = None
        self.status = 500
        self.outcome = Outcome.FAILED
        self.error = ""

    def look(self, batch: Batch) -> None:
        """Reads the code of an error that a provider or a plugin answered, from the beginning of its body."""
        self.error = self.error or code_of(raw_of(batch))


class Edge:
    """The handler of connections. `find_route` returns None if no route matches. `record` is called for every request
    that has a route. `jobs` keeps the deferred jobs of requests. `admin` answers the paths under `/-/`, and the paths
    of FRONT if no route has an upstream for them. `instance` is the id by which the gateway recognizes its own
    requests. `explain` adds a remedy to an error, by the path of the request. `watch` says whether somebody wants to
    see the details of requests. `framing` says into which pieces answers are cut; None means as they come."""

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
        headers, target = http.headers, http.target  # plugins get a copy of the headers
        raw, _, query = (target if target.startswith("/") else _origin_form(target)).partition("?")
        path, api, given = self._read_path(raw)
        served = _Served(http, self._env.new_id(), path, dialect_for(api, headers, path or raw))
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
            chain = found[1]
            exchange = await self._take_in(served, request, found[0], chain, api)
            current.set(ref(exchange))
            watched = chain.watched if self._watch.on and chain.watched is not None and self._watch.admits() else None
            reply = await (watched or chain.call)(exchange)
            return await self._pump(served, exchange, reply)
        except asyncio.CancelledError:
            if http.peer.stopping:
                return self._refuse(served, _stopped())
            served.status, served.outcome = CLIENT_LEFT, Outcome.ABORTED
            raise
        except GatewayError as error:
            served.outcome = Outcome.COMPLETE
            return self._refuse(served, self._explain(error, path))
        except UpstreamError as error:
            log.warning("%s %s: %s", served.id, path, error)
            return self._refuse(served, error.answer())
        except Exception as error:  # noqa: BLE001
            if isinstance(error, ConnectionError) and http.peer.gone:
                served.status, served.outcome = CLIENT_LEFT, Outcome.ABORTED
                return PlainResponse(status=CLIENT_LEFT)  # it is gone: nobody reads this
            return self._refuse(served, _bug(error, served.id, path))
        finally:
            if self._space.held:
                self._space.give(served.id)
            if served.exchange is not None:
                try:
                    await served.exchange.aclose()
                finally:
                    self._record(served.exchange, served.status, served.outcome, served.error)

    async def _take_in(self, served: _Served, request: Request, route: Route, chain: Chain, api: str) -> Exchange:
        """Reads the body of a request as its chain needs it, and makes its exchange."""
        http = served.http
        undone: tuple[str, ...] = ()
        mislabelled = False
        try:
            undone = await self._intake.read(http, request, served.id, api, bare=chain.bare)
            if len(request.body) > SMALL:
                self._space.take(served.id, len(request.body))
            if chain.parses:
                await aside(len(request.body), request.parse)
                reads = self._reads_any_label and api and request.parsed is None
                if mislabelled := bool(reads) and bodies.is_mislabelled(request):
                    await hold(request)
        except BaseException:
            request.body, request.upload = b"", None
            raise
        finally:  # also if the client leaves: it is written down all the same
            exchange = served.exchange = Exchange(
                id=served.id,
                request=request,
                route=route,
                api=api,
                dialect=served.dialect,
                client=http.peer.remote,
                arrived=http.peer.arrived,
                jobs=self._jobs,
            )
        own = exchange.request
        for name in undone:
            own.headers.popall(name, None)
        if mislabelled:
            own.headers["content-type"] = JSON
            await aside(len(own.body), own.parse)
        if self._refuses_duplicate_names and own.parsed is not None:
            await aside(len(own.body), bodies.refuse_duplicate_names, own.parsed)
        if own.parsed is None and len(own.body) > LARGE and chain.parses:
            # a form is searched for it
            exchange.named = await aside(len(own.body), attrgetter("model"), exchange.asked)
        elif chain.parses:
            exchange.named = exchange.asked.model
        return exchange

    async def settled(self, seconds: float | None = None) -> None:
        """Waits until the deferred jobs of its requests are done, `seconds` at most."""
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=seconds)

    def _front(self, http: HttpRequest, path: str, found: tuple[Route, Chain] | None) -> PlainResponse | None:
        """Returns the answer of a path of FRONT, unless the path belongs to a route's own upstream."""
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

    async def _pump(self, served: _Served, exchange: Exchange, reply: Reply) -> Response:
        http, timing, clock = served.http, exchange.timing, self._env.clock
        served.status, served.outcome = reply.status, Outcome.COMPLETE
        if reply.status >= 400:
            reply.tap(served.look)
        if self._framing is not None:
            reply = self._framing.around(reply)
        headers = self._response_headers(served, exchange.dialect, reply.headers)
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
            await self._break_off(served, exchange, streamed, reply, _stopped())
            return streamed
        except Exception as error:
            gone = http.peer.gone
            if not gone and streamed.begun:
                await self._break_off(served, exchange, streamed, reply, error)
            elif not (gone and await had_all(exchange, reply, batch, error)):
                raise
            return streamed
        with suppress(ConnectionError):  # the client may close the connection once it has everything
            await streamed.end()
        return streamed

    async def _break_off(
        self, served: _Served, exchange: Exchange, response: StreamedResponse, reply: Reply, error: Exception
    ) -> None:
        """Tells the client that its answer is not complete: by an error event or element, or by breaking the
        connection. After an error event the stream ends properly and the connection stays open, because the client
        sends its next request there. Only a stream that has no mark of its end breaks, too: clients that read past the
        event, as google-genai did up to 1.30, would take it for whole."""
        shown = error.answer() if isinstance(error, UpstreamError) else error
        if not isinstance(shown, GatewayError):
            shown = _bug(shown, served.id, served.path)
        served.outcome, served.error = Outcome.FAILED, shown.code or ""
        log.warning("%s %s broke off: %s", served.id, served.path, shown.message)
        if reply.streaming or reply.in_array:
            element = b"," + exchange.dialect.error(shown, served.id) + b"]"
            await response.write(element if reply.in_array else exchange.dialect.error_event(shown, served.id))
            if reply.in_array or exchange.dialect.marks_end:
                await response.end()
            else:
                await response.cut()
        else:
            served.http.peer.abort()

    def _response_headers(
        self,
        served: _Served,
        dialect: Dialect,
        headers: Mapping[str, str] | Iterable[tuple[str, str]],
    ) -> CIMultiDict[str]:
        """The headers of an answer: the provider's, our request id, the request id under the SDKs' names, and CORS."""
        asked, out = served.http.headers, CIMultiDict(headers)
        out[ID_HEADER] = served.id
        if "x-request-id" not in out and "request-id" not in out:
            out[dialect.request_id_header] = served.id
        if "origin" in asked:
            for name in [name for name in out if name.lower().startswith("access-control-")]:
                out.popall(name, None)
            for name, value in self._guard.cors(asked).items():
                out.add(name, value)
        return out

    def _refuse(self, served: _Served, error: GatewayError) -> PlainResponse:
        """Answers with an error in the caller's own shape."""
        served.status, served.error, kind = error.status, error.code or error.kind, JSON
        if error.plain is not None and self._plain_errors:
            (served.status, text), kind = error.plain, "text/plain"
            body = text.encode("utf-8", "replace")
        else:
            body = served.dialect.error(error, served.id)
        own = [*error.headers.items(), ("Content-Type", kind)]
        headers = self._response_headers(served, served.dialect, own)
        return PlainResponse(status=served.status, headers=headers, body=body)


def _stopped() -> GatewayError:
    return GatewayError(503, "the gateway was stopped before this answer ended", kind="api_error", code="stopping")


def _spent(timing: Timing, now: float) -> str:
    """The value of `x-aigw-time`, as in Server-Timing: the gateway's own milliseconds, and its waits for providers."""
    own = now - timing.arrived - timing.waited
    return f"own;dur={own * 1000:.2f}, wait;dur={timing.waited * 1000:.2f}"


def _bug(error: Exception, request_id: str, path: str) -> GatewayError:
    """Returns the answer to an unexpected exception. It is no bug if the system was out of memory or descriptors."""
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
    """Takes the path as it is written: another spelling is another path, as in Higress."""
    return Place(path, apis.detect(path) or "")


def _origin_form(target: str) -> str:
    """The path and query of a request target in absolute form (`GET http://host/path`), or "*"."""
    return target if target == "*" else "/" + target.partition("://")[2].partition("/")[2]
