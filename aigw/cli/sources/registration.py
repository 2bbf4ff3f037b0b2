"""Enters a gateway that a command has started in the register of those that run here."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from aigw import __version__
from aigw.config.load import Loaded
from aigw.server.process_start import start_of
from aigw.server.register import Entry, entered
from aigw.server.start import FROM_ENVIRONMENT

REPLAYED = "replay"
"""The folder below the state folder with the usage of replays."""


def registered(
    url: str,
    loaded: Loaded,
    origin: str,
    env: Mapping[str, str],
    *,
    workers: int = 1,
    replays: bool = False,
    keeps: bool = True,
    command: str = "serve",
) -> AbstractContextManager[None]:
    """Keeps a gateway in the register until the block ends. `origin` is what people call its configuration. `keeps`
    says whether it keeps usage at all."""
    state = loaded.state_dir / REPLAYED if replays else loaded.state_dir
    pid = os.getpid()
    return entered(
        Entry(
            pid=pid,
            start=start_of(pid),
            since=time.time(),
            url=url,
            version=__version__,
            config="" if origin == FROM_ENVIRONMENT else origin,
            folder=os.fspath(Path.cwd()),
            state=os.fspath(state.absolute()) if keeps else "",
            workers=workers,
            command=command,
        ),
        env,
    )
