"""The gateway under test: a real `aigw serve` process with a configuration file of its own, stopped in every case."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import yaml
from player.mismatch import Mismatch

READY_SECONDS = 20.0
STOP_SECONDS = 10.0
BAD_CONFIGURATION = 2


class Gateway(NamedTuple):
    """A running gateway and where its file and its standard error lie."""

    url: str
    config: Path
    errors: Path


def write_config(folder: Path, config: dict[str, Any]) -> Path:
    path = folder / "aigw.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def _environment() -> dict[str, str]:
    """The user's keys, proxies and receivers must not change what a case sees."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().endswith(("_API_KEY", "_PROXY")) and not name.startswith(("AIGW_", "OTEL_"))
    }


async def _start(
    folder: Path, *arguments: str, environment: Mapping[str, str] = MappingProxyType({})
) -> asyncio.subprocess.Process:
    with (folder / "stderr").open("wb") as errors:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "aigw", *arguments,
            stdout=asyncio.subprocess.PIPE, stderr=errors, stdin=asyncio.subprocess.DEVNULL,
            cwd=folder, env=_environment() | dict(environment),
        )  # fmt: skip


@asynccontextmanager
async def running(
    folder: Path, config: dict[str, Any], environment: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[Gateway]:
    """`environment` comes on top of the user's own. Raises Mismatch if the gateway does not become ready."""
    path = write_config(folder, config)
    process = await _start(folder, "serve", "--config", str(path), "--json", environment=environment)
    try:
        yield Gateway(await _ready(process, folder), path, folder / "stderr")
    finally:
        await _stop(process)


async def _ready(process: asyncio.subprocess.Process, folder: Path) -> str:
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), READY_SECONDS)
    except TimeoutError:
        raise Mismatch(f"the gateway was not ready after {READY_SECONDS:.0f} s{tail(folder / 'stderr')}") from None
    try:
        return str(json.loads(line)["url"])
    except (ValueError, KeyError, TypeError):
        raise Mismatch(f"the gateway did not start, it printed {line!r}{tail(folder / 'stderr')}") from None


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
    """What a gateway says that must refuse its configuration. Raises Mismatch if it does anything else."""
    path = write_config(folder, config)
    process = await _start(folder, "serve", "--config", str(path), "--json")
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), READY_SECONDS)
        if line:
            raise Mismatch(f"expected a refused configuration, but the gateway started: {line!r}")
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    finally:
        await _stop(process)
    if process.returncode != BAD_CONFIGURATION:
        raise Mismatch(f"expected exit code {BAD_CONFIGURATION}, got {process.returncode}{tail(folder / 'stderr')}")
    return (folder / "stderr").read_text(encoding="utf-8", errors="replace")


async def effective_config(gateway: Gateway) -> Any:
    """What `aigw config show` says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "aigw", "config", "show", "--json", "--config", str(gateway.config),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=_environment(),
    )  # fmt: skip
    output, errors = await process.communicate()
    if process.returncode:
        raise Mismatch(f"aigw config show failed: {errors.decode(errors='replace')}")
    return json.loads(output)


def tail(errors: Path, lines: int = 15) -> str:
    text = errors.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:] if errors.exists() else []
    return "\n  the gateway's standard error ends with:\n    " + "\n    ".join(text) if text else ""
