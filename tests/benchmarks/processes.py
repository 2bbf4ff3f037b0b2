"""The processes of a benchmark: each on a core of its own, as far as there are cores.

The proxy under test has core 0 to itself; the upstream and the load generator share core 1 where there are only two.
Where a process cannot be pinned (macOS, Windows) the figures are rougher."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.redis_server import binary

READY_SECONDS = 20.0
PEER_SECONDS = 60.0
"""LiteLLM needs ten on a machine that does nothing else."""
SETTLE_SECONDS = 0.5
"""After so long, the rows of all requests are written."""
ROOT = Path(__file__).parents[2]


def _cores() -> dict[str, int]:
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(usable) < 2:
        return {}
    return {"proxy": usable[0], "upstream": usable[1], "load": usable[2] if len(usable) > 2 else usable[1]}


CORES = _cores()


class Server(NamedTuple):
    """A process that listens."""

    port: int
    pid: int

    def rss(self) -> float:
        """Resident memory of it and its workers in MiB, 0.0 where /proc does not tell."""
        return sum(map(_rss, [self.pid, *_children(self.pid)]))

    def cpu(self) -> float:
        """Processor time of it and its workers since the start in seconds, 0.0 where the system does not tell."""
        return sum(map(_cpu, [self.pid, *_children(self.pid)]))


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


def _rss(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    return int(status.read_text().split("VmRSS:", 1)[1].split()[0]) / 1024 if status.exists() else 0.0


def _cpu(pid: int) -> float:
    """By the process's own clock, as clock_getcpuclockid(3) names it: /proc/PID/stat counts hundredths of a second, too
    rough for a slice of half a second."""
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:  # it has ended, or this is not Linux
        return 0.0


@contextmanager
def on_core(role: str) -> Iterator[None]:
    """What is started inside runs on this role's core."""
    if role not in CORES:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CORES[role]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _environment() -> dict[str, str]:
    """The user's proxies and keys must not change what is measured."""
    return {name: value for name, value in os.environ.items() if not name.upper().endswith(("_PROXY", "_API_KEY"))}


def _end(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    try:
        process.wait(READY_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def python(role: str, *arguments: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """`python ARGUMENTS` on the role's core, stopped when the block ends."""
    with on_core(role):
        process = subprocess.Popen(
            [sys.executable, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=_environment(), **options
        )
    try:
        yield process
    finally:
        _end(process)
        assert process.stdout is not None
        process.stdout.close()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{process.args!r} ended with {process.wait()}")
    return line


@contextmanager
def upstream() -> Iterator[Server]:
    """The canned provider."""
    with python("upstream", "-m", "tests.benchmarks.upstream") as process:
        yield Server(int(line_of(process)), process.pid)


@contextmanager
def floor(upstream_port: int) -> Iterator[Server]:
    """The bare aiohttp proxy."""
    with python("proxy", "-m", "tests.benchmarks.floor", f"http://127.0.0.1:{upstream_port}") as process:
        yield Server(int(line_of(process)), process.pid)


@contextmanager
def redis() -> Iterator[str]:
    """The URL of a Redis server on the upstream's core."""
    port = free_port()
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--daemonize", "no")
    with on_core("upstream"):
        process = subprocess.Popen([binary(), *options], stdout=subprocess.DEVNULL)
    try:
        wait_for_port(port, time.perf_counter() + READY_SECONDS)
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def served(port: int, *command: str, environment: Mapping[str, str]) -> Iterator[tuple[Server, float]]:
    """Another gateway, on the proxy's core, and the seconds from its start to its first answer of any kind."""
    started = time.perf_counter()
    options: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with on_core("proxy"):
        process = subprocess.Popen(command, env=_environment() | environment, **options)
    try:
        wait_for_answer(port, "/", started + PEER_SECONDS)
        yield Server(port, process.pid), time.perf_counter() - started
    finally:
        _end(process)


def wait_for_port(port: int, until: float) -> None:
    while time.perf_counter() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError("the server did not become ready")


@contextmanager
def aigw(config: Path, *options: str, role: str = "proxy") -> Iterator[tuple[Server, float]]:
    """The real command with ai-proxy, and the seconds from its start to its first 200. It keeps its books, and writes
    its line for each request into a file beside the configuration."""
    started = time.perf_counter()
    with (
        config.with_name("lines").open("w") as lines,
        python(role, "-m", "aigw", "serve", "--config", str(config), *options, stderr=lines) as process,
    ):
        port = port_of(config)
        wait_for_health(port, started + READY_SECONDS)
        ready = time.perf_counter() - started
        yield Server(port, process.pid), ready


def port_of(config: Path) -> int:
    return int(config.read_text().split("listen: 127.0.0.1:", 1)[1].split()[0])


STATISTICS = "ai-statistics"
CACHE = "ai-cache"
LIMIT = "ai-token-ratelimit"
_PLUGINS = {
    STATISTICS: "{}",
    CACHE: "{cache: {type: redis, serviceName: redis.static}}",
    LIMIT: "{rule_name: bench, global_threshold: {token_per_minute: 1000000000000}, redis: {service_name: redis.static}}",
}


def write_config(folder: Path, upstream_port: int, *plugins: str, memory: str = "64MiB", redis: str = "") -> Path:
    """A configuration with ai-proxy for the canned provider, with every model mapped, and with these plugins. `memory` is
    what the cache may have in front of the disk, `redis` the URL of what takes the disk's place."""
    folder.mkdir(exist_ok=True)
    path = folder / "aigw.yaml"
    path.write_text(
        f"""\
listen: 127.0.0.1:{free_port()}
services:
  api.openai.com: http://127.0.0.1:{upstream_port}
{f"  redis.static: {redis}" if redis else ""}
cache: {{memory: {memory}}}
plugins:
  ai-proxy:
    provider:
      type: openai
      apiTokens: [sk-bench]
      modelMapping: {{bench-plain: real-plain, bench-burst: real-burst, bench-drip: real-drip, bench-slow: real-slow}}
{"".join(f"  {name}: {_PLUGINS[name]}{chr(10)}" for name in plugins)}
prices:
  bench-mapped: {{input: 1, output: 2}}
"""
    )
    return path


def wait_for_health(port: int, until: float) -> None:
    wait_for_answer(port, "/-/health", until, status=200)


def wait_for_answer(port: int, path: str, until: float, *, status: int = 0) -> None:
    """Waits until a GET is answered, with this status unless it is 0. Raises RuntimeError after `until`."""
    while time.perf_counter() < until:
        connection = HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", path)
            if status in (0, connection.getresponse().status):
                return
        except (OSError, HTTPException):
            time.sleep(0.002)
        finally:
            connection.close()
    raise RuntimeError(f"what should listen on port {port} did not become ready")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def load(
    server: Server,
    shape: str,
    connections: int,
    *options: str,
    seconds: float = 0.0,
    requests: int = 0,
    distinct: int = 0,
) -> dict[str, float]:
    """Runs the load generator, with more options of it. What it found, and the server's processor time for each request
    (`cpu`, µs), which tells more than the rest where other programs run on the same cores."""
    amount = ("--seconds", str(seconds)) if seconds else ("--requests", str(requests))
    more = (*amount, "--distinct", str(distinct), *options)
    before = server.cpu()
    with python("load", "-m", "tests.benchmarks.load", str(server.port), shape, str(connections), *more) as process:
        found: dict[str, float] = json.loads(line_of(process))
    return found | {"cpu": (server.cpu() - before) / found["requests"] * 1e6}
