"""Sends requests through the HTTP proxy that the environment names, with aiohttp, and decides which requests need it.

Rule: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY mean what they mean to Python's urllib. Loopback addresses never
need a proxy. The first request that goes through a proxy loads aiohttp."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from multidict import CIMultiDict

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.headers import VIA_HEADER
from aigw.core.hops import KEEP_ALIVE
from aigw.core.model import Origin, Request, Target
from aigw.core.upstream import Upstream, UpstreamResponse
from aigw.upstream.head import HEAD_LIMIT, encode_head
from aigw.upstream.http import HttpUpstream, client_tls

if TYPE_CHECKING:
    import ssl

    import aiohttp


def upstream_for(environ: Mapping[str, str], refuse: Callable[[str], str] | None = None) -> Upstream:
    """Returns the upstream for a process with this environment. `refuse` is as in HttpUpstream; it cannot check
    connections that a proxy makes."""
    proxies = _proxies(environ)
    direct = HttpUpstream(refuse=refuse)
    return ProxyAwareUpstream(direct, proxies) if proxies.keys() - {"no"} else direct


class ProxyAwareUpstream:
    """An `Upstream` that decides by origin. In `proxies`, http, https and all are URLs of proxies, and no lists
    exceptions."""

    def __init__(self, direct: Upstream, proxies: Mapping[str, str], *, tls: ssl.SSLContext | None = None) -> None:
        self._direct = direct
        self._proxies = dict(proxies)
        self._tls = tls
        self._chosen: dict[Origin, Upstream] = {}
        self._through: dict[str, ProxiedUpstream] = {}

    async def send(self, request: Request, target: Target) -> UpstreamResponse:
        upstream = self._chosen.get(target.origin)
        if upstream is None:
            upstream = self._chosen[target.origin] = self._choose(target.origin)
        return await upstream.send(request, target)

    async def aclose(self) -> None:
        await self._direct.aclose()
        for upstream in self._through.values():
            await upstream.aclose()

    def _choose(self, origin: Origin) -> Upstream:
        proxy = self._proxies.get(origin.scheme) or self._proxies.get("all")
        if not proxy or _is_loopback(origin.host) or _is_exempt(origin, self._proxies.get("no", "")):
            return self._direct
        if proxy not in self._through:
            self._through[proxy] = ProxiedUpstream(proxy, tls=self._tls)
        return self._through[proxy]


class ProxiedUpstream:
    """An `Upstream` that uses one proxy. Each request has its own connection, so that none is ever stale."""

    def __init__(self, proxy: str, *, tls: ssl.SSLContext | None = None) -> None:
        self._proxy = proxy if "://" in proxy else f"http://{proxy}"
        self._place = self._proxy.partition("://")[2].rpartition("@")[2].partition("/")[0]  # without a password
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request, target: Target) -> UpstreamResponse:
        """Raises UpstreamError as HttpUpstream does; what the proxy itself refuses is CONNECT."""
        origin = target.origin
        try:
            encode_head(request, target.authority)
        except ValueError as error:
            raise UpstreamError(UpstreamFault.PROTOCOL, f"{origin}: the request was not sent: {error}") from None
        if urlsplit(self._proxy).scheme not in ("http", "https"):
            raise UpstreamError(UpstreamFault.CONNECT, f"{origin}: only http:// and https:// proxies can be used")
        import aiohttp

        if self._session is None:
            self._session = self._open_session()
        try:
            async with asyncio.timeout(None) as waiting:
                response = await self._start(self._session, request, target, waiting)
        except aiohttp.ConnectionTimeoutError:
            message = f"{origin}: no connection through the proxy {self._place} in {target.timeouts.connect:g} s"
            raise UpstreamError(UpstreamFault.CONNECT_TIMEOUT, message) from None
        except TimeoutError:
            message = f"{origin}: no answer in {target.timeouts.first_byte:g} s"
            raise UpstreamError(UpstreamFault.FIRST_BYTE_TIMEOUT, message) from None
        except aiohttp.ClientError as error:
            raise _translated(error, origin, self._place) from error
        return _Response(response, origin, target.timeouts.idle)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        import aiohttp

        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_sent)
        trace.on_request_chunk_sent.append(_sent)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls or client_tls(), force_close=True, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("accept", "accept-encoding", "content-type", "user-agent"),
            trace_configs=[trace],
            max_line_size=HEAD_LIMIT,
            max_field_size=HEAD_LIMIT,
        )

    async def _start(
        self, session: aiohttp.ClientSession, request: Request, target: Target, waiting: asyncio.Timeout
    ) -> aiohttp.ClientResponse:
        import aiohttp
        from yarl import URL

        headers = CIMultiDict(request.headers)
        for name in ("connection", "transfer-encoding", "host"):
            headers.popall(name, None)
        if request.upload is None:
            headers.popall("content-length", None)
        headers["host"] = target.authority
        return await session.request(
            request.method,
            URL(f"{target.origin}{request.target}", encoded=True),
            headers=headers,
            data=(request.body or None) if request.upload is None else request.pieces(),
            proxy=self._proxy,
            proxy_headers=_marks(headers),
            server_hostname=target.origin.tls_name or None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, connect=target.timeouts.connect),
            trace_request_ctx=(waiting, target.timeouts.first_byte),
        )


class _Response:
    """An `UpstreamResponse` and its body in one."""

    def __init__(self, response: aiohttp.ClientResponse, origin: Origin, idle: float) -> None:
        self.status = response.status
        self.headers = CIMultiDict(response.headers)
        self._response = response
        self._origin = origin
        self._idle = idle

    @property
    def body(self) -> _Response:
        return self

    def __aiter__(self) -> _Response:
        return self

    async def __anext__(self) -> bytes:
        import aiohttp

        try:
            async with asyncio.timeout(self._idle):
                data = await self._response.content.readany()
        except TimeoutError:
            self._response.close()
            message = f"{self._origin}: nothing more of the answer in {self._idle:g} s"
            raise UpstreamError(UpstreamFault.IDLE_TIMEOUT, message) from None
        except aiohttp.ClientError as error:
            self._response.close()
            raise _translated(error, self._origin, "") from error
        if not data:
            raise StopAsyncIteration
        return data

    async def aclose(self) -> None:
        self._response.close()


async def _sent(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
    """Restarts the wait for the first byte with each piece of the request that is sent."""
    waiting, seconds = context.trace_request_ctx
    with contextlib.suppress(RuntimeError):  # the answer was there before the request was complete
        waiting.reschedule(asyncio.get_running_loop().time() + seconds)


def _marks(headers: CIMultiDict[str]) -> dict[str, str]:
    """Returns headers for the proxy itself, so that a gateway that is its own proxy notices."""
    return {name: headers[name] for name in (VIA_HEADER, KEEP_ALIVE) if name in headers}


def _translated(error: aiohttp.ClientError, origin: Origin, proxy: str) -> UpstreamError:
    """`proxy` is its address, by which people find the variable that names it."""
    import aiohttp

    if isinstance(error, aiohttp.ClientHttpProxyError) and error.status == UpstreamFault.LOOP.status:
        return UpstreamError(UpstreamFault.LOOP, f"{origin}: the proxy in HTTPS_PROXY leads back to this gateway")
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return UpstreamError(UpstreamFault.CONNECT, f"{origin}: the proxy refused with status {error.status}")
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientSSLError):
        return UpstreamError(UpstreamFault.CONNECT, f"{origin}: cannot connect through the proxy {proxy}".rstrip())
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.InvalidURL):
        return UpstreamError(UpstreamFault.PROTOCOL, f"{origin}: this is not a valid answer")
    return UpstreamError(UpstreamFault.RESET, f"{origin}: the connection was closed")


def _proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """The proxies by scheme. If a variable is set in both spellings, the lower-case one counts, as everywhere."""
    found = sorted((name, value) for name, value in environ.items() if name.lower().endswith("_proxy"))
    return {name[: -len("_proxy")].lower(): value for name, value in found if value}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_exempt(origin: Origin, exceptions: str) -> bool:
    """True if NO_PROXY names the origin. It is `*`, or a list of names, with or without ports; a name includes the
    names below it."""
    addresses = (f".{origin.host}", f".{origin.host}:{origin.port}")
    names = [name.strip().lstrip(".").lower() for name in exceptions.split(",")]
    return "*" in names or any(name and address.endswith(f".{name}") for name in names for address in addresses)
