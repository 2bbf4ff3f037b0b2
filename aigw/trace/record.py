"""The format of the record of a traced request. build.py makes records.

Rule: everything in a record was redacted, and a record has at most MAX_BYTES. A missing field has its default, so that
this version can read older files."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from aigw.core.retrieval import Retrieved
from aigw.core.tokens import Tokens

VERSION = 1


class Was(Struct, array_like=True, frozen=True):
    """A text before and after a change; None: there was none."""

    old: str | None
    new: str | None


class HeaderChange(Struct, frozen=True):
    name: str
    old: str | None = None
    new: str | None = None


class BodyChange(Struct, frozen=True):
    """A change in a JSON body. `op` is add, remove or replace. Values are JSON, shortened and redacted."""

    op: str
    path: str
    old: str = ""
    new: str = ""


class Changed(Struct, frozen=True, omit_defaults=True):
    """What a plugin changed in a request. Bodies that are not compared as JSON have `sizes` and `hashes` of their
    bytes. `more` is true if there were more changes than are shown."""

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


class AnswerChange(Struct, frozen=True, omit_defaults=True):
    """What a plugin changed in the answer. `replaced`: it gave another answer. `rewritten`: the body goes through this
    plugin."""

    status: tuple[int, int] | None = None
    headers: list[HeaderChange] = []
    replaced: bool = False
    rewritten: bool = False

    def __bool__(self) -> bool:
        return self != AnswerChange()


class Step(Struct, frozen=True, omit_defaults=True):
    """The visit of a plugin or of an upstream (`kind`). `again` counts how often a plugin passed the request on before.

    `in_ms` is the plugin's own time before it passed the request on, `out_ms` its time after the answer was back. For
    an upstream `in_ms` is the time until its answer began. `why` says which configuration applied, as `PluginRules.why`
    does. `status` is set for an upstream, and for a plugin that answered itself."""

    kind: str
    name: str = ""
    again: int = 0
    why: dict[str, Any] = {}
    in_ms: float = 0.0
    out_ms: float = 0.0
    changed: Changed = Changed()
    reply: AnswerChange = AnswerChange()
    status: int = 0
    origin: str = ""
    error: str = ""


class TraceRecord(Struct, frozen=True, omit_defaults=True):
    """One request. `at` is in seconds since 1970. `wait_ms` is how long the upstreams took to begin an answer,
    `first_ms` when the first event left. `asked` is the model that the client named, `answered` the one that the
    provider says it used. `retrieved` are the passages that ai-rag put into the request, at most 20. `absent` are
    configured plugins that did not take part. `left_out` counts the steps that are not in it. `cut` is true if details
    were left out to keep it small."""

    v: int
    id: str
    at: float
    route: str = ""
    service: str = ""
    host: str = ""
    consumer: str = ""
    asked: str = ""
    answered: str = ""
    tokens: Tokens = Tokens()
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
    retrieved: list[Retrieved] = []
    absent: list[str] = []
    steps: list[Step] = []
    left_out: int = 0
    cut: bool = False
