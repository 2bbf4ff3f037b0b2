"""What a client must know of a gateway: its address, how it shows a key, and a model to ask for.

Rule: no key is read from a configuration. A variable that has it is named, or else where it stands. The configuration
is that of the options, else that of the gateway which answers at the usual address, else that of a start without a
file."""

from __future__ import annotations

from typing import NamedTuple

from aigw.cli.sources.address_probe import aigw_at
from aigw.cli.sources.client_key import key_places
from aigw.cli.sources.config_choice import ConfigChoice
from aigw.cli.sources.config_in_force import in_force, shown_at
from aigw.cli.sources.gateway_client import place_of
from aigw.config.load import Loaded
from aigw.config.services import parse_listen
from aigw.core.errors import ConfigError
from aigw.dialects import apis
from aigw.providers.base_url import ANY_KEY
from aigw.server.first_call import Key, call_of, models_to_name
from aigw.server.gateway import base_url

PLACEHOLDER = "KEY"
"""What stands for a key that only its owner knows."""
_LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  where a wildcard can be asked


class Entrance(NamedTuple):
    """What a client must know of a gateway. `url` is without /v1. `key` is what a client sends as its key, or
    PLACEHOLDER. The key is in the environment variable `variable`, if that is not "". `note` tells people where it is.
    `headers` are those in which a key is looked for, empty if none is asked for. `runs` is whether a gateway answers
    there."""

    url: str
    model: str
    key: str = ANY_KEY
    variable: str = ""
    note: str = ""
    headers: frozenset[str] = frozenset()
    runs: bool = False


def entrance(choice: ConfigChoice, url: str | None) -> Entrance:
    """Raises ConfigError."""
    loaded = in_force(choice, url, calls=False)
    place = place_of(url) if url is not None else _place(loaded)
    runs = url is not None or _answers(loaded)
    if runs and url is None and not choice.is_given:
        loaded = shown_at(place) or loaded
    return _entrance(loaded, place, runs=runs)


def _entrance(loaded: Loaded, place: str, *, runs: bool) -> Entrance:
    call = call_of(loaded, apis.CHAT)
    model = next(iter(models_to_name(loaded)), "echo")
    if call is None:
        return Entrance(place, model, runs=runs)
    place += call.path.removesuffix(apis.PATHS[apis.CHAT]) if call.path.endswith(apis.PATHS[apis.CHAT]) else ""
    found = Entrance(place, call.model or model, runs=runs)
    return _with_key(found, call.key, loaded) if call.key != Key() else found


def _with_key(found: Entrance, key: Key, loaded: Loaded) -> Entrance:
    headers = key_places(loaded) if not key.query else frozenset({f"?{key.query}"})
    return found._replace(key=PLACEHOLDER, variable=key.variable, note=key.note, headers=headers)


def _place(loaded: Loaded) -> str:
    """The address at which the configuration listens. Raises ConfigError."""
    host, port = parse_listen(loaded.config.listen)
    if not port:
        raise ConfigError([f"{loaded.config.listen} takes a free port; say with --url where the gateway is"])
    return base_url(_LOCAL.get(host, host), port)


def _answers(loaded: Loaded) -> bool:
    return bool(aigw_at(*parse_listen(loaded.config.listen)))
