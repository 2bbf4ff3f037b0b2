"""The export against a local OTLP receiver, in a process whose environment asks for it; and that nothing is loaded where
it does not."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from aigw.books.telemetry import error_of, operation_of, wanted
from aigw.books.usage_row import UsageRow
from aigw.core.tokens import Tokens

ROOT = Path(__file__).parents[2]
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@contextmanager
def receiver() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """An address that takes OTLP over HTTP, and what it received: path and body."""
    received: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run(code: str, **environment: str) -> str:
    """What a process prints, its log first."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")} | environment
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=True
    )
    return result.stderr + result.stdout


EXPORT = f"""
from aigw.books.usage_row import UsageRow
from aigw.core.tokens import Tokens
from aigw.books.telemetry import open_telemetry
telemetry = open_telemetry()
telemetry.record(
    UsageRow(
        id="r1", at=1_700_000_000.0, route="llm", provider="openai", api="openai/v1/chatcompletions", asked="gpt-4o",
        model="gpt-4o-2024", consumer="alice", stream=True, total_ms=1500.0, first_token_ms=250.0, cost=0.5,
        tokens=Tokens(input=7, cache_read=3, output=5, reasoning=2, source="reported"),
    ),
    {{"gen_ai.span.kind": "LLM", "gen_ai.usage.input_tokens": "10", "my.q": "q"}},
    "{TRACEPARENT}",
)
telemetry.record(UsageRow(id="r2", at=1_700_000_001.0, route="llm", api="openai/v1/embeddings", asked="e", status=429))
telemetry.close()
"""


def values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


def test_spans_and_metrics() -> None:
    with receiver() as (url, received):
        run(EXPORT, OTEL_EXPORTER_OTLP_ENDPOINT=url)
    spans = {}
    for path, body in received:
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                assert values(resource.resource.attributes)["service.name"] == "aigw"
                spans |= {span.name: span for scope in resource.scope_spans for span in scope.spans}
    span = spans["chat gpt-4o"]
    assert span.trace_id.hex() == TRACEPARENT.split("-")[1]
    assert span.parent_span_id.hex() == TRACEPARENT.split("-")[2]
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (1_700_000_000 * 10**9, 1_700_000_001_500_000_000)
    assert values(span.attributes) == {
        "gen_ai.span.kind": "LLM",
        "my.q": "q",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024",
        "gen_ai.request.stream": True,
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 3,
        "gen_ai.usage.reasoning.output_tokens": 2,
        "gen_ai.response.time_to_first_chunk": 0.25,
        "http.response.status_code": 200,
        "aigw.request.id": "r1",
        "aigw.route": "llm",
        "aigw.consumer": "alice",
        "aigw.usage.source": "reported",
        "aigw.cost.usd": 0.5,
    }
    failed = spans["embeddings e"]
    assert failed.status.code == failed.status.STATUS_CODE_ERROR
    assert values(failed.attributes)["error.type"] == "429"
    assert sums(received) == {
        ("gen_ai.client.token.usage", "{token}", "gpt-4o", "input"): 10,
        ("gen_ai.client.token.usage", "{token}", "gpt-4o", "output"): 5,
        ("gen_ai.client.operation.duration", "s", "gpt-4o", ""): 1.5,
        ("gen_ai.client.operation.duration", "s", "e", ""): 0,
        ("gen_ai.client.operation.time_to_first_chunk", "s", "gpt-4o", ""): 0.25,
    }


def sums(received: list[tuple[str, bytes]]) -> dict[tuple[str, str, str, str], float]:
    """The sums of all histograms by name, unit, model and token type."""
    requests = [ExportMetricsServiceRequest.FromString(body) for path, body in received if path == "/v1/metrics"]
    metrics = [
        metric
        for request in requests
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    ]
    found = {}
    for metric in metrics:
        for point in metric.histogram.data_points:
            labels = values(point.attributes)
            key = (metric.name, metric.unit, labels["gen_ai.request.model"], labels.get("gen_ai.token.type", ""))
            found[key] = point.sum
    return found


def test_one_signal_alone() -> None:
    with receiver() as (url, received):
        run(EXPORT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{url}/traces-here")
    assert {path for path, _ in received} == {"/traces-here"}


def test_a_receiver_that_is_not_there_holds_nothing_up() -> None:
    with receiver() as (url, _):
        pass
    timed = f"""
import time
{EXPORT.replace("telemetry.close()", "")}
started = time.monotonic()
for number in range(5000):
    telemetry.record(UsageRow(id="r", at=1.0, route="llm"))
recorded = time.monotonic() - started
telemetry.close(0.2)
print("each", recorded / 5000 < 0.005, "closed", time.monotonic() - started - recorded < 5)
"""
    assert run(timed, OTEL_EXPORTER_OTLP_ENDPOINT=url).splitlines()[-1] == "each True closed True"


LOADED = """
import sys
from aigw.books.telemetry import open_telemetry
print(open_telemetry(), any(name.startswith("opentelemetry") for name in sys.modules))
"""


def test_nothing_is_loaded_without_an_endpoint() -> None:
    assert run(LOADED).split() == ["None", "False"]


def test_missing_packages_are_named() -> None:
    missing = 'import sys\nsys.modules["opentelemetry"] = None\n' + LOADED
    output = run(missing, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318")
    assert "pip install '.[otel]' in the clone of aigw" in output
    assert output.splitlines()[-1].startswith("None")


def test_grpc_is_said_to_be_unknown() -> None:
    with receiver() as (url, _):
        output = run(EXPORT, OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    assert "over HTTP only" in output


@pytest.mark.parametrize(
    ("environment", "signals"),
    [
        ({}, set()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, set()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "u"}, {"traces", "metrics"}),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "u"}, {"metrics"}),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "u", "OTEL_TRACES_EXPORTER": "none"}, {"metrics"}),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "u", "OTEL_SDK_DISABLED": "true"}, set()),
    ],
)
def test_what_the_environment_asks_for(environment: dict[str, str], signals: set[str]) -> None:
    assert wanted(environment) == signals


@pytest.mark.parametrize(
    ("api", "operation"),
    [
        ("anthropic/v1/messages", "chat"),
        ("openai/v1/responses", "chat"),
        ("openai/v1/completions", "text_completion"),
        ("gemini/v1beta/streamgeneratecontent", "generate_content"),
        ("openai/v1/imagegeneration", "imagegeneration"),
        ("", "request"),
    ],
)
def test_operations(api: str, operation: str) -> None:
    assert operation_of(UsageRow(id="", at=0.0, route="", api=api)) == operation


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, ""),
        ({"status": 404}, "404"),
        ({"status": 502, "error": "upstream_reset"}, "upstream_reset"),
        ({"outcome": "failed"}, "failed"),
        ({"outcome": "aborted", "status": 499}, ""),
    ],
)
def test_errors(changes: Any, error: str) -> None:
    assert error_of(UsageRow(id="", at=0.0, route="", **changes)) == error


def test_unknown_input_is_not_zero() -> None:
    assert Tokens(output=3).prompt is None
    assert Tokens(cache_read=3).prompt == 3
