"""Which recordings a command uses: its options go before `record:` in the configuration."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import msgspec
from multidict import CIMultiDict

from aigw.cli.sources.config_choice import ConfigChoice
from aigw.cli.sources.configuration import source_of
from aigw.cli.sources.match_by import MatchBy
from aigw.config.automatic import OLLAMA
from aigw.config.effective import effective
from aigw.config.load import Loaded
from aigw.config.secret_values import secrets_in
from aigw.core.env import Clock
from aigw.core.model import Request, Target
from aigw.core.upstream import Upstream, UpstreamResponse
from aigw.dialects import apis
from aigw.providers.base_url import ANY_KEY
from aigw.providers.environment import ENV_PROVIDERS
from aigw.traffic.format.folder import Folder
from aigw.traffic.recordings import Recordings
from aigw.traffic.replay.faults import Faults, parsed
from aigw.traffic.settings import Mode, RecordSettings
from aigw.upstream.local import LocalResponse, whole
from aigw.upstream.no_network import ClosedUpstream
from aigw.upstream.proxied import upstream_for

log = logging.getLogger("aigw")

PATIENCE = 1.0
"""After so many seconds it is said that recordings are still being written."""


class RecordingChoice(NamedTuple):
    """The options about recordings. None and "" mean that an option was not given. `speed`, `strict` and the others are
    as in `RecordSettings`; `faults` strike replayed answers."""

    mode: Mode | None = None
    folder: Path = Path()
    match: MatchBy | None = None
    speed: float | None = None
    strict: bool = False
    max_divergence: int | None = None
    faults: Faults | None = None

    def over(self, settings: RecordSettings) -> RecordSettings:
        """Returns the settings with what the options say."""
        given = {
            "mode": self.mode,
            "match": self.match.value if self.match else None,
            "speed": self.speed,
            "strict": self.strict or None,
            "max_divergence": self.max_divergence,
        }
        return msgspec.structs.replace(settings, **{name: value for name, value in given.items() if value is not None})


def chosen_recordings(
    record: Path | None,
    replay: Path | None,
    auto: Path | None,
    refresh: Path | None,
    match: MatchBy | None = None,
    speed: float | None = None,
    strict: bool = False,
    max_divergence: int | None = None,
    faults: str | None = None,
    seed: int = 0,
) -> RecordingChoice:
    """Raises ValueError if the options name more than one mode, or faults that there are not."""
    folders: dict[Mode, Path | None] = {"record": record, "replay": replay, "auto": auto, "refresh": refresh}
    given = [(mode, folder) for mode, folder in folders.items() if folder is not None]
    if len(given) > 1:
        raise ValueError(f"choose one of {' and '.join(f'--{mode}' for mode, _ in given)}")
    mode, folder = given[0] if given else (None, Path())
    if faults is not None and mode not in ("replay", "auto"):
        raise ValueError("--faults needs --replay or --auto")
    strikes = parsed(faults, seed) if faults is not None else None
    return RecordingChoice(mode, folder, match, speed, strict, max_divergence, strikes)


def opened_recordings(options: RecordingChoice, loaded: Loaded, base: Path, clock: Clock) -> Recordings | None:
    """Opens the recordings of a gateway, None if it neither records nor replays. `base` is the folder of the
    configuration. Raises RecordingError."""
    settings = options.over(loaded.config.record)
    if settings.mode == "off":
        return None
    folder = options.folder if options.mode is not None else base / settings.dir
    return Recordings(
        settings, folder, secrets=secrets_in(loaded), config=digest(loaded), clock=clock, faults=options.faults
    )


@asynccontextmanager
async def closing(recordings: Recordings | None, patience: float = PATIENCE) -> AsyncIterator[None]:
    """Writes at the end of the block what is left to record. If that takes longer than `patience`, in seconds, a
    message says so."""
    try:
        yield
    finally:
        if recordings is not None:
            writing = asyncio.create_task(asyncio.to_thread(recordings.close))
            if not (await asyncio.wait([writing], timeout=patience))[0]:
                log.warning("%s: still writing what was recorded; another Ctrl-C loses the rest", recordings.path)
            await writing


def network(
    options: RecordingChoice, choice: ConfigChoice, env: Mapping[str, str]
) -> tuple[Upstream, Mapping[str, str]]:
    """Returns the network of a gateway, and the environment from which it takes providers and keys. In replay nothing
    goes upstream, and no key is needed. Raises RecordingError."""
    if (options.mode or _configured_mode(choice, env)) != "replay":
        return upstream_for(env), env
    known = replayable(options.folder, choice, env)
    return ReplayNetwork([] if choice.is_given else _models_of_ollama(options.folder)), known


class ReplayNetwork(ClosedUpstream):
    """A network into which nothing goes. Who looks for an Ollama at the start finds one with these models: those that
    were recorded."""

    def __init__(self, models: Sequence[str]) -> None:
        super().__init__("nothing goes upstream in replay")
        self._models = models

    async def send(self, request: Request, target: Target) -> UpstreamResponse:
        if self._models and (request.method, request.path) == ("GET", apis.PATHS[apis.MODELS]):
            body = msgspec.json.encode({"object": "list", "data": [{"id": model} for model in self._models]})
            return LocalResponse(200, CIMultiDict({"content-type": "application/json"}), whole(body))
        return await super().send(request, target)


def _models_of_ollama(path: Path) -> list[str]:
    folder = Folder(path)
    recorded = (folder.read(entry.name) for entry in folder.entries() if entry.service == OLLAMA)
    return list(dict.fromkeys(each.source.model for each in recorded if each.source.model))


def _configured_mode(choice: ConfigChoice, env: Mapping[str, str]) -> object:
    """Returns the value of `record.mode` in the configuration, unchecked, None if there is none."""
    record = source_of(choice, env).values.get("record")
    return record.get("mode") if isinstance(record, dict) else None


def replayable(folder: Path, choice: ConfigChoice, env: Mapping[str, str]) -> dict[str, str]:
    """Returns an environment in which a configuration can be read on a machine without keys: missing ones are `unused`.
    Without a file, it has keys for the providers of the recordings. Raises RecordingError."""
    if choice.is_given:
        missing = {name for names in source_of(choice, env).missing.values() for name in names}
    else:
        services = {entry.service for entry in Folder(folder).entries()}
        missing = {row.variable for row in ENV_PROVIDERS if row.type in services}
    return {**dict.fromkeys(missing - env.keys(), ANY_KEY), **env}


def digest(loaded: Loaded) -> str:
    """Returns 12 hex digits that identify the parts of a configuration that matter to traffic. They do not depend on
    its secrets."""
    values = effective(loaded).values
    said = {name: value for name, value in values.items() if name not in ("listen", "record", "state_dir")}
    return blake2b(msgspec.json.encode(said, order="sorted"), digest_size=6).hexdigest()
