"""The server's sockets and its life: it listens, serves, and stops without cutting the answers in flight."""

from __future__ import annotations

import errno
import socket
import sys

from aigw.core.errors import AddressError
from aigw.server.accept import Acceptor
from aigw.server.http1.connection import Connection, Handler
from aigw.server.process_limits import most_connections

BACKLOG = 1024
SPREADS = sys.platform == "linux"
"""Whether the system spreads connections over the sockets that share an address. Others, such as macOS, give all of
them to one socket."""
LAST_SECONDS = 1.0
"""How long answers that were cut off may take to say so."""


class Listener:
    """One HTTP server on one socket."""

    def __init__(self, handler: Handler, *, grace: float) -> None:
        """`grace`: when the server stops, answers in flight get so many seconds to end."""
        self._handler = handler
        self._grace = grace
        self._acceptor = Acceptor(self._connection, most_connections())

    def _connection(self) -> Connection:
        acceptor = self._acceptor
        return Connection(self._handler, acceptor.is_full, acceptor.left)

    async def start(
        self, host: str, port: int, *, shared: bool = False, inherited: int | None = None
    ) -> tuple[str, int]:
        """Listens, and returns the address. `shared` means what it means for `bind`. `inherited` is a socket on which
        several processes listen together, as a descriptor. Raises OSError if the address is taken."""
        sock = bind(host, port, shared=shared) if inherited is None else socket.socket(fileno=inherited)
        sock.set_inheritable(False)
        self._acceptor.start(sock, BACKLOG)
        return sock.getsockname()[:2]  # type: ignore[no-any-return]

    async def stop(self) -> None:
        """Stops listening. Answers in flight may end within the grace; then they are cut off."""
        acceptor = self._acceptor
        await acceptor.stop()
        acceptor.each(Connection.finish)
        await acceptor.gone(self._grace)
        acceptor.each(Connection.cut)
        await acceptor.gone(LAST_SECONDS)
        acceptor.each(Connection.abort)
        await acceptor.gone(LAST_SECONDS)


def cannot_listen(host: str, port: int, error: OSError) -> AddressError:
    at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    message = f"aigw cannot listen on {at}: {error.strerror or error}; choose another port with --port"
    return AddressError(message, (host, port) if error.errno == errno.EADDRINUSE else None)


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A socket that can listen on `host`: a name, an IPv4 or an IPv6 address; a name that has both, such as localhost,
    means IPv4 on all systems. Several sockets of one user can have the same address if all are `shared`; the system
    spreads the connections over them. Raises OSError."""
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    sock = socket.socket(family, kind, protocol)
    try:
        if sys.platform == "win32":  # where others could share the address otherwise
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(address)
    except BaseException:
        sock.close()
        raise
    return sock
