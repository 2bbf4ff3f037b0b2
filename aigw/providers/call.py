"""One request as it goes to a provider, and what its answer is read by."""

from __future__ import annotations

from typing import NamedTuple

from aigw.core.model import Request, Target


class Call(NamedTuple):
    """`model` is the mapped one. `wants_usage`: the client itself asked for a usage chunk. `incremental`: each event
    of a native stream holds only what is new. `encoding_format`: what an embeddings client asked for. `choices`: how
    many answers (`n`)."""

    request: Request
    target: Target
    api: str | None
    model: str = ""
    streaming: bool = False
    wants_usage: bool = False
    incremental: bool = True
    encoding_format: str = ""
    choices: int = 1
