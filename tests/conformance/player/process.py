"""The gateway in a process of its own: a real `aigw serve`, which is stopped in every case."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from player.gateway import STOP_SECONDS, environment, tail, write_config
from player.mismatch import Mismatch

READY_SECONDS = 20.0
BAD_CONFIGURATION = 2


@dataclass
class ProcessGateway:
    url: str
    config: Path
    patience: float = 5.0

    async def settle(self) -> None:
        """Another process does not tell."""

    async def effective(self) -> dict[str, Any]:
        """What `aigw config show --all` says."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "aigw", "config", "show", "--all", "--json", "--config", str(self.config),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment(),
        )  # fmt: skip
        output, errors = await process.communicate()
        if process.returncode:
            raise Mismatch(f"aigw config show failed: {errors.decode(errors='replace')}")
        shown: dict[str, Any] = json.loads(output)["config"]
        return shown


async def _start(
    folder: Path, config: dict[str, Any], added: Mapping[str, str] = MappingProxyType({})
) -> tuple[asyncio.subprocess.Process, Path]:
    path = write_config(folder, config)
    with (folder / "stderr").open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "aigw", "serve", "--config", str(path), "--json",
            stdout=asyncio.subprocess.PIPE, stderr=errors, stdin=asyncio.subprocess.DEVNULL,
            cwd=folder, env=environment() | dict(added),
        )  # fmt: skip
    return process, path


@asynccontextmanager
async def running(
    folder: Path, config: dict[str, Any], added: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[ProcessGateway]:
    process, path = await _start(folder, config, added)
    try:
        yield ProcessGateway(await _ready(process, folder), path)
    finally:
        await _stop(process)


async def _ready(process: asyncio.subprocess.Process, folder: Path) -> str:
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), READY_SECONDS)
    except TimeoutError:
        raise Mismatch(f"the gateway was not ready after {READY_SECONDS:.0f} s{tail(folder)}") from None
    try:
        return str(json.loads(line)["url"])
    except (ValueError, KeyError, TypeError):
        raise Mismatch(f"the gateway did not start, it printed {line!r}{tail(folder)}") from None


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.communicate(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise Mismatch(f"the gateway did not stop within {STOP_SECONDS:.0f} s after SIGINT") from None


async def refusal(folder: Path, config: dict[str, Any]) -> str:
    process, _ = await _start(folder, config)
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), READY_SECONDS)
        if line:
            raise Mismatch(f"expected a refused configuration, but the gateway started: {line!r}")
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    finally:
        await _stop(process)
    if process.returncode != BAD_CONFIGURATION:
        raise Mismatch(f"expected exit code {BAD_CONFIGURATION}, got {process.returncode}{tail(folder)}")
    return (folder / "stderr").read_text(encoding="utf-8", errors="replace")
