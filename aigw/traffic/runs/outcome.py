"""What a client got for one call, and how two of these differ.

Rule: tokens, costs and times vary from run to run, so they are shown but do not count as a change of an answer. Neither
do ids of tool calls."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any, NamedTuple

from msgspec import Struct

from aigw.core.tokens import Tokens
from aigw.traffic.format.recording import Call, Folded


class Outcome(Struct, frozen=True, kw_only=True):
    """What a client got for a call. `status` is 0 if there was no answer. `broken` is true if the answer broke off, and
    `left` if the client did not read it to its end. `digest` is the digest of a body without readable texts, "" for
    others. `service` is the type of the provider, or the host, and `model` is the model that was sent. `usd` is None if
    the cost is not known. `remark` has a few words of plugins about the call."""

    status: int
    answer: Folded = Folded()
    ms: float = 0.0
    broken: bool = False
    left: bool = False
    digest: str = ""
    service: str = ""
    model: str = ""
    tokens: Tokens = Tokens()
    usd: float | None = None
    remark: str = ""

    @property
    def failed(self) -> bool:
        return not 0 < self.status < 400 or self.broken or bool(self.answer.error)

    @property
    def count(self) -> int | None:
        """The sum of all tokens, None if none are known."""
        prompt, output = self.tokens.prompt, self.tokens.output
        return None if prompt is None and output is None else (prompt or 0) + (output or 0)


def changed(old: Outcome, new: Outcome) -> list[str]:
    """Returns the names of what differs for the client: status, error, text, calls, finish, body. If an answer was not
    read to its end, only the statuses are compared."""
    if old.status != new.status:
        return ["status"]
    if old.failed or new.failed:
        return ["error"] if old.failed != new.failed else []
    if old.left or new.left:
        return []
    pairs = (
        ("text", old.answer.text, new.answer.text),
        ("calls", _calls(old.answer.calls), _calls(new.answer.calls)),
        ("finish", old.answer.finish, new.answer.finish),
        ("body", old.digest, new.digest),
    )
    return [name for name, before, after in pairs if before != after]


def _calls(calls: Iterable[Call]) -> list[tuple[str, Any]]:
    return [(call.name, _value(call.arguments)) for call in calls]


def _value(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments


class Figures(NamedTuple):
    """The figures of many calls. `usd` is the sum of the known costs, and `unpriced` counts the calls whose cost is not
    known. `ms` is the median of the times until an answer ended."""

    calls: int
    errors: int
    tokens: int
    usd: float
    unpriced: int
    ms: float

    @property
    def cost(self) -> float | None:
        """The cost in USD, None if it is not known."""
        return None if self.calls and self.unpriced == self.calls else self.usd


def figures(outcomes: Iterable[Outcome]) -> Figures:
    found = list(outcomes)
    return Figures(
        len(found),
        sum(each.failed for each in found),
        sum(each.count or 0 for each in found),
        sum(each.usd or 0.0 for each in found),
        sum(each.usd is None for each in found),
        round(median(each.ms for each in found), 1) if found else 0.0,
    )


def tokens_of(counts: Mapping[str, int]) -> Tokens:
    """Returns the tokens in a recording."""
    known = {name: count for name, count in counts.items() if name in _KINDS}
    return Tokens(**known, source="reported") if known else Tokens()


_KINDS = frozenset(Tokens.__struct_fields__) - {"source"}
