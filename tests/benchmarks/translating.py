"""What the translation between two formats costs: streams of 200 events at the client, beside the same streams without
it, and the processor time of a request and of an event alone."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from multidict import CIMultiDict

from aigw.core.model import Batch, Request
from aigw.dialects import apis
from aigw.dialects.sse import EventSplitter
from aigw.dialects.table import dialect_of
from aigw.translation.rules import Rules
from aigw.translation.translation import Translation
from tests.benchmarks import processes, traffic

if TYPE_CHECKING:
    from tests.benchmarks.measure import Effort, Figures

CONNECTIONS = 32


def translation(effort: Effort) -> Figures:
    """Streams per second of chat clients and of clients of Anthropic's Messages API at one provider of chat
    completions, in turns; medians. `share` is the second over the first. Microseconds are processor time."""
    runs: dict[str, list[float]] = {shape: [] for shape in traffic.LONG}
    with ExitStack() as stack:
        upstream = stack.enter_context(processes.upstream())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        aigw, _ = stack.enter_context(processes.aigw(processes.write_config(folder / "plain", upstream.port)))
        for turn in range(effort.rounds + 1):
            for shape in traffic.LONG:
                run = processes.load(aigw, shape, CONNECTIONS, seconds=effort.seconds)
                if turn:  # the first one warms up
                    runs[shape].append(run["per_second"])
    found = {f"{shape.replace('-', '_')}_per_second": round(statistics.median(each), 1) for shape, each in runs.items()}
    for end in ("", "_drip"):
        found[f"messages{end}_share"] = round(found[f"messages{end}_per_second"] / found[f"long{end}_per_second"], 2)
    return {**found, "request_us": _cost(_request, effort), "event_us": _event_cost(effort)}


def _request() -> Translation:
    body = traffic.request("messages", 1).partition(b"\r\n\r\n")[2]
    request = Request("POST", "/v1/messages", "", CIMultiDict({"content-type": "application/json"}), body)
    asked = dialect_of(apis.MESSAGES).asked(request, apis.MESSAGES)
    return Translation(request, asked, apis.MESSAGES, apis.CHAT, Rules(), model="m", id="1", created=0)


def _event_cost(effort: Effort) -> float:
    """Without the splitting of the stream into events, which every stream needs."""
    data, it = b"".join(traffic.events(b"0", usage=True, count=traffic.LONG_EVENTS)), _request()
    waiting: list[Batch] = []

    def prepare() -> None:
        waiting.append(EventSplitter().feed(data))

    def run() -> None:
        decoder = it.decoder(lambda error: json.dumps(error.message).encode())
        decoder.feed(waiting.pop())
        decoder.end()

    return round(_cost(run, effort, prepare) / traffic.LONG_EVENTS, 2)


def _cost(run: Callable[[], object], effort: Effort, prepare: Callable[[], object] = bool) -> float:
    times = []
    for _ in range(max(20, effort.rounds * 20)):
        prepare()
        began = time.process_time()
        run()
        times.append((time.process_time() - began) * 1e6)
    return round(statistics.median(times), 1)
