"""ai-statistics: records each request and its answer, as Higress's ai_log, metrics and span tags.

It changes nothing. It is the outermost of the AI plugins, so that it sees the request as the client sent it, and the
answer as the client gets it. The results are in `exchange.labels` when the answer has ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Annotated

from msgspec import Meta, Struct

from aigw.core.aside import aside
from aigw.core.env import Env, Services
from aigw.core.errors import GatewayError, UpstreamError
from aigw.core.exchange import Exchange
from aigw.core.headers import SESSION_HEADERS
from aigw.core.layers import OnBatch, Outcome
from aigw.core.model import Batch
from aigw.core.pace import LARGE
from aigw.core.plugin import About, Difference, Next, Place, Plugin, Problem
from aigw.core.reply import Reply
from aigw.higress.bodies import is_unseen
from aigw.higress.log_fields import UNKNOWN, api_of, model_of
from aigw.plugins.ai_statistics.ai_log import Plan, Record
from aigw.plugins.ai_statistics.attributes import BUILT_IN, FULL, LIGHT, RULES, SOURCES, Attribute

LIMIT, LIGHT_LIMIT, FULL_LIMIT = 32_000, 4_000, 10_485_760
"""How many bytes of a value's text are logged: without a default set, with the small one, and with the large one."""

_COUNTED = ("input_token", "output_token", "total_token", "llm_service_duration", "llm_first_token_duration")
"""Fields of the log whose numbers are added up as metrics."""
_ONE_FAILED = {"failed_provider_count": 1}

DEFAULT_SUFFIXES = ("/completions", "/messages")
"""If a default set is chosen, only requests whose path ends with one of these are recorded."""


class Config(Struct, frozen=True, kw_only=True):
    """Logs requests and answers, and counts their tokens.

    The access log (.aigw/access.jsonl) has Higress's `ai_log` for each request. Higress's counters for Prometheus are
    at /-/metrics. Requests and answers are not changed."""

    use_default_attributes: Annotated[bool, Meta(description="log messages, question, answer, tool calls, ...")] = False
    use_default_response_attributes: Annotated[bool, Meta(description="log the details of the token usage")] = False
    attributes: Annotated[list[Attribute], Meta(description="which values to log; ignored with a default set")] = []
    disable_openai_usage: Annotated[bool, Meta(description="true: do not read the token usage")] = False
    value_length_limit: Annotated[
        int | None,
        Meta(description="the most bytes of a value to log. Missing: 32000; default sets: 10485760 and 4000"),
    ] = None
    enable_path_suffixes: Annotated[
        list[str] | None,
        Meta(
            description='only for paths that end so; "*" for all. Missing: all; default sets: /completions, /messages'
        ),
    ] = None
    enable_content_types: Annotated[
        list[str], Meta(description='only for answers of these content types; empty or "*": all')
    ] = []
    session_id_header: Annotated[
        str, Meta(description="the header that names the session; those of Claude Code, Codex and others are read, too")
    ] = ""

    def chosen(self) -> tuple[Iterable[Attribute], int]:
        """Returns the attributes, and how many bytes of a value are logged."""
        chosen: tuple[Iterable[Attribute], int] = (self.attributes, LIMIT)
        if self.use_default_attributes:
            chosen = FULL, FULL_LIMIT
        elif self.use_default_response_attributes:
            chosen = LIGHT, LIGHT_LIMIT
        return chosen if self.value_length_limit is None else (chosen[0], self.value_length_limit)

    def suffixes(self) -> tuple[str, ...]:
        if self.enable_path_suffixes is None:
            return DEFAULT_SUFFIXES if self.use_default_attributes or self.use_default_response_attributes else ()
        return _filters(self.enable_path_suffixes)


def _filters(given: Iterable[str]) -> tuple[str, ...]:
    """Returns the entries of a filter; () means that it lets everything through."""
    filters = tuple(given)
    return () if "*" in filters else filters


