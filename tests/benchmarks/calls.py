"""How many Python functions a server calls for a request: a figure that is the same however busy the machine is."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import processes

if TYPE_CHECKING:
    from tests.benchmarks.measure import Effort, Figures

SHAPES = ("plain", "burst")


def calls(effort: Effort) -> Figures:
    """Calls of Python functions for each request, of the floor, aigw and aigw with ai-statistics."""
    found: Figures = {}
    with processes.upstream() as upstream, tempfile.TemporaryDirectory() as folder:
        plain = processes.write_config(Path(folder, "plain"), upstream.port)
        statistics = processes.write_config(Path(folder, "statistics"), upstream.port, processes.STATISTICS)
        for name, config in {"floor": None, "aigw": plain, "statistics": statistics}.items():
            with _profiled(config, upstream.port) as (process, server):
                found[name] = {shape: _counted(process, server, shape, effort.calls) for shape in SHAPES}
    return found


@contextmanager
def _profiled(config: Path | None, upstream_port: int) -> Iterator[tuple[subprocess.Popen[str], processes.Server]]:
    """A server whose calls can be counted: the real command with a configuration, or the floor."""
    command = ["aigw", "serve", "--config", str(config)] if config else ["floor", f"http://127.0.0.1:{upstream_port}"]
    with (
        Path(os.devnull).open("w") as lines,
        processes.python("proxy", "-m", "tests.benchmarks.profiled", *command, stderr=lines) as process,
    ):
        port = processes.port_of(config) if config else int(processes.line_of(process))
        processes.wait_for_port(port, time.perf_counter() + processes.READY_SECONDS)
        yield process, processes.Server(port, process.pid)


def _counted(process: subprocess.Popen[str], server: processes.Server, shape: str, requests: int) -> float:
    """Calls for each of so many requests, once the server is warm."""
    processes.load(server, shape, 32, requests=requests)
    time.sleep(processes.SETTLE_SECONDS)
    process.send_signal(signal.SIGUSR1)
    processes.load(server, shape, 32, requests=requests)
    time.sleep(processes.SETTLE_SECONDS)
    process.send_signal(signal.SIGUSR2)
    while not (line := processes.line_of(process).strip()).isdecimal():
        pass  # what the command prints of itself
    return int(line) / requests
