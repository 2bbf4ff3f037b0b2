"""Makes Higress's ai_log from one request and its answer. Sans-io.

Rule: it changes nothing. It gets the request, the head of the answer, each chunk and the end, and fills three mappings:
`log`, `spans` (tags as text) and `properties` (attributes that have a log field of their own)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aigw.core.answer import Reader
from aigw.core.model import Batch, Chunk, Request, raw_of
from aigw.dialects.usage import as_payload, mentions_usage
from aigw.higress.log_attributes import of_details
from aigw.higress.log_fields import UNKNOWN, api_of, chat_id, chat_round, is_error, mentions_error
from aigw.higress.usage import HigressUsage
from aigw.higress.values import text_of
from aigw.plugins.ai_statistics import attributes as attrs
from aigw.plugins.ai_statistics.attributes import Attribute, AttributeSource, Collector

MAX_BODY = 100 * 1024 * 1024
"""The largest plain answer that is read, in bytes. Higress has the same limit."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is recorded of every request of one configuration. `sources` has the attributes by the place that they are
    read from. `limit` is how many bytes of a value's text are recorded."""

    sources: Mapping[str, Sequence[AttributeSource]]
    limit: int
    usage: bool = True

    @staticmethod
    def of(attributes: Iterable[Attribute], *, limit: int, usage: bool = True) -> Plan:
        sources: dict[str, list[AttributeSource]] = {}
        for attribute in attributes:
            source = AttributeSource(attribute)
            for feed in (attrs.RESPONSE_BODY, attrs.STREAM) if source.feeds == "reply" else (source.feeds,):
                sources.setdefault(feed, []).append(source)
        return Plan(sources, limit, usage)


