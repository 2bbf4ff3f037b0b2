"""Marks what leaves with the gateways that it has passed, so that a gateway notices what comes back to it.

Rule: the mark goes with everything that a request causes, also with a plugin's own calls, whatever headers they have.
So it is a context variable: the edge sets it, the door writes it."""

from __future__ import annotations

from contextvars import ContextVar

from aigw.core.errors import UpstreamError, UpstreamFault

MOST = 16
"""A request that has passed so many gateways goes round in a circle of gateways that do not share an id."""
_NAME = "aigw-"

passed: ContextVar[str] = ContextVar("passed", default="")
"""The value of `Via` for all that the current request causes: what the request brought, and this gateway."""


def arrive(given: str, instance: str) -> None:
    """`given` is the `Via` of the request, `instance` is the id of this gateway ("": it marks nothing). Raises
    GatewayError 508 if the request has been here before. The gateway that sent it recognizes the answer, and says
    where its configuration leads back."""
    own = f"1.1 {_NAME}{instance}" if instance else ""
    if given and instance:
        if own in given or given.count(_NAME) >= MOST:
            message = "this request has passed this gateway before: something that it goes through leads back to it"
            raise UpstreamError(UpstreamFault.LOOP, message).answer()
        own = f"{given}, {own}"
    passed.set(own)
