"""An upstream for gateways that must send nothing: it takes the place of the network."""

from __future__ import annotations

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Request, Target
from aigw.core.upstream import UpstreamResponse


class ClosedUpstream:
    """An `Upstream` that opens no connection. `reason` says why."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def send(self, request: Request, target: Target) -> UpstreamResponse:
        raise UpstreamError(UpstreamFault.CONNECT, f"{target.origin}: {self._reason}")

    async def aclose(self) -> None:
        """There is nothing to close."""
