"""Runs a client's tasks with a gateway in front of a scripted vendor, and judges what became of each."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

from stage.gateway import serve
from stage.upstream import ScriptedUpstream
from stage.vendors.model import QUOTE
from stage.vendors.table import VENDORS
from stage.vendors.vendor import Vendor

from tests.clients.real.client import WORD, CannotInstallError, Client, Command, Place, Ran, Task, environment


@dataclass(frozen=True)
class Result:
    """`why` is "" for a task that passed."""

    client: str
    vendor: str
    task: str
    why: str
    seconds: float

    @property
    def passed(self) -> bool:
        return not self.why


async def run(clients: Iterable[Client], folder: Path, vendors: Iterable[str] = ()) -> AsyncIterator[Result]:
    """Each client with its vendors, or with those named."""
    for client in clients:
        software = folder / (client.software or client.name)
        try:
            await asyncio.to_thread(client.install, software)
        except CannotInstallError as error:
            yield Result(client.name, "-", "install", str(error), 0.0)
            continue
        for name in vendors or client.vendors:
            async for result in _with_vendor(client, VENDORS[name](), name, software):
                yield result


async def _with_vendor(client: Client, vendor: Vendor, name: str, software: Path) -> AsyncIterator[Result]:
    upstream = ScriptedUpstream(vendor)
    await upstream.start()
    try:
        async with serve(vendor.config(upstream.url), alone=False) as gateway:
            for task in Task:
                began = time.monotonic()
                why = await _try(client, vendor, task, gateway.url, software)
                yield Result(client.name, name, task.value, why, time.monotonic() - began)
    finally:
        with contextlib.suppress(Exception):
            await upstream.stop()


async def _try(client: Client, vendor: Vendor, task: Task, url: str, software: Path) -> str:
    """Why a task failed, "" if it did not."""
    vendor.refused.clear()
    with tempfile.TemporaryDirectory(prefix="client-") as own:
        place = Place(url, software, Path(own) / "home", Path(own) / "work")
        place.home.mkdir()
        place.work.mkdir()
        place.file.write_text(f"{WORD}\n")
        client.prepare(place)
        command = client.command(task, prompt(client, task, place), place)
        ran = await execute(command, place, client.seconds)
    return judge(client, vendor, task, ran)


def prompt(client: Client, task: Task, place: Place) -> str:
    lines = {
        Task.TEXT: "Hello!",
        Task.TOOL: f"stage: think\nstage: {client.call(place)}",
        Task.ERROR: "stage: fail with context",
        Task.BREAK: f"stage: {client.breaks}",
    }
    return lines[task]


def judge(client: Client, vendor: Vendor, task: Task, ran: Ran) -> str:
    """Why a task failed, "" if it did not."""
    said, failed = client.answer(ran), client.failed(ran)
    if ran.code is None:
        return f"took longer than {client.seconds:.0f} s: {_short(ran.all)}"
    if vendor.refused:
        return f"{vendor.name} refused: {_short(vendor.refused[0])}"
    if task is Task.ERROR:
        return "" if failed and re.search(client.too_long, ran.all) else f"no error was told: {_short(ran.all)}"
    if task is Task.BREAK and failed:
        return ""
    if failed:
        return f"failed: {_short(ran.all)}"
    wanted = {Task.TOOL: f"{QUOTE} .*{WORD}", Task.BREAK: f"Hello from {vendor.name}, until"}
    if re.search(wanted.get(task, f"Hello from {re.escape(vendor.name)}"), said, re.DOTALL):
        return (
            ""
            if task is not Task.BREAK or "once" in client.breaks
            else f"half an answer passed as whole: {_short(said)}"
        )
    return f"said something else: {_short(said or ran.all)}"


async def execute(command: Command, place: Place, seconds: float) -> Ran:
    """Runs a command to its end, or ends it with all that it started."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command.argv, cwd=place.work, env=environment(place, command.environment), stdin=asyncio.subprocess.DEVNULL,
        stdout=pipe, stderr=pipe, start_new_session=True,
    )  # fmt: skip
    waiting = asyncio.ensure_future(process.communicate())
    try:
        out, errors = await asyncio.wait_for(asyncio.shield(waiting), seconds)
        code = process.returncode
    except TimeoutError:
        code = None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    if code is None:
        out, errors = await waiting
    return Ran(code, out.decode(errors="replace"), errors.decode(errors="replace"))


def _short(text: str) -> str:
    return " ".join(text.split())[:400]
