"""A gateway for one program or one test, at a free port, with the configuration and the recordings that its options
name.

Rule: a replay is not recorded in the books and not counted, so that each run gives the same result. It sends nothing
upstream and needs no key. While calls are recorded or replayed, caches begin empty, because the recordings would not
contain their older answers."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from aigw.books.books import Books
from aigw.books.request_log import Show
from aigw.cli.sources.changed_config import without_redis
from aigw.cli.sources.client_key import key_of, key_places
from aigw.cli.sources.config_choice import ConfigChoice
from aigw.cli.sources.configuration import loaded_from
from aigw.cli.sources.max_usd import limited
from aigw.cli.sources.recordings import RecordingChoice, closing, network, opened_recordings
from aigw.config.load import Loaded
from aigw.core.upstream import Upstream
from aigw.providers.client_variables import MOST_USED, client_variables
from aigw.server.framing import Framing
from aigw.server.gateway import run
from aigw.server.start import Overrides, discover, load_found, notes_on
from aigw.traffic.recordings import Recordings

LOCAL = "127.0.0.1"


class PrivateGatewayOptions(NamedTuple):
    """The options of a private gateway. `env` is the environment from which it takes providers and keys. `port` 0 means
    a free one. `max_usd` is how much it may spend, None for no limit of its own. `framing` says into which pieces
    answers are cut. `keeps` says whether books are kept."""

    env: Mapping[str, str]
    choice: ConfigChoice = ConfigChoice()
    model: str = ""
    port: int = 0
    recordings: RecordingChoice = RecordingChoice()
    max_usd: float | None = None
    framing: Framing | None = None
    keeps: bool = True


class PrivateGateway(NamedTuple):
    """A gateway that runs. `url` is its address, without /v1. `variables` lead programs to it. `recordings` are None
    if it neither records nor replays. `key_places` are the headers in which it looks for a key, none if it asks for
    none; `key` is one, "" if it is not known. `loaded` is its configuration."""

    url: str
    variables: dict[str, str]
    recordings: Recordings | None
    notes: list[str]
    key_places: frozenset[str]
    key: str
    loaded: Loaded

    @property
    def replays(self) -> bool:
        return self.recordings is not None and self.recordings.settings.mode == "replay"


@asynccontextmanager
async def private_gateway(wanted: PrivateGatewayOptions, show: Show | None = None) -> AsyncIterator[PrivateGateway]:
    """Runs until the block ends; then everything is recorded. `show` gets each request. Raises ConfigError,
    RecordingError, AddressError, and ValueError for a wrong `max_usd`."""
    upstream, env = network(wanted.recordings, wanted.choice, wanted.env)
    loaded = await _loaded(wanted, env, upstream)
    if wanted.max_usd is not None:
        loaded = limited(loaded, wanted.max_usd)
    recordings = opened_recordings(wanted.recordings, loaded, wanted.choice.folder, time)
    replays = recordings is not None and recordings.settings.mode == "replay"
    loaded = without_redis(loaded) if replays else loaded
    keeps = wanted.keeps and not replays
    books = Books(loaded.state_dir if keeps else None, shared=loaded.config.usage if keeps else "", show=show)
    around = recordings.around if recordings is not None else None
    async with (
        closing(recordings),
        run(
            loaded,
            upstream,
            books=books,
            around=around,
            framing=wanted.framing,
            state=loaded.state_dir,
            empty_cache=recordings is not None,
        ) as running,
    ):
        variables = client_variables(
            running.url,
            wanted.env,
            vendors=[*MOST_USED, *(recordings.services if recordings is not None else ())],
            hides_keys=replays and "key-auth" not in loaded.plugins,
        )
        places = key_places(loaded)
        key = key_of(loaded, wanted.env) if places else ""
        yield PrivateGateway(running.url, variables, recordings, loaded.notes, places, key, loaded)


async def _loaded(wanted: PrivateGatewayOptions, env: Mapping[str, str], upstream: Upstream) -> Loaded:
    given = Overrides(listen=f"{LOCAL}:{wanted.port}", model=wanted.model)
    if wanted.choice.is_given:
        return loaded_from(wanted.choice, env, given)
    usual = given.address if wanted.port else None
    return load_found(await discover(env, upstream, usual), env, given, notes_on(env, usual))
