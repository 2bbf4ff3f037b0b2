"""How exactly `--speed 1` keeps the times between events: a stream whose gaps are known is replayed, and the time of
each event at the client is noted."""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import processes
from tests.support.recorded_calls import END, chat_call, delta, streamed, user, written

if TYPE_CHECKING:
    from tests.benchmarks.measure import Effort, Figures

EVENTS = 200
LONGEST_GAP = 0.04
"""Seconds. Gaps are drawn up to this, as those of models are."""
STREAMS = (1, 16)
APART = 0.013
"""Seconds between the beginnings of streams, which would come in lockstep otherwise."""
LOOKUP_SECONDS = 3.0
"""After the first answer, another process looks its price up."""


def pacing(effort: Effort) -> Figures:
    """By how many milliseconds the time between two events is another one than was recorded: percentiles, of one stream
    alone and of several at once; and the same of a bare timer, because a machine that is busy wakes everybody up late."""
    draws = random.Random(7)
    times, at = [], 0.0
    for _ in range(EVENTS):
        at += draws.uniform(0.001, LONGEST_GAP)
        times.append(round(at, 4))
    with tempfile.TemporaryDirectory() as folder:
        recs = Path(folder, "recs")
        pieces = [(when, delta(f"event {number} ")) for number, when in enumerate(times)]
        ends = [(times[-1] + 0.01, event) for event in END]
        sent = chat_call(user("hi"), stream=True, stream_options={"include_usage": True})
        written(recs, (sent, streamed(pieces=[*pieces, *ends], after=times[-1] + 0.02)))
        config = processes.write_config(Path(folder, "replay"), 9)
        found = _percentiles("timer", _off([asyncio.run(_timer(times))], times))
        with processes.aigw(config, "--replay", str(recs), "--speed", "1") as (server, _):
            for count in STREAMS:
                found |= _percentiles(f"streams{count}", asyncio.run(_errors(server.port, count, times)))
                time.sleep(LOOKUP_SECONDS)
    return found


async def _errors(port: int, count: int, times: list[float]) -> list[float]:
    """Returns the errors of all gaps of so many streams at once, in milliseconds."""
    return _off(await asyncio.gather(*(_arrivals(port, number * APART) for number in range(count))), times)


def _off(found: list[list[float]], times: list[float]) -> list[float]:
    return [
        abs((later - earlier) - (times[number + 1] - times[number])) * 1000
        for arrived in found
        for number, (earlier, later) in enumerate(pairwise(arrived))
    ]


async def _timer(times: list[float]) -> list[float]:
    """Returns when a task woke up that sleeps until each of these times."""
    began, woken = time.monotonic(), []
    for each in times:
        await asyncio.sleep(max(0.0, began + each - time.monotonic()))
        woken.append(time.perf_counter())
    return woken


async def _arrivals(port: int, after: float) -> list[float]:
    """Returns when each event with text arrived. The stream begins after so many seconds."""
    await asyncio.sleep(after)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"model": "gpt-4o", "messages": [user("hi")], "stream": True}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.replace("host: x", f"host: 127.0.0.1:{port}").encode() + body)
    arrived = []
    while line := await reader.readline():
        if b"event " in line:
            arrived.append(time.perf_counter())
        if b"[DONE]" in line:
            break
    writer.close()
    assert len(arrived) == EVENTS, f"{len(arrived)} events of {EVENTS} came"
    return arrived


def _percentiles(what: str, errors: list[float]) -> Figures:
    ordered = sorted(errors)
    picked = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {f"{what}_{name}_ms": round(ordered[int(share * (len(ordered) - 1))], 2) for name, share in picked.items()}
