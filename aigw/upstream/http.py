"""The HTTP/1.1 upstream, which sends nearly all requests of the gateway over the connections of connection.py.

Rule: if the peer has closed a kept connection, the request is sent again once, over a new one, unless the peer has had
it for so long that it may have begun to answer. A streamed request can be sent only once, so it always gets a new
connection."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

import aiohappyeyeballs

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Origin, Request, Target
from aigw.upstream.body import Response
from aigw.upstream.connection import Connection, UnansweredError
from aigw.upstream.head import encode_head
from aigw.upstream.pool import Pool

STALE_SECONDS = 1.0
"""Whoever has closed a kept connection says so within this time. Later, a model may have worked on the request, and
would be paid twice."""
NEXT_ADDRESS_SECONDS = 0.25
"""If an address of a name has not answered after this time, the next one is tried beside it (RFC 8305)."""


_UNKNOWN_ISSUERS = range(18, 22)
"""OpenSSL's numbers of errors about certificates whose issuer is not known here."""


def client_tls() -> ssl.SSLContext:
    """TLS settings with the certificates of the system (or SSL_CERT_FILE), for HTTP/1.1. Slow: it reads all of them."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class HttpUpstream:
    """An `Upstream`. It belongs to the event loop that uses it first. `tls` replaces the default TLS settings. `refuse`
    returns why no connection may be made to an IP address, "" if one may. It is called for each address of a name."""

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        max_idle: int = 256,
        idle_seconds: float = 55.0,
        refuse: Callable[[str], str] | None = None,
        stale_seconds: float = STALE_SECONDS,
    ) -> None:
        self._tls = tls
        self._stale_seconds = stale_seconds
        self._refuse = refuse
        self._pool: Pool[Connection] = Pool(max_idle=max_idle, idle_seconds=idle_seconds)

    @property
    def open_connections(self) -> int:
        """How many connections there are, idle or in use."""
        return self._pool.open_connections

    async def send(self, request: Request, target: Target) -> Response:
        origin = target.origin
        try:
            head = encode_head(request, target.authority)
        except ValueError as error:
            raise UpstreamError(UpstreamFault.PROTOCOL, f"{origin}: the request was not sent: {error}") from None
        if request.upload is None:
            connection = self._pool.take(origin)
            if connection is not None:
                try:
                    return await connection.exchange(head, request, target.timeouts)
                except UnansweredError as error:
                    if error.seconds >= self._stale_seconds:
                        raise
        connection = await self._connect(origin, target.timeouts.connect)
        return await connection.exchange(head, request, target.timeouts)

    async def aclose(self) -> None:
        self._pool.close()

    async def _connect(self, origin: Origin, seconds: float) -> Connection:
        try:
            async with asyncio.timeout(seconds):
                return await self._open(origin)
        except TimeoutError:
            message = f"{origin}: no connection in {seconds:g} s"
            raise UpstreamError(UpstreamFault.CONNECT_TIMEOUT, message) from None
        except (OSError, RuntimeError, ValueError, OverflowError) as error:
            # RuntimeError: uvloop, for some addresses; ValueError and OverflowError: an impossible name or port.
            raise UpstreamError(UpstreamFault.CONNECT, f"{origin}: cannot connect: {_reason(error)}") from error

    async def _open(self, origin: Origin) -> Connection:
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        if self._refuse is not None:
            reasons = [self._refuse(str(address[4][0])) for address in addresses]
            addresses = [address for address, reason in zip(addresses, reasons, strict=True) if not reason]
            if not addresses:
                raise UpstreamError(UpstreamFault.CONNECT, f"{origin}: {reasons[0]}")
        # uvloop's create_connection tries one address after the other, so the race is run here for both loops.
        sock = await aiohappyeyeballs.start_connection(addresses, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS, loop=loop)
        secure = origin.scheme == "https" or bool(origin.tls_name)
        if secure and self._tls is None:
            self._tls = client_tls()
        _, connection = await loop.create_connection(
            lambda: Connection(self._pool, origin, loop),
            sock=sock,
            ssl=self._tls if secure else None,
            server_hostname=(origin.tls_name or origin.host) if secure else None,
        )
        return connection


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        remedy = "; SSL_CERT_FILE may name a file of those that are trusted"
        known = error.verify_code not in _UNKNOWN_ISSUERS
        return f"its certificate is refused: {error.verify_message.rstrip('.')}{'' if known else remedy}"
    return str(error)
