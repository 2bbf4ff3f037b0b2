"""The configuration that a command means: of a file, of a recipe, of a gateway that runs, or of a start without a file.
Commands import this when they run."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from aigw.cli.options import DEFAULT_FILE
from aigw.cli.sources.asking import configuration_of, place_of
from aigw.cli.sources.recipe import served
from aigw.config.automatic import automatic
from aigw.config.load import NO_FILE, Loaded, examine, load
from aigw.config.reading import read_file
from aigw.config.report import Report
from aigw.config.source import Source, read
from aigw.core.errors import ConfigError
from aigw.core.secrets import HIDDEN, is_secret
from aigw.providers.base_url import ANY_KEY


def configured(config: Path | None, recipe: str | None, *, calls: bool = True) -> Loaded:
    """The configuration of a gateway that was started with the same options. If the command calls no provider, their
    keys may be missing: they are in the shell in which the gateway runs. Raises ConfigError."""
    if recipe is None:
        if config is None and not DEFAULT_FILE.exists():
            raise ConfigError([f"there is no {DEFAULT_FILE} here; say with --config or --recipe what the gateway uses"])
        path = config or DEFAULT_FILE
        return load(path, os.environ if calls else _with_keys(read_file(path, os.environ)[0]))
    text = recipe_text(config, recipe)
    return load(None, os.environ if calls else _with_keys(read(text, os.environ)[0]), text=text)


def examined(config: Path | None, recipe: str | None, env: Mapping[str, str]) -> tuple[Loaded | None, Report]:
    """Checks the file, or the recipe, and returns the report of all that is wrong. Raises ConfigError if there is no
    such recipe."""
    if recipe is None:
        return examine(config or DEFAULT_FILE, env)
    loaded, report = examine(None, env, text=recipe_text(config, recipe))
    report.name = origin(config, recipe)
    return loaded, report


def recipe_text(config: Path | None, recipe: str) -> bytes:
    """The recipe as it is served. Raises ConfigError if there is none of this name, or also a file."""
    if config is not None:
        raise ConfigError(["choose one of --config and --recipe"])
    try:
        return served(recipe).encode()
    except ValueError as error:
        raise ConfigError([str(error)]) from None


def _with_keys(source: Source) -> dict[str, str]:
    """The environment; in it, something stands for the keys of providers that are missing."""
    missing: dict[bool, set[str]] = {True: set(), False: set()}
    for path, names in source.missing.items():
        missing["ai-proxy" in path and is_secret(path)].update(names)
    return {**dict.fromkeys(missing[True] - missing[False], ANY_KEY), **os.environ}


def in_force(config: Path | None, recipe: str | None, url: str | None = None, *, calls: bool = True) -> Loaded:
    """The configuration of the gateway at `url`, else that of the options or of the file here, else that of a start
    without a file; no Ollama is looked for then. `calls` is as in `configured`. Raises ConfigError."""
    if url is not None:
        if (found := shown_at(place_of(url))) is None:
            raise ConfigError([f"there is no aigw at {url} that shows its configuration"])
        return found
    if config is not None or recipe is not None or DEFAULT_FILE.exists():
        try:
            return configured(config, recipe, calls=calls)
        except ConfigError as error:
            named = origin(config, recipe)
            raise ConfigError([finding.replace(NO_FILE, named) for finding in error.findings]) from None
    return load(None, os.environ, text=json.dumps({"plugins": automatic(os.environ, None, ())}).encode())


def shown_at(url: str) -> Loaded | None:
    """The configuration that the gateway at an address shows, with other texts for its secrets; None if it shows
    none."""
    try:
        shown = configuration_of(url)
        return load(None, {}, text=_apart(json.dumps(shown)).encode()) if shown is not None else None
    except (OSError, ValueError, ConfigError):
        return None


def _apart(shown: str) -> str:
    """Makes what stands for different secrets different: a key has one owner."""
    numbers = count(1)
    return re.sub(f'"{re.escape(HIDDEN)}"', lambda _: f'"hidden {next(numbers)}"', shown)


def origin(config: Path | None, recipe: str | None) -> str:
    """What messages call the configuration."""
    return str(config or DEFAULT_FILE) if recipe is None else f"recipe {recipe}"
