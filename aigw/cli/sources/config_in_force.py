"""The configuration that is in force: that of a gateway that runs and shows it, or the one that a command loads."""

from __future__ import annotations

import json
import os
import re
from itertools import count

from aigw.cli.sources.config_choice import ConfigChoice
from aigw.cli.sources.configuration import configured, of_environment
from aigw.cli.sources.gateway_client import configuration_of, place_of
from aigw.config.load import Loaded, load
from aigw.core.errors import ConfigError
from aigw.core.secrets import HIDDEN


def in_force(choice: ConfigChoice, url: str | None = None, *, calls: bool = True) -> Loaded:
    """The configuration of the gateway at `url`, else the one that was chosen, else that of a start without a file; no
    Ollama is looked for then. `calls` is as in `configured`. Raises ConfigError."""
    if url is not None:
        if (found := shown_at(place_of(url))) is None:
            raise ConfigError([f"there is no aigw at {url} that shows its configuration"])
        return found
    return configured(choice, calls=calls) if choice.is_given else of_environment(os.environ)


def shown_at(url: str) -> Loaded | None:
    """The configuration that the gateway at an address shows, with other texts for its secrets; None if it shows
    none."""
    try:
        shown = configuration_of(url)
        return load(None, {}, text=_with_numbered_secrets(json.dumps(shown)).encode()) if shown is not None else None
    except (OSError, ValueError, ConfigError):
        return None


def _with_numbered_secrets(shown: str) -> str:
    """Makes what stands for different secrets different: a key has one owner."""
    numbers = count(1)
    return re.sub(f'"{re.escape(HIDDEN)}"', lambda _: f'"hidden {next(numbers)}"', shown)
