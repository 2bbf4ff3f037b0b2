"""Exports requests with OpenTelemetry: spans and metrics with the names of the gen_ai conventions.

Rule: the SDK is loaded only if the environment names an OTLP endpoint, in OpenTelemetry's own variables
(OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME, ...). It exports batches in its own threads, and drops what the
receiver does not take in time. No request waits for it."""

from __future__ import annotations

import importlib.util
import logging
import os
import threading
import uuid
from collections.abc import Mapping
from typing import Any

from aigw import __version__
from aigw.books.usage_row import UsageRow
from aigw.core.extras import to_install
from aigw.core.plain import plain
from aigw.dialects import apis

Value = str | int | float | bool

log = logging.getLogger("aigw")

REMEDY = to_install("otel")
CLOSE_SECONDS = 5.0
"""How long the last batch may take when the gateway stops."""

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_SIGNALS = {"traces": "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "metrics": "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"}
_RESOURCE = "OTEL_RESOURCE_ATTRIBUTES"
_PACKAGES = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")
_OPERATIONS = {
    apis.CHAT: "chat",
    apis.MESSAGES: "chat",
    apis.RESPONSES: "chat",
    apis.COMPLETIONS: "text_completion",
    apis.COMPLETE: "text_completion",
    apis.EMBEDDINGS: "embeddings",
    apis.GENERATE_CONTENT: "generate_content",
    apis.STREAM_GENERATE_CONTENT: "generate_content",
}
_TOKEN_BUCKETS = [4.0**power for power in range(14)]
_SECONDS_BUCKETS = [0.01 * 2.0**power for power in range(14)]


def wanted(environment: Mapping[str, str]) -> set[str]:
    """The signals that have an endpoint: "traces", "metrics"."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return set()
    return {
        signal
        for signal, variable in _SIGNALS.items()
        if (environment.get(variable) or environment.get(_ENDPOINT))
        and environment.get(f"OTEL_{signal.upper()}_EXPORTER", "").lower() != "none"
    }


def open_telemetry() -> Telemetry | None:
    """The export that the environment asks for, or None. If its packages are missing, that is logged. Must be called
    after a fork. Takes a second."""
    signals = wanted(os.environ)
    if not signals:
        return None
    if not _installed():
        log.warning("an OTLP endpoint is configured, but OpenTelemetry is not installed: %s", REMEDY)
        return None
    if os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "").lower() == "grpc":
        log.warning("OTEL_EXPORTER_OTLP_PROTOCOL is grpc; aigw exports over HTTP only (usually port 4318)")
    return Telemetry(signals)


def _installed() -> bool:
    try:
        return all(importlib.util.find_spec(name) is not None for name in _PACKAGES)
    except ModuleNotFoundError:
        return False


class Telemetry:
    """Exports each request once, after its end."""

    def __init__(self, signals: set[str]) -> None:
        from opentelemetry.sdk.resources import Resource

        own = {"service.instance.id": str(uuid.uuid4()), "service.version": __version__}
        if not (os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get(_RESOURCE, "")):
            own["service.name"] = "aigw"
        resource = Resource.create(own)
        self._spans = _Spans(resource) if "traces" in signals else None
        self._metrics = _Metrics(resource) if "metrics" in signals else None

    def record(self, row: UsageRow, tags: Mapping[str, str] | None = None, traceparent: str = "") -> None:
        """Takes a finished request. Never blocks. `tags` are Higress's span tags. `traceparent` is the client's header
        (W3C): the span joins the trace that it names."""
        if self._spans is not None:
            self._spans.record(row, tags or {}, traceparent)
        if self._metrics is not None:
            self._metrics.record(row)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Exports what is left. Blocks for up to `seconds`; what the receiver has not taken by then is lost."""
        thread = threading.Thread(target=self._shut_down, name="aigw-telemetry-close", daemon=True)
        thread.start()
        thread.join(seconds)

    def _shut_down(self) -> None:
        for each in (self._spans, self._metrics):
            if each is not None:
                each.provider.shutdown()


class _Spans:
    def __init__(self, resource: Any) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace import SpanKind, Status, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self.provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self.provider.get_tracer("aigw", __version__)
        self._extract = TraceContextTextMapPropagator().extract
        self._kind = SpanKind.CLIENT
        self._failed = Status(StatusCode.ERROR)

    def record(self, row: UsageRow, tags: Mapping[str, str], traceparent: str) -> None:
        start = int(row.at * 1e9)
        span = self._tracer.start_span(
            plain(f"{operation_of(row)} {row.asked}".rstrip()),
            context=self._extract({"traceparent": traceparent}) if traceparent else None,
            kind=self._kind,
            attributes=_plain({**tags, **attributes_of(row)}),
            start_time=start,
        )
        if error_of(row):
            span.set_status(self._failed)
        span.end(start + int(row.total_ms * 1e6))


class _Metrics:
    def __init__(self, resource: Any) -> None:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        reader = PeriodicExportingMetricReader(OTLPMetricExporter())
        self.provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
        meter = self.provider.get_meter("aigw", __version__)
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKEN_BUCKETS,
        )
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            "s",
            "GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS_BUCKETS,
        )
        self._first_chunk = meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk",
            "s",
            "Time to receive the first chunk.",
            explicit_bucket_boundaries_advisory=_SECONDS_BUCKETS,
        )

    def record(self, row: UsageRow) -> None:
        labels = _plain(_labels(row))
        error = {"error.type": plain(error)} if (error := error_of(row)) else {}
        self._duration.record(row.total_ms / 1000, {**labels, **error})
        if row.stream and row.first_token_ms is not None:
            self._first_chunk.record(row.first_token_ms / 1000, labels)
        for kind, count in (("input", row.tokens.prompt), ("output", row.tokens.output)):
            if count is not None:
                self._tokens.record(count, {**labels, "gen_ai.token.type": kind})


