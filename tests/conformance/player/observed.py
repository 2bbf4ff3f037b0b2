"""What a gateway says about a request beside its answer: the line of its access log, its counters, its span.

The log is `.aigw/access.jsonl`, the counters stand at `/-/metrics`, spans come to an OTLP receiver of the player's own."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from player.mismatch import Mismatch
from player.wire import Message, Sent, exchange, read_message

SECONDS = 10.0
"""How long the log and the span of an answered request may take."""

PAUSE = 0.02
COUNTER = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
PREFIX = "route_upstream_model_consumer_metric_"
REQUEST_ID = "x-aigw-request-id"


@dataclass
class Observed:
    """`counters` have Higress's internal names; `span` holds the attributes as text. Only what a step asks for is
    looked up."""

    line: dict[str, Any] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    span: dict[str, str] = field(default_factory=dict)


async def observe(
    folder: Path, url: str, receiver: Receiver | None, answer: Message, expect: dict[str, Any]
) -> Observed:
    """Waits for what `expect` names of the request that `answer` belongs to. Raises Mismatch if it does not come."""
    observed, name = Observed(), answer.headers.get(REQUEST_ID, "")
    if "ai_log" in expect or "properties_set" in expect:
        log = folder / ".aigw" / "access.jsonl"
        observed.line = await _come(f"a line with {name} in {log}", lambda: _line(log, name))
    if "metrics" in expect:
        observed.counters = await _counters(url)
    if "span_tags" in expect and receiver is not None:
        observed.span = await _come(f"a span of {name}", lambda: receiver.spans.get(name))
    return observed


async def _come(what: str, look: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
    """Another process writes it, so there is nothing to wait on but time."""
    try:
        async with asyncio.timeout(SECONDS):
            while (found := look()) is None:  # noqa: ASYNC110 - no event crosses processes
                await asyncio.sleep(PAUSE)
    except TimeoutError:
        raise Mismatch(f"{what} did not come within {SECONDS:.0f} s") from None
    return found


def _line(log: Path, name: str) -> dict[str, Any] | None:
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True) if log.exists() else []
    return next((json.loads(line) for line in lines if name and f'"{name}"' in line and line.endswith("\n")), None)


async def _counters(url: str) -> dict[str, int]:
    answer = await exchange(url, Sent("GET", "/-/metrics", {"host": "localhost"}))
    if answer.start[1] != "200":
        raise Mismatch(f"/-/metrics answered {answer.start[1]} {answer.body!r}")
    return counters(answer.body.decode())


def counters(text: str) -> dict[str, int]:
    """Prometheus's text form as Higress's internal names: `route.R.upstream.C.model.M.consumer.U.metric.N`."""
    found = {}
    for line in text.splitlines():
        match = COUNTER.fullmatch(line)
        if line.startswith("#") or match is None:
            continue
        labels = {name: re.sub(r"\\(.)", _unescape, value) for name, value in LABEL.findall(match[2] or "")}
        metric = match[1].removeprefix(PREFIX)
        if match[1].startswith(PREFIX):
            metric = "route.{ai_route}.upstream.{ai_cluster}.model.{ai_model}.consumer.{ai_consumer}.metric.{}".format(
                metric, **labels
            )
        found[metric] = int(float(match[3]))
    return found


def _unescape(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]


class Receiver:
    """Takes spans over OTLP/HTTP. `spans` are attributes as text by the id of their request."""

    def __init__(self, url: str) -> None:
        self.spans: dict[str, dict[str, str]] = {}
        self.environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }

    def take(self, body: bytes) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                tags = {each.key: str(getattr(each.value, each.value.WhichOneof("value"))) for each in span.attributes}
                self.spans[tags.get("aigw.request.id", "")] = tags


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver that listens until the block ends."""
    open_writers: set[asyncio.StreamWriter] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_writers.add(writer)
        try:
            while (message := await read_message(reader, is_response=False)) is not None:
                receiver.take(message.body)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the gateway stopped
        finally:
            open_writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    receiver = Receiver(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield receiver
    finally:
        server.close()
        for writer in list(open_writers):
            writer.close()
        await server.wait_closed()