def check(config: Config) -> list[Problem]:
    problems = []
    used = not (config.use_default_attributes or config.use_default_response_attributes)
    for index, attribute in enumerate(config.attributes if used else ()):
        at = ("attributes", index)
        if attribute.rule and attribute.rule not in RULES:
            message = f"value of rule must be one of [nil, first, replace, append], got '{attribute.rule}'"
            problems.append(Problem((*at, "rule"), message))
        if not attribute.key:
            problems.append(Problem(at, "has no key, so that it cannot be logged", quirk=True))
        source = attribute.value_source
        if source and source not in SOURCES:
            message = f"'{source}' is no source, so that there is never a value; use one of {', '.join(SOURCES)}"
            problems.append(Problem((*at, "value_source"), message, quirk=True))
        elif not source and attribute.key and attribute.key not in BUILT_IN:
            message = f"is missing, so that there is never a value; only {', '.join(BUILT_IN)} need none"
            problems.append(Problem((*at, "value_source"), message, quirk=True))
    if config.value_length_limit is not None and config.value_length_limit < 0:
        problems.append(Problem(("value_length_limit",), "must not be negative"))
    return problems


def not_inherited(keys: Collection[str], *, exact: bool) -> Collection[str]:
    """A rule with attributes of its own, or with the small set, does not take over a set that would go before them."""
    if exact:
        return Config.__struct_encode_fields__
    if "attributes" in keys:
        return "use_default_attributes", "use_default_response_attributes"
    return ("use_default_attributes",) if "use_default_response_attributes" in keys else ()


def identity(config: Config, services: Services) -> None:
    """Returns None: the plugin does not change answers."""


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    yield AiStatistics(config, env)


class AiStatistics:
    def __init__(self, config: Config, env: Env) -> None:
        attributes, limit = config.chosen()
        self.plan = Plan.of(
            attributes,
            limit=limit,
            usage=not config.disable_openai_usage,
        )
        self._suffixes = config.suffixes()
        self._content_types = _filters(config.enable_content_types)
        self.seen_by_client = env.choose(safe=False, higress=True)
        """Whether the client's answer is recorded, or else what was read from the provider."""
        self.session_header = config.session_id_header
        self.session_of = env.choose(safe=_session, higress=_in_headers)
        self.model_of = env.choose(safe=_asked, higress=_in_body)
        self.now = env.clock.monotonic
        self._metrics = env.metrics

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        request = exchange.request
        if self._suffixes and not request.path.endswith(self._suffixes):
            return await call_next(exchange)
        record = await aside(len(request.body), _Observation, self, exchange)
        try:
            reply = await call_next(exchange)
        except (GatewayError, UpstreamError):
            record.failed = True
            record.ended(Outcome.FAILED)
            raise
        content_type = reply.headers.get("content-type", "")
        if self._content_types and not any(each in content_type for each in self._content_types):
            return reply
        if self.seen_by_client and is_unseen(reply.headers):
            return reply
        if exchange.labels.cache == "hit" and not self.seen_by_client:
            record.counts = False  # its usage was counted already when the answer was made
        streaming = reply.streaming or "text/event-stream" in content_type
        same = exchange.answer is not None and exchange.wire is exchange.dialect and not self.seen_by_client
        if not streaming and (only := reply.only) is not None and len(only.raw) > LARGE:
            await aside(len(only.raw), record.read, only)
        look = record.reply(reply, streaming=streaming, same=same)
        if streaming:
            record.look, look = look, record.event
        return reply.tap(look, record.ended)

    def count(self, exchange: Exchange, consumer: str, record: Record) -> None:
        """Adds one request to the counters. A request without usage only counts if it failed, as in Higress."""
        if self._metrics is None:
            return
        log = record.log
        route = exchange.route.name if log.get("api", "-") == "-" else api_of(exchange.route.name)
        model = log.get("model")
        labels = (route, cluster_of(exchange), str(model or record.asked or UNKNOWN), consumer)
        amounts: dict[str, int] = {}
        if record.failed:
            amounts["llm_failure_count"] = 1
        if model is not None and record.counts:
            for name in _COUNTED:
                value = log.get(name)
                if isinstance(value, int) and value > 0:
                    amounts[name] = value
            amounts["llm_duration_count"] = 1
            if "llm_first_token_duration" in log:
                amounts["llm_stream_duration_count"] = 1
        if amounts:
            self._metrics.add(labels, amounts)
        for name, _ in exchange.labels.failed:
            self._metrics.add((route, name, labels[2], consumer), _ONE_FAILED)


