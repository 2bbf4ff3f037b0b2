"""The configuration of a command that opens stores: from a file or from a recipe. Commands import this when they
run."""

from __future__ import annotations

import os
from pathlib import Path

from aigw.cli.options import DEFAULT_FILE
from aigw.cli.sources.recipe import served
from aigw.config.load import Loaded, load
from aigw.core.errors import ConfigError


def configured(config: Path | None, recipe: str | None) -> Loaded:
    """The configuration of a gateway that was started with the same options. Raises ConfigError."""
    if recipe is None:
        if config is None and not DEFAULT_FILE.exists():
            raise ConfigError([f"there is no {DEFAULT_FILE} here; say with --config or --recipe what the gateway uses"])
        return load(config or DEFAULT_FILE, os.environ)
    if config is not None:
        raise ConfigError(["choose one of --config and --recipe"])
    try:
        return load(None, os.environ, text=served(recipe).encode())
    except ValueError as error:
        raise ConfigError([str(error)]) from None


def origin(config: Path | None, recipe: str | None) -> str:
    """What messages call the configuration."""
    return str(config or DEFAULT_FILE) if recipe is None else f"recipe {recipe}"