class Record:
    """The record of one request. `failed` is true if the answer is an error. `usage` is what the request used; if
    `counts` is set to False, nothing is added to it."""

    __slots__ = (
        "_collectors",
        "_pieces",
        "_plan",
        "_readable",
        "_scans",
        "_size",
        "_status",
        "_values",
        "asked",
        "counts",
        "failed",
        "log",
        "properties",
        "spans",
        "streaming",
        "usage",
    )  # fmt: skip

    def __init__(
        self, plan: Plan, route: str, log: dict[str, Any], spans: dict[str, str], properties: dict[str, str]
    ) -> None:
        self._plan = plan
        self.log = log
        self.spans = spans
        self.properties = properties
        self.asked = ""
        self.counts = plan.usage
        self.failed = False
        self.streaming = False
        self.usage = HigressUsage()
        self._status = 0
        self._pieces: list[Chunk] = []
        self._size = 0
        self._readable = True
        self._scans = True
        self._values: list[tuple[AttributeSource, list[Collector]]] = []
        self._collectors: list[Collector] = []
        log["api"] = api_of(route)

    def request(self, request: Request, model: str, session: str = "") -> None:
        """Records what the client asked for, for which model, and what it calls its session. Call it before anything
        changes the request."""
        headers = request.headers
        if session:
            self.log["session_id"] = session
        self.spans["gen_ai.span.kind"] = "LLM"
        for source in self._plan.sources.get(attrs.FIXED, ()):
            self._set(source, source.attribute.value)
        for source in self._plan.sources.get(attrs.REQUEST_HEADER, ()):
            self._set(source, _header(headers, source.attribute.value))
        if request.body:
            self._request_body(request, model)
        self.usage = HigressUsage(self.asked, UNKNOWN)

    def _request_body(self, request: Request, model: str) -> None:
        wanted = self._plan.sources.get(attrs.REQUEST_BODY, ())
        if wanted:
            body = _body_of(request)
            for source in wanted:
                self._set(source, source.of_request(body))
        self.log["chat_round"] = chat_round(request)
        self.asked = model
        self._span("gen_ai.request.model", self.asked)

    def reply(self, status: int, headers: Mapping[str, str], *, streaming: bool, scans: bool = True) -> None:
        """Records the head of the answer. `scans` must be true if the client sees other events than the reader that
        `end` will get: usage and errors are then read from the events themselves."""
        self._scans = scans
        self._status = status
        kind = headers.get("content-type", "")
        encoded = headers.get("content-encoding", "identity") != "identity"
        self._readable = not encoded and (not kind or "json" in kind or "text" in kind)
        self.streaming = streaming
        for source in self._plan.sources.get(attrs.RESPONSE_HEADER, ()):
            self._set(source, _header(headers, source.attribute.value))
        if streaming:
            sources = self._plan.sources.get(attrs.STREAM, ())
            self._values = [(source, source.collectors()) for source in sources]
            self._collectors = [collector for _, collectors in self._values for collector in collectors]

    def pieces(self, batch: Batch) -> None:
        """Keeps the next pieces of a plain answer."""
        self._size += len(raw_of(batch))
        if self._readable and self._size <= MAX_BODY:
            self._pieces += batch
        else:
            self._pieces.clear()

    def events(self, batch: Batch) -> None:
        """Reads the next events of a stream. Decodes an event only if it may contain something to record."""
        if "chat_id" not in self.log:
            self._first_id(batch)
        if self._scans:
            self._scan(batch)
        if self._collectors:
            for chunk in batch:
                if (body := chunk.json()) is not None:
                    for collector in self._collectors:
                        collector.feed(body)

    def _first_id(self, batch: Batch) -> None:
        for chunk in batch:
            if (found := chat_id(chunk.json())) is not None:
                self.log["chat_id"] = found
                return

    def _scan(self, batch: Batch) -> None:
        """Reads usage and errors from the events that the client sees."""
        raw = raw_of(batch)
        if mentions_usage(raw) or mentions_error(raw):
            self._tell([chunk for chunk in batch if mentions_usage(chunk.raw) or mentions_error(chunk.raw)])

    def _tell(self, events: Iterable[Chunk]) -> None:
        for event in events:
            body = event.json()
            if self.counts and event.data:
                self.usage.feed(event.data, body)
            self.failed = self.failed or is_error(body)

    def end(self, answer: Reader | None = None) -> None:
        """Completes the log. `answer` has read the provider's answer. Its usage is used if the client saw none."""
        self.log["response_type"] = "stream" if self.streaming else "normal"
        body: Any = None
        if not self.streaming:
            body = self._plain()
        elif answer is not None and not self._scans:
            self._tell(answer.telling)
        if self.counts:
            if not self.usage.total and answer is not None:
                self.usage.feed(as_payload(answer.tokens, answer.model))
            self._tokens()
        if self.streaming:
            for source, collectors in self._values:
                self._set(source, self._detail(source) if source.details else _preferred(collectors))
        else:
            for source in self._plan.sources.get(attrs.RESPONSE_BODY, ()):
                self._set(source, self._detail(source) if source.details else source.of_body(body))
        self._pieces.clear()

    def _plain(self) -> Any:
        """Returns the decoded body of a complete plain answer, and records its id, its usage and whether it is an
        error."""
        whole = self._pieces[0] if len(self._pieces) == 1 and self._pieces[0].data else None
        if whole is None:
            data = raw_of(self._pieces)
            whole = Chunk(data, data)
        body = whole.json()
        if (found := chat_id(body)) is not None:
            self.log["chat_id"] = found
        self.failed = self.failed or is_error(body) or (self._status >= 400 and not (self._readable and self._size))
        if self.counts:
            self.usage.feed(whole.data or b"", body)
        return body

    def _tokens(self) -> None:
        usage = self.usage
        if not usage.seen:
            return
        self.log["model"] = usage.model
        self.log["input_token"] = usage.input
        self.log["output_token"] = usage.output
        self.log["total_token"] = usage.total
        self.log["input_token_details"] = usage.input_details
        self.log["output_token_details"] = usage.output_details
        if usage.total > 0:
            if usage.model:
                self.spans["gen_ai.model_name"] = usage.model
            self.spans["gen_ai.usage.input_tokens"] = str(usage.input)
            self.spans["gen_ai.usage.output_tokens"] = str(usage.output)
            self.spans["gen_ai.usage.total_tokens"] = str(usage.total)

    def _detail(self, source: AttributeSource) -> Any:
        return of_details(source.attribute.key, self.usage.input_details, self.usage.output_details)

    def _set(self, source: AttributeSource, value: Any) -> None:
        attribute = source.attribute
        if (value is None or value == "") and attribute.default_value:
            value = attribute.default_value
        if attribute.apply_to_log:
            shown = attrs.shortened(value, self._plan.limit)
            if attribute.as_separate_log_field:
                self.properties[attribute.key] = text_of(shown)
            else:
                self.log[attribute.key] = shown
        if attribute.apply_to_span:
            self._span(attribute.trace_span_key or attribute.key, value)

    def _span(self, key: str, value: Any) -> None:
        if value is not None and value != "":
            self.spans[key] = value if isinstance(value, str) else text_of(value)


def _body_of(request: Request) -> Any:
    """The decoded body. That of an object is made of the fields that all share."""
    try:
        document = request.document
        return {name: document.get(name) for name in document.names()}
    except ValueError:
        return Chunk(request.body, request.body).json()


def _header(headers: Mapping[str, str], name: str) -> str | None:
    """Returns the value of a header as Higress sees it: if the header occurs several times, the values are joined with
    commas."""
    every = getattr(headers, "getall", None)
    values = every(name, ()) if every and name else ()
    return ",".join(values) or None


def _preferred(collectors: Sequence[Collector]) -> Any:
    return next((value for collector in collectors if (value := collector.value) is not None), None)
