"""Makes Higress's ai_log from one request and its answer. Sans-io.

Rule: it changes nothing. It gets the request, the head of the answer, each chunk and the end, and fills three mappings:
`log`, `spans` (tags as text) and `properties` (attributes that have a log field of their own)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aigw.core.answer import Reader
from aigw.core.exchange import Labels
from aigw.core.large_json import without_large
from aigw.core.layers import OnBatch
from aigw.core.model import Batch, Chunk, Request, raw_of
from aigw.core.pace import LARGE
from aigw.core.reply import Reply
from aigw.dialects.json_values import decoded
from aigw.dialects.usage import as_payload, mentions_usage
from aigw.higress.log_attributes import of_details
from aigw.higress.log_fields import UNKNOWN, api_of, chat_id, chat_round, is_error, mentions_error
from aigw.higress.usage import HigressUsage, has_usage
from aigw.higress.values import text_of
from aigw.plugins.ai_statistics import attributes as attrs
from aigw.plugins.ai_statistics.attributes import Attribute, AttributeSource, Collector

MAX_BODY = 100 * 1024 * 1024
"""The largest plain answer that is read, in bytes. Higress has the same limit."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one configuration records about every request. `sources` has the attributes by the place from which they are
    read. `limit` is how many bytes of a value's text are recorded."""

    sources: Mapping[str, Sequence[AttributeSource]]
    limit: int
    usage: bool = True

    def at(self, place: str) -> Sequence[AttributeSource]:
        """Returns the attributes that are read from a place."""
        return self.sources.get(place, ())

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
        "_collectors", "_known", "_pieces", "_plan", "_readable", "_same", "_size", "_status", "_values", "asked",
        "counts", "failed", "log", "properties", "spans", "streaming", "usage",
    )  # fmt: skip

    def __init__(self, plan: Plan, route: str, labels: Labels, request: Request, model: str, session: str) -> None:
        """Records what the client asks for, for which model, and what it calls its session. Make it before anything
        changes the request."""
        self._plan = plan
        self.log = labels.ai_log
        self.spans = labels.span_tags
        self.properties = labels.log_properties
        self.asked = model if request.body else ""
        self.counts = plan.usage
        self.failed = False
        self.streaming = False
        self.usage = HigressUsage(self.asked, UNKNOWN)
        self._status = 0
        self._pieces: list[Chunk] = []
        self._size = 0
        self._readable = True
        self._same = False
        self._known: tuple[Chunk, Any] | None = None
        """A large plain answer, and the values that were read from it."""
        self._values: Sequence[tuple[AttributeSource, Sequence[Collector]]] = ()
        self._collectors: Sequence[Collector] = ()
        self._request(request, api_of(route), session)

    def _request(self, request: Request, api: str, session: str) -> None:
        self.log["api"] = api
        if session:
            self.log["session_id"] = session
        self.spans["gen_ai.span.kind"] = "LLM"
        if self._plan.sources:
            self._request_values(request)
        if request.body:
            self.log["chat_round"] = chat_round(request)
            if self.asked:
                self.spans["gen_ai.request.model"] = self.asked

    def _request_values(self, request: Request) -> None:
        plan = self._plan
        for source in plan.at(attrs.FIXED):
            self._set(source, source.attribute.value)
        for source in plan.at(attrs.REQUEST_HEADER):
            self._set(source, _header(request.headers, source.attribute.value))
        if request.body and (wanted := plan.at(attrs.REQUEST_BODY)):
            body = _body_of(request)
            for source in wanted:
                self._set(source, source.of_request(body))

    def reply(self, reply: Reply, *, streaming: bool, same: bool) -> OnBatch | None:
        """Records the head of the answer. Returns the function that must see its batches, None if there is none. `same`
        says whether the reader that `end` will get reads the same events as the client. If so, usage, errors and the id
        are taken from that reader."""
        headers = reply.headers
        kind = headers.get("content-type", "")
        encoded = headers.get("content-encoding", "identity") != "identity"
        self._readable = not encoded and (not kind or "json" in kind or "text" in kind)
        self._same = same
        self._status = reply.status
        self.streaming = streaming
        if self._plan.sources:
            for source in self._plan.at(attrs.RESPONSE_HEADER):
                self._set(source, _header(headers, source.attribute.value))
            if streaming:
                self._values = [(source, source.collectors()) for source in self._plan.at(attrs.STREAM)]
                self._collectors = [collector for _, collectors in self._values for collector in collectors]
        if streaming:
            self._readable = reply.streaming
            return self.events if self._collectors or not same else None
        if (only := reply.only) is None:
            return self.pieces
        self.pieces((only,))
        return None

    def pieces(self, batch: Batch) -> None:
        """Keeps the next pieces of a plain answer."""
        self._size += len(raw_of(batch))
        if self._readable and self._size <= MAX_BODY:
            self._pieces += batch
        else:
            self._pieces.clear()

    def events(self, batch: Batch) -> None:
        """Reads the next events of a stream. Decodes an event only if it may contain something to record."""
        if not self._same:
            if "chat_id" not in self.log:
                self._first_id(batch)
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
            if self.counts and (data := event.data) and (len(data) <= LARGE or has_usage(body)):
                self.usage.feed(data, body)
            self.failed = self.failed or is_error(body)

    def end(self, answer: Reader | None = None) -> None:
        """Completes the log. `answer` has read the provider's answer. Its usage is used if the client saw none."""
        self.log["response_type"] = "stream" if self.streaming else "normal"
        body: Any = None
        if not self.streaming:
            body = self._plain()
        elif answer is not None and self._same:
            self._tell(answer.telling)
            if self._readable and (found := answer.id) is not None:
                self.log["chat_id"] = found
        if self.counts:
            if not self.usage.total and answer is not None:
                self.usage.feed(as_payload(answer.tokens, answer.model))
            self._tokens()
        if self._plan.sources:
            self._answer_values(body)
        self._pieces.clear()
        self._known = None

    def _answer_values(self, body: Any) -> None:
        for source, collectors in self._values:
            self._set(source, self._detail(source) if source.details else _preferred(collectors))
        for source in () if self.streaming else self._plan.at(attrs.RESPONSE_BODY):
            self._set(source, self._detail(source) if source.details else source.of_body(body))

    def read(self, whole: Chunk) -> None:
        """Reads a large plain answer, which takes too long for the loop, before `reply` and `end` are called."""
        self._known = whole, self._read(whole)

    def _read(self, whole: Chunk) -> Any:
        return _beside_content(whole) if not self._plan.sources and len(whole.raw) > LARGE else whole.json()

    def _plain(self) -> Any:
        """Returns the decoded body of a complete plain answer, and records its id, its usage and whether it is an
        error."""
        whole = self._pieces[0] if len(self._pieces) == 1 and self._pieces[0].data else None
        if whole is None:
            data = raw_of(self._pieces)
            whole = Chunk(data, data)
        body = self._read(whole) if self._known is None or self._known[0] is not whole else self._known[1]
        if (found := chat_id(body)) is not None:
            self.log["chat_id"] = found
        self.failed = self.failed or is_error(body) or (self._status >= 400 and not (self._readable and self._size))
        if self.counts:
            self.usage.feed(whole.data or b"", body)
        return body

    def _tokens(self) -> None:
        usage, log, spans = self.usage, self.log, self.spans
        if not usage.seen:
            return
        log["model"] = usage.model
        log["input_token"] = usage.input
        log["output_token"] = usage.output
        log["total_token"] = usage.total
        log["input_token_details"] = usage.input_details
        log["output_token_details"] = usage.output_details
        if usage.total > 0:
            if usage.model:
                spans["gen_ai.model_name"] = usage.model
            spans["gen_ai.usage.input_tokens"] = str(usage.input)
            spans["gen_ai.usage.output_tokens"] = str(usage.output)
            spans["gen_ai.usage.total_tokens"] = str(usage.total)

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
    """Returns the decoded body. An object is made of the fields that others have decoded already."""
    try:
        document = request.document
        return {name: document.get(name) for name in document.names()}
    except ValueError:
        return Chunk(request.body, request.body).json()


def _beside_content(whole: Chunk) -> Any:
    """Reads a large body without its content, because 10 MB of vectors would take 60 ms."""
    if whole.is_read:
        return whole.json()
    try:
        return without_large(whole.raw, decoded)
    except ValueError:
        return whole.json()


def _header(headers: Mapping[str, str], name: str) -> str | None:
    """Returns the value of a header as Higress sees it: if the header occurs several times, the values are joined with
    commas."""
    every = getattr(headers, "getall", None)
    values = every(name, ()) if every and name else ()
    return ",".join(values) or None


def _preferred(collectors: Sequence[Collector]) -> Any:
    return next((value for collector in collectors if (value := collector.value) is not None), None)
