"""The record of one traced request: its format. `server.trace` makes it.

Rule: everything in it has gone through the redaction, and it has at most MAX_BYTES. A field that is absent has its
default, so that a reader of this version understands older files."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

VERSION = 1


class Was(Struct, array_like=True, frozen=True):
    """A text before and after; None = there was none."""

    old: str | None
    new: str | None


class HeaderChange(Struct, frozen=True):
    name: str
    old: str | None = None
    new: str | None = None


class BodyChange(Struct, frozen=True):
    """`op` is add, remove or replace; values are JSON, cut and redacted."""

    op: str
    path: str
    old: str = ""
    new: str = ""


class Changed(Struct, frozen=True, omit_defaults=True):
    """What a plugin changed in a request. `sizes` and `hashes` (of bytes) only for bodies that are not compared as
    JSON. `more`: there were more changes than are shown."""

    method: Was | None = None
    path: Was | None = None
    query: Was | None = None
    headers: list[HeaderChange] = []
    body: list[BodyChange] = []
    sizes: tuple[int, int] | None = None
    hashes: tuple[str, str] | None = None
    more: bool = False

    def __bool__(self) -> bool:
        return self != Changed()


class Answered(Struct, frozen=True, omit_defaults=True):
    """What a plugin changed in the answer. `replaced`: it is another one; `rewritten`: its body goes through this
    plugin."""

    status: tuple[int, int] | None = None
    headers: list[HeaderChange] = []
    replaced: bool = False
    rewritten: bool = False

    def __bool__(self) -> bool:
        return self != Answered()


class Step(Struct, frozen=True, omit_defaults=True):
    """A plugin's turn, or an upstream's (`kind`). `again` counts the further times that a plugin passed the request
    on.

    `in_ms` is its own time until it passed the request on, `out_ms` after the answer was back; an upstream has
    `in_ms` until its answer began. `why` says which configuration applied, as in `PluginRules.why`. `status` is set
    where it answered itself, and for an upstream."""

    kind: str
    name: str = ""
    again: int = 0
    why: dict[str, Any] = {}
    in_ms: float = 0.0
    out_ms: float = 0.0
    changed: Changed = Changed()
    reply: Answered = Answered()
    status: int = 0
    origin: str = ""
    error: str = ""


class TraceRecord(Struct, frozen=True, omit_defaults=True):
    """One request. `at` is in seconds since 1970; `wait_ms` is how long the upstreams took to begin an answer,
    `first_ms` when the first event left. `absent` are the configured plugins that took no part, `left_out` counts
    steps. `cut`: details were left out to keep it small."""

    v: int
    id: str
    at: float
    route: str = ""
    service: str = ""
    host: str = ""
    consumer: str = ""
    method: str = ""
    path: str = ""
    query: str = ""
    body_bytes: int | None = None
    status: int = 0
    streaming: bool = False
    outcome: str = ""
    error: str = ""
    total_ms: float = 0.0
    wait_ms: float = 0.0
    first_ms: float | None = None
    absent: list[str] = []
    steps: list[Step] = []
    left_out: int = 0
    cut: bool = False
