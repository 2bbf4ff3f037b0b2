"""Marks what leaves with the gateways that it has passed, so that a gateway notices what comes back to it.

Rule: the mark goes with everything that a request causes, also with a plugin's own calls, whatever headers they have.
So it is a context variable: the edge sets it, the door writes it."""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import NamedTuple

from multidict import CIMultiDict

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.headers import VIA_HEADER

MOST = 16
"""A request that has passed this many gateways is taken to go in a circle, through gateways that do not share an id."""
KEEP_ALIVE = "keep-alive"
"""The header with the mark of a gateway with `fidelity: higress`. It belongs to the connection, so that the provider
gets the same headers as from Higress. The mark is `via="..."`, an extension that servers ignore (RFC 2068 19.7.1.1)."""
_MARK = re.compile(r"1\.1 aigw-[\w.-]+")
_EXTENSION = re.compile(r'via="([^"]*)"')


class Mark(NamedTuple):
    """A header for all that the current request causes: what the request brought, and this gateway."""

    name: str
    value: str


passed: ContextVar[Mark | None] = ContextVar("passed", default=None)


def arrive(headers: CIMultiDict[str], instance: str, name: str) -> None:
    """`headers` are those of the request, `instance` is the id of this gateway, `name` the header for its mark. Raises
    GatewayError 508 if the request has been here before. The gateway that sent it recognizes the answer, and says
    where its configuration leads back."""
    own = f"1.1 aigw-{instance}"
    given = headers.getall(VIA_HEADER) if VIA_HEADER in headers else []
    if KEEP_ALIVE in headers:
        given = [*given, *_EXTENSION.findall(",".join(headers.getall(KEEP_ALIVE)))]
    if given:
        marks = _MARK.findall(",".join(given))
        if own in marks or len(marks) >= MOST:
            message = "this request has passed this gateway before: something that it goes through leads back to it"
            raise UpstreamError(UpstreamFault.LOOP, message).answer()
        own = ", ".join([*(given if name == VIA_HEADER else marks), own])
    passed.set(Mark(name, own if name == VIA_HEADER else f'via="{own}"'))
