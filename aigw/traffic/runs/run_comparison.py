"""Compares two recorded runs: which calls were added, removed or moved, and what differs in the others.

Rule: requests are compared as they left the gateway, so that additions of the configuration to prompts count.
Corresponding calls are found by what their clients sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

from msgspec import UNSET

from aigw.pricing.prices import Prices
from aigw.traffic.format.call import Sent
from aigw.traffic.format.folder import Folder
from aigw.traffic.matching.canonical import canonical
from aigw.traffic.matching.identity import recorded
from aigw.traffic.matching.miss import Difference, differences
from aigw.traffic.runs.alignment import Item, aligned
from aigw.traffic.runs.client_calls import ClientCall, Run
from aigw.traffic.runs.costs import priced
from aigw.traffic.runs.outcome import Outcome, changed
from aigw.traffic.runs.resending import api_of
from aigw.traffic.volatility.rules import Numbers, Rules


class Compared(NamedTuple):
    """A call in both runs, or in one of them. `request` has the differences of the requests, `answer` the names of what
    differs in the answers."""

    old: ClientCall | None
    new: ClientCall | None
    before: Outcome | None
    after: Outcome | None
    moved: bool = False
    request: Sequence[Difference] = ()
    answer: Sequence[str] = ()

    @property
    def call(self) -> ClientCall:
        call = self.new or self.old
        assert call is not None
        return call

    @property
    def differs(self) -> bool:
        return self.old is None or self.new is None or self.moved or bool(self.request or self.answer)


class Comparison(NamedTuple):
    """The comparison of two runs. `old` and `new` are the outcomes of all calls of a run."""

    calls: list[Compared]
    old: list[Outcome]
    new: list[Outcome]

    @property
    def differs(self) -> bool:
        return any(call.differs for call in self.calls)


class Side(NamedTuple):
    """A run: its folder, its calls, and their outcomes with their costs."""

    folder: Folder
    run: Run
    outcomes: list[Outcome]

    @property
    def pairs(self) -> Iterable[tuple[ClientCall, Outcome]]:
        return zip(self.run.calls, self.outcomes, strict=True)


async def priced_run(folder: Folder, run: Run, prices: Prices) -> Side:
    return Side(folder, run, await priced([(call.api, call.at, call.outcome) for call in run.calls], prices))


def compare(old: Side, new: Side, rules: Rules, secrets: Iterable[str] = ()) -> Comparison:
    """Compares two runs. Reads calls that differ again. Raises RecordingError."""
    sides, hidden, found = (old, new), list(secrets), []
    before, after = ({call.name: (call, outcome) for call, outcome in side.pairs} for side in sides)
    items = ([_item(call, rules) for call in side.run.calls] for side in sides)
    for was, now, moved in aligned(*items):
        one, first = before[was.name] if was is not None else (None, None)
        other, second = after[now.name] if now is not None else (None, None)
        request = _request(old.folder, one, new.folder, other, rules, hidden) if one and other else []
        answer = changed(first, second) if first and second else []
        found.append(Compared(one, other, first, second, moved, request, answer))
    return Comparison(found, old.outcomes, new.outcomes)


def _request(
    old: Folder, one: ClientCall, new: Folder, other: ClientCall, rules: Rules, secrets: Sequence[str]
) -> list[Difference]:
    before, after = recorded(old.read(one.last), rules), recorded(new.read(other.last), rules)
    return [] if before.key == after.key else differences(before.value, after.value, secrets)


def _item(call: ClientCall, rules: Rules) -> Item:
    keys = canonical(call.client, "", rules).key, _last_turn(call, rules), call.api
    return Item(call.name, call.group, call.session, keys)


def _last_turn(call: ClientCall, rules: Rules) -> str:
    """Returns a digest of what the client said last, whatever came before."""
    request, numbers = call.client, Numbers()
    body = b"" if request.json is UNSET else bytes(request.json)
    sent = Sent(request.method, request.path, request.query, tuple(request.headers.items()), body)
    api, dialect = api_of(sent)
    try:
        turns = dialect.asked(sent.request(), api).turns
    except ValueError:
        turns = ()
    said = [rules.text(text, numbers) for turn in turns[-1:] for text in turn.texts]
    return blake2b(repr((api, said)).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
