"""One request as it is sent to a provider, and what is needed to read its answer."""

from __future__ import annotations

from typing import NamedTuple

from aigw.core.dialect import Dialect
from aigw.core.model import Request, Target


class Call(NamedTuple):
    """`dialect` is the wire format of the request and its answer. `model` is the mapped model. `incremental` is true if
    each event of a native stream of DashScope contains only the new text."""

    request: Request
    target: Target
    api: str | None
    dialect: Dialect
    model: str = ""
    streaming: bool = False
    incremental: bool = True
