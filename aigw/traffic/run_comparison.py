"""Compares two recorded runs: which calls were added, removed or moved, and what differs in the others.

Rule: requests are compared as they left the gateway, so that what the configuration adds to prompts counts; calls are
found again by what their clients sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

from msgspec import UNSET

from aigw.pricing.prices import Prices
from aigw.traffic.alignment import Item, aligned
from aigw.traffic.call import Sent
from aigw.traffic.canonical import canonical
from aigw.traffic.client_calls import ClientCall, Run, read_run
from aigw.traffic.costs import priced
from aigw.traffic.folder import Folder
from aigw.traffic.identity import recorded
from aigw.traffic.miss import Difference, differences
from aigw.traffic.outcome import Outcome, changed
from aigw.traffic.resending import api_of
from aigw.traffic.volatility import Numbers, Rules


class Compared(NamedTuple):
    """A call in both runs, or in one of them. `request` is what differs in what was sent, `answer` are the names of
    what differs in what came back."""

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
    """`old` and `new` are the outcomes of all calls of a run."""

    calls: list[Compared]
    old: list[Outcome]
    new: list[Outcome]

    @property
    def differs(self) -> bool:
        return any(call.differs for call in self.calls)


async def compare(old: Folder, new: Folder, rules: Rules, prices: Prices, secrets: Iterable[str] = ()) -> Comparison:
    """Raises RecordingError."""
    runs = read_run(old), read_run(new)
    outcomes = [await _priced(run, prices) for run in runs]
    known = [{call.name: (call, outcome) for call, outcome in zip(run.calls, each, strict=True)}
             for run, each in zip(runs, outcomes, strict=True)]  # fmt: skip
    hidden = list(secrets)
    found = []
    for before, after, moved in aligned(*([_item(call, rules) for call in run.calls] for run in runs)):
        one, was = known[0][before.name] if before is not None else (None, None)
        other, now = known[1][after.name] if after is not None else (None, None)
        request = _request(old, one, new, other, rules, hidden) if one and other else []
        answer = changed(was, now) if was and now else []
        found.append(Compared(one, other, was, now, moved, request, answer))
    return Comparison(found, *outcomes)


async def _priced(run: Run, prices: Prices) -> list[Outcome]:
    return await priced([(call.api, call.at, call.outcome) for call in run.calls], prices)


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