class _Observation(Record):
    """The record of one request, with its times. Follows the exchange. `look` sees the events of a stream."""

    __slots__ = ("_consumer", "_exchange", "_plugin", "_started", "look")

    def __init__(self, plugin: AiStatistics, exchange: Exchange) -> None:
        self._plugin = plugin
        self._exchange = exchange
        self._consumer = exchange.consumer or "none"
        self._started = plugin.now()
        self.look: OnBatch | None = None
        super().__init__(
            plugin.plan,
            exchange.route.name,
            exchange.labels,
            exchange.request,
            plugin.model_of(exchange),
            plugin.session_of(exchange, plugin.session_header),
        )

    def event(self, batch: Batch) -> None:
        if "llm_first_token_duration" not in self.log:
            self.log["llm_first_token_duration"] = self._milliseconds()
        if self.look is not None:
            self.look(batch)

    def ended(self, outcome: Outcome) -> None:
        answer, plugin = self._exchange.answer, self._plugin
        self.look = None  # it is bound to this record: together they would stay until the collector comes
        if outcome is Outcome.FAILED or (answer is not None and not plugin.seen_by_client and answer.error):
            self.failed = True
        self.log["llm_service_duration"] = self._milliseconds()
        self.end(answer)
        plugin.count(self._exchange, self._consumer, self)

    def _milliseconds(self) -> int:
        return int((self._plugin.now() - self._started) * 1000)


def _asked(exchange: Exchange) -> str:
    """The model that is asked for, wherever this API has it: in the body, a form or the path."""
    return exchange.asked.model or _in_body(exchange)


_session: Callable[[Exchange, str], str] = Exchange.session


def _in_headers(exchange: Exchange, header: str) -> str:
    """The session, where Higress looks for it."""
    names = (header, *SESSION_HEADERS) if header else SESSION_HEADERS
    return next(filter(None, map(exchange.request.headers.get, names)), "")


def _in_body(exchange: Exchange) -> str:
    return model_of(exchange.request)


def cluster_of(exchange: Exchange) -> str:
    """Returns the name that Envoy has for the upstream: from the service of the route, or from the provider."""
    if exchange.route.service:
        return _cluster(exchange.route.service, 80)
    target = exchange.target
    if target is None:
        return "none"
    return _cluster(target.authority or str(target.origin).partition("://")[2], 443 if target.origin.tls_name else 80)


@lru_cache(maxsize=1024)
def _cluster(authority: str, default_port: int) -> str:
    host, colon, port = authority.rpartition(":")
    if not (colon and port.isdecimal()):
        host, port = authority, str(default_port)
    return f"outbound|{port}||{host}"


ABOUT = About(
    config=Config,
    build=build,
    place=Place("", 900),
    recipe="ai-statistics",
    check=check,
    inherits=True,
    not_inherited=not_inherited,
    identity=identity,
    differences=(
        Difference("a rule", "takes over what it does not say itself", "replaces the rest where it matches"),
        Difference(
            "an encoded answer", "its usage, how long it took and whether it failed", "nothing of it: Higress sees none"
        ),
        Difference("a model in a form, or in the path of an Azure deployment", "is logged", "is UNKNOWN"),
        Difference("the session", "also as Claude Code and Codex write it, in headers or the body", "four headers"),
        Difference("an answer that says it failed", "is a failure in every format", "only if it has a field `error`"),
    ),
)
