"""One request as it goes to a provider, and what its answer is read by."""

from __future__ import annotations

from typing import NamedTuple

from aigw.core.dialect import Dialect
from aigw.core.model import Request, Target


class Call(NamedTuple):
    """`dialect` is the one in which the provider is asked and answers, `model` the mapped one. `incremental`: each
    event of a native stream holds only what is new."""

    request: Request
    target: Target
    api: str | None
    dialect: Dialect
    model: str = ""
    streaming: bool = False
    incremental: bool = True
