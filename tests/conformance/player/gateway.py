"""The gateway under test: what one in this process and one in a process of its own have in common.

Rule: each has a folder of its own, with its file (`aigw.yaml`), what it says (`stderr`) and what it keeps (`.aigw`)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import yaml

STOP_SECONDS = 10.0


class Gateway(Protocol):
    """One that runs. `url` is the base address; `patience` is how many seconds what it does after an answer may
    take, once `settle` has returned."""

    url: str
    patience: float

    async def settle(self) -> None:
        """Waits until it has done what it does after an answer, as far as that can be known."""
        ...

    async def effective(self) -> dict[str, Any]:
        """Its effective configuration, without secrets."""
        ...


class Gateways(Protocol):
    """How gateways are started: the modules `in_process` and `process`."""

    def running(
        self, folder: Path, config: dict[str, Any], added: Mapping[str, str]
    ) -> AbstractAsyncContextManager[Gateway]:
        """A gateway that serves until the block ends. `added` comes on top of the user's environment. Raises Mismatch if
        it does not start or stop as it should."""
        ...

    async def refusal(self, folder: Path, config: dict[str, Any]) -> str:
        """What a gateway says that must refuse its configuration. Raises Mismatch if it does anything else."""
        ...


def write_config(folder: Path, config: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "aigw.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def environment() -> dict[str, str]:
    """This process's own, without the user's keys, proxies and receivers: they must not change what a case sees."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().endswith(("_API_KEY", "_PROXY")) and not name.startswith(("AIGW_", "OTEL_"))
    }


def tail(folder: Path, lines: int = 15) -> str:
    """The end of what the gateway of this folder has said."""
    errors = folder / "stderr"
    text = errors.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:] if errors.exists() else []
    return "\n  the gateway's standard error ends with:\n    " + "\n    ".join(text) if text else ""
