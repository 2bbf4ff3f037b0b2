"""The one door: every request that leaves the gateway goes through a switch, which chooses the transport by the scheme
of the origin. What goes into the network is marked with the gateways that it has passed."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.hops import passed
from aigw.core.model import Request, Target
from aigw.core.upstream import Upstream, UpstreamResponse

_NETWORK = ("http", "https")


class Switch:
    """An `Upstream`. `transports` are by scheme. A transport may serve several schemes."""

    def __init__(self, transports: Mapping[str, Upstream]) -> None:
        self._transports = dict(transports)

    def send(self, request: Request, target: Target) -> Coroutine[Any, Any, UpstreamResponse]:
        origin = target.origin
        transport = self._transports.get(origin.scheme)
        if transport is None:
            message = f"{origin}: there is no transport for {origin.scheme!r}, only for {_list(self._transports)}"
            raise UpstreamError(UpstreamFault.CONNECT, message)
        if origin.scheme in _NETWORK and (mark := passed.get()):
            request.headers[mark.name] = mark.value
        return transport.send(request, target)

    async def aclose(self) -> None:
        for transport in dict.fromkeys(self._transports.values()):
            await transport.aclose()


def _list(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(names))
