"""The gateway that `aigw ask` and `aigw chat` ask: the one that runs with the configuration here or, if none does, one
of their own that lives as long as they do.

Rule: a gateway that runs with another configuration is never asked in the place of one that is configured here. Where
nothing is configured, the one at the usual address is meant, or the only one that runs. A gateway of our own keeps
nothing in a folder in which nobody uses aigw."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from aigw.books.recent_rows import row_with
from aigw.books.usage_file import FILE_NAME
from aigw.books.usage_row import UsageRow
from aigw.cli.sources.address_probe import aigw_at
from aigw.cli.sources.client_key import KEY_VARIABLE, key_of
from aigw.cli.sources.config_choice import ConfigChoice
from aigw.cli.sources.config_in_force import in_force, shown_at
from aigw.cli.sources.gateway_client import configuration_of, place_of
from aigw.cli.sources.gateway_thread import GatewayThread
from aigw.cli.sources.gateways import at_address, with_state
from aigw.cli.sources.private_gateway import LOCAL, PrivateGatewayOptions
from aigw.cli.sources.recipe import folder_of
from aigw.config.automatic import LISTEN
from aigw.config.effective import effective
from aigw.config.load import Loaded
from aigw.config.services import parse_listen
from aigw.core.exchange import Exchange
from aigw.server.gateway import base_url
from aigw.server.register import Entry, running
from aigw.stores.sqlite_file import FileError

ROW_SECONDS = 1.0
"""How long to wait for the usage row of a request, which is written after its last byte."""
_POLL_SECONDS = 0.02
_ANYWHERE = {"0.0.0.0": LOCAL, "::": "::1"}  # noqa: S104  where a wildcard can be asked


class Rows(Protocol):
    def of(self, id_: str) -> UsageRow | None:
        """Returns the usage row of a request that has just been answered, None if it is not known."""
        ...


class AskedGateway(NamedTuple):
    """The gateway to ask. `url` is without /v1. `loaded` is its configuration, None if it does not show it. `key` is
    the key of a client, "" if none is known. `own` says whether the gateway was started by this command, `configured`
    whether there is a configuration for it."""

    url: str
    loaded: Loaded | None
    key: str
    rows: Rows
    own: bool = False
    configured: bool = True


class GatewayOptions(NamedTuple):
    """The options that choose a gateway."""

    choice: ConfigChoice
    url: str | None
    key: str


@contextmanager
def asked_gateway(options: GatewayOptions, env: Mapping[str, str]) -> Iterator[AskedGateway]:
    """Raises ConfigError and AddressError."""
    found = _running(options, env)
    if found is not None:
        yield found
        return
    rows = _OwnRows()
    configured = options.choice.is_given
    wanted = PrivateGatewayOptions(env, options.choice, keeps=configured or Path(".aigw").is_dir())
    thread = GatewayThread(wanted, rows.show)
    try:
        own = thread.start()
        key = options.key or own.key
        yield AskedGateway(own.url, own.loaded, key, rows, own=True, configured=configured)
    finally:
        thread.stop()


def _running(options: GatewayOptions, env: Mapping[str, str]) -> AskedGateway | None:
    if options.url is not None:
        place = place_of(options.url)
        return AskedGateway(place, shown_at(place), options.key, _KeptRows(None))
    configured = options.choice.is_given
    loaded = in_force(options.choice)
    entries = _serving(env)
    entry = _configured(entries, options.choice) if configured else _usual(entries, loaded)
    if entry is not None:
        url, state = entry.url, Path(entry.state)
    else:
        url, state = _unknown(entries, loaded, configured=configured), loaded.state_dir
    if not url:
        return None
    key = options.key or (key_of(loaded, env) if configured else env.get(KEY_VARIABLE, ""))
    shown = loaded if configured else shown_at(url)
    return AskedGateway(url, shown, key, _KeptRows(state), configured=configured)


def _serving(env: Mapping[str, str]) -> list[Entry]:
    """Returns the gateways of this user that `aigw serve` runs."""
    try:
        return [each for each in running(env) if each.command == "serve"]
    except OSError:
        return []


def _configured(entries: Sequence[Entry], choice: ConfigChoice) -> Entry | None:
    """The last one that was started with this file or recipe."""
    same: list[Entry] = []
    if choice.recipe is not None:
        named = with_state(entries, folder_of(choice.recipe))
        same = [each for each in named if each.config == choice.name]
    elif choice.file is not None:
        file = os.path.realpath(choice.file)
        same = [each for each in entries if os.path.realpath(Path(each.folder, each.config)) == file]
    return same[-1] if same else None


def _usual(entries: Sequence[Entry], loaded: Loaded) -> Entry | None:
    """Chooses a gateway if nothing is configured here: the one with this state folder, else the one at the usual
    address, else the only one that runs."""
    found = with_state(entries, loaded.state_dir) or at_address(entries, LISTEN)
    return found[-1] if found else entries[0] if len(entries) == 1 else None


def _unknown(entries: Sequence[Entry], loaded: Loaded, *, configured: bool) -> str:
    """The address of a gateway that is not in the register, for instance another user's. If somebody has said how it
    is configured, it must show the same."""
    host, port = parse_listen(loaded.config.listen)
    if not port or at_address(entries, f"{host}:{port}") or not aigw_at(host, port):
        return ""
    url = base_url(_ANYWHERE.get(host, host), port)
    return url if not configured or _shows(url, loaded) else ""


def _shows(url: str, loaded: Loaded) -> bool:
    try:
        return bool(configuration_of(url) == msgspec.to_builtins(effective(loaded).values))
    except OSError:
        return False


class _KeptRows:
    """The usage rows that another process writes into its state folder."""

    def __init__(self, state: Path | None) -> None:
        self._state = state
        self._since = time.time() - 3600  # longer than an answer takes

    def of(self, id_: str) -> UsageRow | None:
        end = time.monotonic() + ROW_SECONDS
        while self._state is not None and id_:
            try:
                found = row_with(self._state / FILE_NAME, id_, self._since)
            except (FileError, OSError):
                return None
            if found is not None or time.monotonic() > end:
                return found
            time.sleep(_POLL_SECONDS)
        return None


class _OwnRows:
    """The usage rows of a gateway in this process. The gateway's books call `show`."""

    def __init__(self) -> None:
        self._rows: dict[str, UsageRow] = {}
        self._changed = threading.Condition()

    def show(self, row: UsageRow, exchange: Exchange) -> None:
        with self._changed:
            self._rows[row.id] = row
            self._changed.notify_all()

    def of(self, id_: str) -> UsageRow | None:
        with self._changed:
            self._changed.wait_for(lambda: id_ in self._rows, ROW_SECONDS)
            return self._rows.pop(id_, None)