def operation_of(row: UsageRow) -> str:
    """gen_ai.operation.name. An API that the conventions do not know has Higress's name."""
    return _OPERATIONS.get(row.api) or row.api.rpartition("/")[2] or "request"


def error_of(row: UsageRow) -> str:
    """error.type; "" if the request did not fail."""
    if not row.failed:
        return ""
    return row.error or (str(row.status) if row.status >= 400 else "failed")


def attributes_of(row: UsageRow) -> dict[str, Value]:
    """The attributes of a span: those of the conventions, and aigw's own. Unknown values are left out."""
    tokens = row.tokens
    found = {
        **_labels(row),
        "gen_ai.request.stream": row.stream,
        "gen_ai.usage.input_tokens": tokens.prompt,
        "gen_ai.usage.output_tokens": tokens.output,
        "gen_ai.usage.cache_read.input_tokens": tokens.cache_read,
        "gen_ai.usage.cache_creation.input_tokens": tokens.cache_write,
        "gen_ai.usage.reasoning.output_tokens": tokens.reasoning,
        "gen_ai.response.time_to_first_chunk": (
            row.first_token_ms / 1000 if row.stream and row.first_token_ms is not None else None
        ),
        "http.response.status_code": row.status,
        "error.type": error_of(row) or None,
        "aigw.request.id": row.id,
        "aigw.route": row.route or None,
        "aigw.consumer": row.consumer or None,
        "gen_ai.conversation.id": row.session or None,
        "aigw.usage.source": tokens.source,
        "aigw.cost.usd": row.cost,
    }
    return {name: value for name, value in found.items() if value is not None}


def _plain(attributes: Mapping[str, Value]) -> dict[str, Value]:
    return {name: plain(value) if isinstance(value, str) else value for name, value in attributes.items()}


def _labels(row: UsageRow) -> dict[str, str]:
    """The attributes by which metrics are split."""
    found = {
        "gen_ai.operation.name": operation_of(row),
        "gen_ai.provider.name": row.provider or "unknown",
        "gen_ai.request.model": row.asked,
        "gen_ai.response.model": row.model,
    }
    return {name: value for name, value in found.items() if value}
