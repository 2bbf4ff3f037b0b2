"""What a page that is open costs the requests that pass: two gateways, one of which is looked at, in turns.

Rule: the page reads what comes as fast as it can, as a browser does. Of many short runs the best counts, as other
programs on the machine only add to the time of a request."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.benchmarks import processes
from tests.benchmarks.measure import Effort

CONNECTIONS = 32
RUNS = 4
"""So many short runs in the time of one."""
Figures = dict[str, Any]


def watching(effort: Effort) -> Figures:
    """For plain answers and streams: requests per second and microseconds of processor time a request, of a gateway
    that nobody looks at and of one whose page is open."""
    found: Figures = {}
    with ExitStack() as stack:
        upstream = stack.enter_context(processes.upstream())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = {
            name: stack.enter_context(processes.aigw(processes.write_config(folder / name, upstream.port)))[0]
            for name in ("alone", "watched")
        }
        events = stack.enter_context(reading(servers["watched"]))
        for shape in ("plain", "stream"):
            runs: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
            for turn in range(RUNS * effort.rounds + 1):
                for name, server in servers.items():
                    before = server.cpu()
                    run = processes.load(server, shape, CONNECTIONS, seconds=effort.seconds / RUNS)
                    if turn:  # the first one warms up
                        runs[name].append((run["per_second"], (server.cpu() - before) / run["requests"] * 1e6))
            for name, measured in runs.items():
                found[f"{shape}_{name}_per_second"] = round(max(each for each, _ in measured), 1)
                found[f"{shape}_{name}_cpu_us"] = round(min(each for _, each in measured), 1)
        found["events"] = events[0]
    return found


@contextmanager
def reading(server: processes.Server) -> Iterator[list[int]]:
    """Reads the events of the page until the block ends, and counts them."""
    connection, count = HTTPConnection("127.0.0.1", server.port), [0]
    connection.request("GET", "/-/events", headers={"host": f"127.0.0.1:{server.port}"})
    answer = connection.getresponse()

    def read() -> None:
        while line := answer.readline():
            count[0] += line.startswith(b"event:")

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield count
    finally:
        if connection.sock is not None:
            connection.sock.shutdown(2)
        thread.join(5)
