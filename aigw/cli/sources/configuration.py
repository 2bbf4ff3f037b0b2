"""Loads the configuration that a command means: of a file, of a recipe, or of a start without a file. Commands import
this when they run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from aigw.cli.default_file import DEFAULT_FILE
from aigw.cli.sources.config_choice import ConfigChoice
from aigw.config.automatic import automatic
from aigw.config.load import Loaded, examine, load
from aigw.config.reading import read_file
from aigw.config.report import Report
from aigw.config.source import Source, read
from aigw.core.errors import ConfigError
from aigw.core.secrets import is_secret
from aigw.core.upstream import Upstream
from aigw.providers.base_url import ANY_KEY
from aigw.server.start import AS_CONFIGURED, FROM_ENVIRONMENT, Overrides, load_file, load_found, load_or_discover
from aigw.upstream.proxied import upstream_for


def loaded_from(choice: ConfigChoice, env: Mapping[str, str], given: Overrides = AS_CONFIGURED) -> Loaded:
    """Loads the chosen file or recipe, with values replaced by other options. Raises ConfigError with all findings."""
    if choice.file is not None:
        return load_file(choice.file, env, given)
    return load_found(choice.text, env, given, name=choice.name)


async def loaded_or_discovered(
    choice: ConfigChoice, env: Mapping[str, str], upstream: Upstream, given: Overrides = AS_CONFIGURED
) -> Loaded:
    """Loads what `aigw serve` loads. Without a choice, these are the providers of the environment and a running Ollama,
    which is looked for through `upstream`. Raises ConfigError with all findings."""
    if choice.is_given:
        return loaded_from(choice, env, given)
    loaded, _ = await load_or_discover(None, env, upstream, given)
    return loaded


async def as_served(choice: ConfigChoice, env: Mapping[str, str]) -> Loaded:
    """Loads what `aigw serve` loads, for a command that starts no gateway. Raises ConfigError with all findings."""
    upstream = upstream_for(env)
    try:
        return await loaded_or_discovered(choice, env, upstream)
    finally:
        await upstream.aclose()


def origin(choice: ConfigChoice) -> str:
    """Says where a configuration is from."""
    return choice.name or FROM_ENVIRONMENT


def configured(choice: ConfigChoice, *, calls: bool = True) -> Loaded:
    """The configuration of a gateway that was started with the same options. If the command calls no provider, their
    keys may be missing: they are in the shell in which the gateway runs. Raises ConfigError."""
    if not choice.is_given:
        raise ConfigError([f"there is no {DEFAULT_FILE} here; say with --config or --recipe what the gateway uses"])
    return loaded_from(choice, os.environ if calls else _with_keys(source_of(choice, os.environ)))


def examined(choice: ConfigChoice, env: Mapping[str, str]) -> tuple[Loaded | None, Report]:
    """Checks the file or the recipe that was chosen, and returns the report of all that is wrong."""
    return examine(choice.file, env, text=choice.text.encode(), name=choice.name)


def source_of(choice: ConfigChoice, env: Mapping[str, str]) -> Source:
    """Reads a file or a recipe as far as possible, without checking it. Empty without a choice."""
    if choice.file is not None:
        return read_file(choice.file, env)[0]
    return read(choice.text.encode(), env, choice.name)[0] if choice.is_given else Source()


def _with_keys(source: Source) -> dict[str, str]:
    """The environment; in it, something stands for the keys of providers that are missing."""
    missing: dict[bool, set[str]] = {True: set(), False: set()}
    for path, names in source.missing.items():
        missing["ai-proxy" in path and is_secret(path)].update(names)
    return {**dict.fromkeys(missing[True] - missing[False], ANY_KEY), **os.environ}


def of_environment(env: Mapping[str, str]) -> Loaded:
    """The configuration of a start without a file; no Ollama is looked for."""
    return load(None, env, text=json.dumps({"plugins": automatic(env, None, ())}).encode())
