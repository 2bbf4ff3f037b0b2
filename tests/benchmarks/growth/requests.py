"""How the cost of a request grows with its size, and with that of the configuration."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks import processes
from tests.benchmarks.growth import sized
from tests.benchmarks.growth.table import CONSTANT, Growth, Sizes

Run = dict[str, float]
SLICES = 3
AT_ONCE = 4
"""How many requests are under way where nothing else is said."""
SMALL = 1000
"""Bytes of the body where nothing else is said."""


def sent(server: processes.Server, seconds: float, size: int, events: int, connections: int, *where: str) -> Run:
    """Loads a server for so long, as `tests.benchmarks.growth.sized` says."""
    arguments = map(str, (server.port, size, events, connections, seconds, *where))
    with processes.python("load", "-m", "tests.benchmarks.growth.sized", "load", *arguments) as process:
        found: Run = json.loads(process.communicate()[0])
    return found


def measured(
    server: processes.Server, seconds: float, size: int, events: int, connections: int, *where: str
) -> dict[str, float]:
    """The median time and the processor time of a request in µs, after some that warm the server up: medians of
    SLICES."""
    sent(server, min(seconds, 0.5), size, events, connections, *where)
    runs = []
    for _ in range(SLICES):
        before = processor_seconds(server.pid)
        run = sent(server, seconds / SLICES, size, events, connections, *where)
        runs.append((run["total_p50"], (processor_seconds(server.pid) - before) / run["requests"] * 1e6))
    return {"p50_us": median(p50 for p50, _ in runs), "cpu_us": median(cpu for _, cpu in runs)}


def processor_seconds(pid: int) -> float:
    """Those of the process without its children, to the nanosecond: the number of a clock in Linux is made so."""
    return time.clock_gettime(~pid << 3 | 2)


@contextmanager
def provider() -> Iterator[processes.Server]:
    with processes.python("upstream", "-m", "tests.benchmarks.growth.sized", "upstream") as process:
        assert process.stdout is not None
        yield processes.Server(int(process.stdout.readline()), process.pid)


def write_config(
    folder: Path, upstream_port: int, plugins: dict[str, Any], routes: Sequence[dict[str, Any]] = ()
) -> Path:
    provider = {"type": "openai", "apiTokens": ["sk-bench"]}
    path = folder / "aigw.yaml"
    path.write_text(
        f"listen: 127.0.0.1:{processes.free_port()}\n"
        f"services: {{api.openai.com: 'http://127.0.0.1:{upstream_port}'}}\n"
        f"plugins: {json.dumps({**plugins, 'ai-proxy': {'provider': provider}})}\n"
        f"routes: {json.dumps(list(routes))}\n"
    )
    return path


def beside_the_floor(sizes: Sequence[int], seconds: float, arguments: Callable[[int], Sequence[object]]) -> Sizes:
    """The floor's figures beside aigw's."""
    found: Sizes = {}
    with ExitStack() as stack:
        upstream = stack.enter_context(provider())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        floor = stack.enter_context(processes.floor(upstream.port))
        aigw, _ = stack.enter_context(processes.aigw(write_config(folder, upstream.port, {})))
        for size in sizes:
            bare = measured(floor, seconds, *arguments(size))
            found[str(size)] = measured(aigw, seconds, *arguments(size)) | {
                "floor_p50_us": bare["p50_us"],
                "floor_cpu_us": bare["cpu_us"],
            }
    return found


def bodies(sizes: Sequence[int], seconds: float) -> Sizes:
    return beside_the_floor(sizes, seconds, lambda size: (size, 0, AT_ONCE))


def events(sizes: Sequence[int], seconds: float) -> Sizes:
    return beside_the_floor(sizes, seconds, lambda size: (SMALL, size, AT_ONCE))


def connections(sizes: Sequence[int], seconds: float) -> Sizes:
    return beside_the_floor(sizes, seconds, lambda size: (SMALL, 0, size))


def configured(
    sizes: Sequence[int],
    seconds: float,
    parts: Callable[[int], tuple[dict[str, Any], Sequence[dict[str, Any]]]],
    where: Callable[[int], Sequence[str]],
) -> Sizes:
    """A gateway for each size, with the time until it was ready and its memory."""
    found: Sizes = {}
    with provider() as upstream:
        for size in sizes:
            with tempfile.TemporaryDirectory() as folder:
                config = write_config(Path(folder), upstream.port, *parts(size))
                with processes.aigw(config) as (aigw, ready):
                    found[str(size)] = measured(aigw, seconds, SMALL, 0, AT_ONCE, *where(size)) | {
                        "ready_s": ready,
                        "memory_mib": aigw.rss(),
                    }
    return found


def routes(sizes: Sequence[int], seconds: float) -> Sizes:
    """Requests for the last route, which has a plugin's configuration of its own, as each has."""

    def parts(size: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        own = {"ai-prompt-decorator": {"prepend": [{"role": "system", "content": "Be brief."}]}}
        return {}, [{"name": f"r{at}", "match": {"path": f"/r{at}/*"}, "plugins": own} for at in range(size)]

    return configured(sizes, seconds, parts, lambda size: (f"/r{size - 1}{sized.PATH}",))


def conditions(sizes: Sequence[int], seconds: float) -> Sizes:
    """The same where routes look at hosts, methods and headers, too, and the last one takes what is left."""

    def parts(size: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        found: list[dict[str, Any]] = [
            {"name": f"r{at}", "match": {"hosts": [f"h{at}.example.com"], "headers": {"x-team": f"t{at}"}}}
            for at in range(size - 1)
        ]
        return {}, [*found, {"name": "rest"}]

    return configured(sizes, seconds, parts, lambda size: (sized.PATH,))


def consumers(sizes: Sequence[int], seconds: float) -> Sizes:
    """Requests of the last consumer."""

    def parts(size: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        people = [{"name": f"user-{at}", "credential": f"key-of-user-{at:06}"} for at in range(size)]
        return {"key-auth": {"keys": ["Authorization"], "consumers": people}}, []

    return configured(sizes, seconds, parts, lambda size: (sized.PATH, f"key-of-user-{size - 1:06}"))


COSTS = ("p50_us", "cpu_us")
BODIES = Growth("bytes", bodies, (1_000, 10_000, 100_000, 1_000_000, 10_000_000), (1_000, 100_000), COSTS)
EVENTS = Growth("events", events, (10, 100, 1_000, 10_000), (10, 1_000), COSTS)
CONNECTIONS = Growth("connections", connections, (1, 10, 100, 500, 2_000), (1, 100), ("cpu_us",))
"""Each sends its next request when it has an answer, so that their times are those of the queue that they are."""
ROUTES = Growth("routes", routes, (1, 10, 100, 1_000), (1, 100), COSTS, CONSTANT)
CONDITIONS = Growth("routes", conditions, (1, 10, 100, 1_000), (1, 100), COSTS, CONSTANT)
CONSUMERS = Growth("consumers", consumers, (1, 10, 100, 1_000, 10_000), (1, 1_000), COSTS, CONSTANT)
