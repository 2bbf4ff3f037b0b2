"""How long the 1st, 2nd and 10th request take that a fresh gateway answers, of each kind: at once when it is ready, and
after a second in which nobody asks. Medians over several starts, in ms."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
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


def first(effort: Effort) -> Figures:
    return {
        f"{name}_{key}": value
        for name, figures in first_requests(max(effort.starts // 2, 1)).items()
        for key, value in figures.items()
    }


def first_requests(starts: int) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    with processes.upstream() as upstream, tempfile.TemporaryDirectory() as folder:
        for name, kind in KINDS.items():
            found[name] = {}
            for idle in (0.0, IDLE_SECONDS):
                runs = [
                    _first(_config(Path(folder, f"{name}-{idle}-{start}"), upstream.port, kind), kind, idle)
                    for start in range(starts)
                ]
                when = "idle" if idle else "at_once"
                for number in (1, 2, 10):
                    found[name][f"{when}_{number}_ms"] = round(statistics.median(run[number - 1] for run in runs), 1)
    return found


def _config(folder: Path, port: int, kind: Kind) -> Path:
    known = [each for each in kind.plugins if ":" not in each]
    path = processes.write_config(folder, port, processes.STATISTICS, *known)
    others = "".join(f"  {each}\n" for each in kind.plugins if ":" in each)
    path.write_text(path.read_text().replace("plugins:\n", f"plugins:\n{others}"))
    return path


def _first(config: Path, kind: Kind, idle: float) -> list[float]:
    """The milliseconds of ten requests, one after another."""
    with processes.aigw(config) as (aigw, _):
        time.sleep(idle)
        connection = HTTPConnection("127.0.0.1", aigw.port, timeout=30)
        return [_milliseconds(connection, kind, number) for number in range(10)]


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
    for name, figures in first_requests(3).items():
        print(f"{name:16}", "  ".join(f"{key} {value:6.1f}" for key, value in figures.items()))
