"""Sends a recorded run again for `aigw replay`: through a gateway that is started for it, or to a server that runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace as changed_to

from aigw.books.books import Books
from aigw.cli.sources.changed_config import at_free_port
from aigw.cli.sources.client_key import key_headers
from aigw.cli.sources.config_choice import ConfigChoice
from aigw.cli.sources.configuration import loaded_from, loaded_or_discovered
from aigw.cli.sources.recordings import RecordingChoice, opened_recordings
from aigw.cli.sources.remote import remote, with_model
from aigw.cli.sources.rows_by_id import RowsById
from aigw.config.load import Loaded
from aigw.config.model import DEFAULT_ROUTE, MatchConfig
from aigw.core.upstream import Upstream
from aigw.pricing.prices import Prices
from aigw.server.gateway import run
from aigw.traffic.format.call import Sent
from aigw.traffic.format.folder import Folder
from aigw.traffic.runs.client_calls import ClientCall, Run, read_calls
from aigw.traffic.runs.costs import priced
from aigw.traffic.runs.outcome import Outcome
from aigw.traffic.runs.resending import Answer, Pace, ask, resend
from aigw.upstream.proxied import upstream_for


class ReplayOptions(NamedTuple):
    """What the options of `aigw replay` say. `against` is a URL, the name of a route, or ""."""

    folder: Path
    against: str = ""
    model: str = ""
    speed: float = 0.0
    concurrency: int = 4
    record: Path | None = None
    choice: ConfigChoice = ConfigChoice()

    @property
    def is_remote(self) -> bool:
        return "://" in self.against


class Replayed(NamedTuple):
    """A run that was sent again. `old` and `new` are the outcomes of each call, in the order of `run.calls`. `to` says
    where they were sent."""

    run: Run
    old: list[Outcome]
    new: list[Outcome]
    to: str


Done = Callable[[int, int], None]
"""Is told how many calls of how many have been answered."""
Through = Callable[[Sent, str], Awaitable[Answer]]


async def replayed(wanted: ReplayOptions, env: Mapping[str, str], done: Done) -> Replayed:
    """Raises ConfigError, RecordingError, ValueError."""
    folder = Folder(wanted.folder)
    found = await asyncio.to_thread(read_calls, folder)
    answers: dict[str, Answer] = {}
    kept = RowsById()

    async def send(through: Through, call: ClientCall) -> None:
        answers[call.name] = await through(await asyncio.to_thread(call.sent_by_client, folder), call.source.consumer)
        done(len(answers), len(found.calls))

    pace = Pace(time, asyncio.sleep, wanted.speed)
    async with _there(wanted, env) if wanted.is_remote else _here(wanted, env, kept) as (through, to, prices):
        await resend(found.sessions, lambda call: send(through, call), pace, concurrency=wanted.concurrency)
    new = [kept.told(answers[call.name]) for call in found.calls]
    now = time.time()
    old = await priced([(call.api, call.at, call.outcome) for call in found.calls], prices)
    priced_new = await priced([(call.api, now, each) for call, each in zip(found.calls, new, strict=True)], prices)
    return Replayed(found, old, priced_new, to)


Place = AsyncIterator[tuple[Through, str, Prices]]
"""Where calls are sent: the client that sends them, the name of the place, and the prices there."""


@asynccontextmanager
async def _there(wanted: ReplayOptions, env: Mapping[str, str]) -> Place:
    """The calls go to a running server. A configuration is only used for prices."""
    there, prices = remote(wanted.against), Prices()
    if wanted.choice.is_given:
        prices = Prices(loaded_from(wanted.choice, env).config.prices)
    network = upstream_for(env)

    async def through(sent: Sent, _consumer: str) -> Answer:
        return await ask(network, there.target, there.request(sent, env, wanted.model), time, service=there.service)

    try:
        yield through, there.url, prices
    finally:
        await network.aclose()


@asynccontextmanager
async def _here(wanted: ReplayOptions, env: Mapping[str, str], kept: RowsById) -> Place:
    """The calls go to a gateway that is started here, with the configuration and the state folder of `aigw serve`. Its
    cache begins empty, because stored answers would not show how it answers now."""
    network, client = upstream_for(env), upstream_for({})
    loaded, to = await _loaded(wanted, env, network)
    books = Books(loaded.state_dir, shared=loaded.config.usage, show=kept.show)
    recording = RecordingChoice("off") if wanted.record is None else RecordingChoice("record", wanted.record)
    recordings = opened_recordings(recording, loaded, Path(), time)
    around = None if recordings is None else recordings.around
    try:
        async with run(at_free_port(loaded), network, grace=0.0, books=books, around=around, empty_cache=True) as own:
            target = remote(own.url).target

            async def through(sent: Sent, consumer: str) -> Answer:
                sent = with_model(sent, wanted.model)
                key = key_headers(loaded, env, consumer)
                return await ask(client, target, sent._replace(headers=(*sent.headers, *key.items())), time)

            yield through, to, Prices(loaded.config.prices)
    finally:
        await client.aclose()
        if recordings is not None:
            await asyncio.to_thread(recordings.close)


async def _loaded(wanted: ReplayOptions, env: Mapping[str, str], network: Upstream) -> tuple[Loaded, str]:
    """Returns the configuration, and what it is called. Raises ConfigError, ValueError."""
    loaded = await loaded_or_discovered(wanted.choice, env, network)
    name = wanted.choice.name or "the providers of the environment"
    if not wanted.against:
        return loaded, name
    return _only(loaded, wanted.against), f"route {wanted.against} of {name}"


def _only(loaded: Loaded, name: str) -> Loaded:
    """Returns a configuration in which this route takes every request."""
    routes = loaded.config.routes or [DEFAULT_ROUTE]
    found = next((route for route in routes if route.name == name), None)
    if found is None:
        there = ", ".join(route.name for route in routes)
        raise ValueError(f"there is no route {name!r}; there are {there}, and a URL begins with http:// or https://")
    return replace(loaded, config=changed_to(loaded.config, routes=[changed_to(found, match=MatchConfig())]))
