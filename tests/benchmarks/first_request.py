"""How long the 1st, 2nd and 10th request take that a fresh gateway answers, of each kind: at once when it is ready, and
after a second in which nobody asks; and one more after another second. Medians over several starts, in ms. `cpu` is the
processor time of the first one, which depends less on what else the machine does.

The floor, which has nothing to load, stands beside: its first request waits for a connection to the provider, too, and
the first after any pause takes longer than the next."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks import processes
from tests.benchmarks.measure import Effort, Figures

IDLE_SECONDS = 1.0
_QUESTION = "Say hello, please. " * 20
_CHAT = {"model": "bench-plain", "messages": [{"role": "user", "content": _QUESTION}], "max_tokens": 64}
_STREAM = {**_CHAT, "model": "bench-burst", "stream": True}
_GEMINI = {"contents": [{"role": "user", "parts": [{"text": _QUESTION}]}]}
_BUDGET = "ai-budget: {budgets: [{name: day, per: day, usd: 1000}]}"


class Kind(NamedTuple):
    """A request, and the plugins that it meets beside ai-proxy and ai-statistics."""

    path: str
    body: dict[str, Any]
    plugins: tuple[str, ...] = ()


CHAT = "/v1/chat/completions"
KINDS = {
    "plain": Kind(CHAT, _CHAT),
    "burst": Kind(CHAT, _STREAM),
    "cache": Kind(CHAT, _CHAT, (processes.CACHE,)),
    "limit": Kind(CHAT, _CHAT, (processes.LIMIT,)),
    "budget": Kind(CHAT, _CHAT, (_BUDGET,)),
    "messages": Kind("/v1/messages", _CHAT),
    "messages stream": Kind("/v1/messages", _STREAM),
    "gemini": Kind("/v1beta/models/bench-plain:generateContent", _GEMINI),
}


FLOOR = "floor"
NUMBERS = (1, 2, 10)
PAUSES = {"at once": 0.0, "idle": IDLE_SECONDS}
Start = Callable[[str], AbstractContextManager[processes.Server]]
"""Starts a gateway, which has this name."""


def first(effort: Effort) -> Figures:
    return {**first_requests(max(effort.starts // 2, 1))}


def first_requests(starts: int) -> dict[str, dict[str, float]]:
    """Of the floor, and of aigw by kind."""
    with processes.upstream() as upstream, tempfile.TemporaryDirectory() as folder:
        found = {FLOOR: _medians(KINDS["plain"], starts, lambda name: processes.floor(upstream.port))}
        for name, kind in KINDS.items():
            start = partial(_aigw, Path(folder, name), upstream.port, kind)
            found[name] = _medians(kind, starts, start)
    return found


def beyond_floor(figures: Figures) -> float:
    """How much more processor time the first plain request takes than the floor's, after a pause."""
    return round(float(figures["plain"]["idle cpu"] - figures[FLOOR]["idle cpu"]), 1)


def lines(name: str, figures: Figures) -> list[str]:
    rows = next(iter(figures.values()))
    out = [f"{name + ' request (ms)':18}" + "".join(f"{each:>13}" for each in rows)]
    return out + [f"  {kind:16}" + "".join(f"{row[each]:>13.1f}" for each in rows) for kind, row in figures.items()]


def _medians(kind: Kind, starts: int, start: Start) -> dict[str, float]:
    found = {}
    for when, pause in PAUSES.items():
        runs = [_times(start(f"{when}-{number}"), kind, pause) for number in range(starts)]
        for place, column in enumerate((*NUMBERS, "later", "cpu")):
            found[f"{when} {column}"] = round(statistics.median(run[place] for run in runs), 1)
    return found


@contextmanager
def _aigw(folder: Path, port: int, kind: Kind, name: str) -> Iterator[processes.Server]:
    folder.mkdir(exist_ok=True)
    with processes.aigw(_config(folder / name, port, kind)) as (aigw, _):
        yield aigw


def _times(gateway: AbstractContextManager[processes.Server], kind: Kind, pause: float) -> list[float]:
    """The milliseconds of the requests with NUMBERS, and of one after another pause; and the processor time of the
    first."""
    with gateway as server:
        time.sleep(pause)
        connection, before = HTTPConnection("127.0.0.1", server.port, timeout=30), server.cpu()
        taken = [_milliseconds(connection, kind, 1)]
        used = 1000 * (server.cpu() - before)
        taken += [_milliseconds(connection, kind, number) for number in range(2, NUMBERS[-1] + 1)]
        time.sleep(IDLE_SECONDS)
        later = _milliseconds(connection, kind, NUMBERS[-1] + 1)
        return [*(taken[number - 1] for number in NUMBERS), later, used]


def _config(folder: Path, port: int, kind: Kind) -> Path:
    known = [each for each in kind.plugins if ":" not in each]
    path = processes.write_config(folder, port, processes.STATISTICS, *known)
    others = "".join(f"  {each}\n" for each in kind.plugins if ":" in each)
    path.write_text(path.read_text().replace("plugins:\n", f"plugins:\n{others}"))
    return path


def _milliseconds(connection: HTTPConnection, kind: Kind, number: int) -> float:
    body = json.dumps(kind.body).replace("Say hello", f"Say hello {number}").encode()
    started = time.perf_counter()
    connection.request("POST", kind.path, body, {"content-type": "application/json"})
    response = connection.getresponse()
    text = response.read()
    taken = (time.perf_counter() - started) * 1000
    if response.status != 200:
        raise RuntimeError(f"{kind.path}: {response.status} {text[:200]!r}")
    return taken


if __name__ == "__main__":
    print("\n".join(lines("first", first_requests(3))))
