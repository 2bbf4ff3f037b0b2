"""Finds out what would have become of recorded calls with another configuration, for `aigw what-if`: a gateway of that
configuration answers them, and its door answers from the recordings.

Rule: nothing is sent, and nothing is kept or counted outside of this process. Caches, counters and quotas begin empty.
The clock is that of the recordings, so that limits by the minute act as they would have."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace as changed_to

from aigw.books.books import Books
from aigw.cli.sources.changed_config import at_free_port, without_redis
from aigw.cli.sources.client_key import key_headers
from aigw.cli.sources.config_choice import ConfigChoice
from aigw.cli.sources.recordings import replayable
from aigw.cli.sources.remote import remote
from aigw.cli.sources.rows_by_id import RowsById
from aigw.config.load import Loaded, load
from aigw.config.secret_values import secrets_in
from aigw.core.model import Target
from aigw.core.upstream import Upstream
from aigw.pricing.prices import Prices
from aigw.server.gateway import run
from aigw.traffic.format.folder import Folder
from aigw.traffic.format.recording import Folded
from aigw.traffic.replay.player import FolderPlayer
from aigw.traffic.runs.client_calls import ClientCall, read_calls
from aigw.traffic.runs.costs import priced
from aigw.traffic.runs.outcome import Outcome
from aigw.traffic.runs.resending import Answer, ask
from aigw.traffic.runs.what_if_player import NAME_HEADER, Destination, RecordedClock, SupposedPlayer, recorded_to
from aigw.traffic.volatility.rules import Rules
from aigw.upstream.no_network import ClosedUpstream
from aigw.upstream.proxied import upstream_for
from aigw.upstream.tape import Tape

UNAUTHORIZED = 401
SETTLING_SECONDS = 5.0
"""How long the work after an answer, such as writing a cache, may take."""


class Supposed(NamedTuple):
    """A call as it was, and as it would have been. `sent` is None if it would not have left the gateway; `code`
    says why it was refused then."""

    call: ClientCall
    before: Outcome
    after: Outcome
    was: Destination
    sent: Destination | None
    cached: bool = False
    code: str = ""


class Supposition(NamedTuple):
    """What would have become of the calls of a run. `keyless` is true if calls were refused because the gateway asks
    for a key, of which recordings have none."""

    calls: list[Supposed]
    sessions: int
    keyless: bool


async def suppose(config: Path, path: Path, env: Mapping[str, str], done: Callable[[int, int], None]) -> Supposition:
    """Raises ConfigError, RecordingError."""
    folder = Folder(path)
    found = await asyncio.to_thread(read_calls, folder)
    loaded = load(config, replayable(path, ConfigChoice(config), env))
    books, kept, clock = Books(None, show=(shows := RowsById()).show), shows, RecordedClock()
    player = _player(folder, found.calls, loaded, books)
    around = lambda upstream: Tape(upstream, player, None, time)  # noqa: E731
    answers, keyless = [], False
    client = upstream_for({})
    ordered = sorted(found.calls, key=lambda call: call.at)
    try:
        async with run(
            without_redis(at_free_port(loaded)),
            ClosedUpstream("nothing is sent"),
            grace=0.0,
            books=books,
            around=around,
            clock=clock,
            state=loaded.state_dir,
        ) as own:
            target = remote(own.url).target
            for number, call in enumerate(ordered, 1):
                clock.set(call.at)
                headers = tuple(key_headers(loaded, env, call.source.consumer).items())
                answers.append(await _ask(client, target, call, folder, headers))
                keyless |= not headers and answers[-1].outcome.status == UNAUTHORIZED and call.name not in player.sent
                await own.edge.settled(SETTLING_SECONDS)
                done(number, len(ordered))
    finally:
        await client.aclose()
    each = [_supposed(call, answer, kept, player) for call, answer in zip(ordered, answers, strict=True)]
    return Supposition(await _priced(each, Prices(loaded.config.prices)), len(found.sessions), keyless)


def _player(folder: Folder, calls: list[ClientCall], loaded: Loaded, books: Books) -> SupposedPlayer:
    settings = changed_to(loaded.config.record, mode="auto", match="content", strict=False)
    rules = Rules.of(settings.volatile, folder=str(Path.cwd()), home=str(Path.home()))
    others = FolderPlayer(folder, settings, rules, secrets_in(loaded))
    return SupposedPlayer(folder, {call.name: call for call in calls}, others, books.tokenizer)


async def _ask(
    client: Upstream, target: Target, call: ClientCall, folder: Folder, headers: tuple[tuple[str, str], ...]
) -> Answer:
    sent = await asyncio.to_thread(call.sent_by_client, folder)
    named = (*sent.headers, *headers, (NAME_HEADER, call.name))
    return await ask(client, target, sent._replace(headers=named), time)


def _supposed(call: ClientCall, answer: Answer, kept: RowsById, player: SupposedPlayer) -> Supposed:
    sent, row = player.sent.get(call.name), kept.of(answer)
    after = kept.told(answer)
    if sent is None:
        after = changed_to(after, service="", model="", usd=0.0)
    else:  # the price is that of the model that is asked for
        after = changed_to(after, service=sent.service, model=sent.model, usd=None, answer=_unnamed(after.answer))
    cached = row is not None and row.row.cache == "hit"
    return Supposed(call, call.outcome, after, recorded_to(call), sent, cached, row.row.error if row else "")


def _unnamed(answer: Folded) -> Folded:
    return changed_to(answer, model="")


async def _priced(calls: list[Supposed], prices: Prices) -> list[Supposed]:
    sold = partial(priced, prices=prices)
    before = await sold([(each.call.api, each.call.at, each.before) for each in calls])
    after = await sold([(each.call.api, each.call.at, each.after) for each in calls])
    return [each._replace(before=old, after=new) for each, old, new in zip(calls, before, after, strict=True)]
