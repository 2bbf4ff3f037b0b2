"""Which provider a request goes to, and what happens when it fails: before the first event a failure moves on,
after it never.

Within a provider another API token is tried (`retryOnFailure`), then the next provider (`fallback`). An upload that
is streamed through can be sent only once, so its first answer is final."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from aigw.core.env import Clock, Env
from aigw.core.errors import GatewayError, UpstreamError
from aigw.core.exchange import Exchange
from aigw.core.model import Batch, Chunk, Request
from aigw.core.plugin import Next
from aigw.core.reply import Reply
from aigw.dialects import apis
from aigw.dialects.reader import MAX_PLAIN
from aigw.providers.bound import BoundProvider
from aigw.providers.call import Call
from aigw.providers.mapping import ModelMapping
from aigw.providers.models import list_models

HOLD_SECONDS, HOLD_BYTES = 15.0, 64 * 1024
"""How long, and how many, comments before the first event are kept back while another provider could be tried."""

STREAM_ERROR = 502
"""The status that an error event at the start of a 200 stream counts as."""


class Router:
    """`weights` share the requests out (empty: all go to the first provider), `fallback` are the ids tried after a
    failure, `by_model` maps models to ids, written as a modelMapping."""

    def __init__(
        self,
        providers: Sequence[BoundProvider],
        env: Env,
        *,
        weights: Mapping[str, int],
        fallback: Sequence[str],
        by_model: Mapping[str, str],
    ) -> None:
        self._providers = {provider.name: provider for provider in providers}
        self._default = providers[0]
        self._weights = {name: share for name, share in weights.items() if name in self._providers}
        self._fallback = [self._providers[name] for name in fallback if name in self._providers]
        self._by_model = ModelMapping(by_model) if by_model else None
        self._env = env

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        source = exchange.request
        api = exchange.api or None
        if self._default.adds_version and "/v1" not in source.path:
            source.path = apis.with_version(source.path)
        if self._by_model is not None and api == apis.MODELS and source.method == "GET":
            return await list_models(exchange, source, list(self._providers.values()), self._env)
        first = self._pick(exchange, api)
        candidates = [first, *(provider for provider in self._fallback if provider is not first)]
        if source.stream is not None:
            candidates = candidates[:1]
        for index, provider in enumerate(candidates):
            last = index == len(candidates) - 1
            attempt = _Attempt(exchange, call_next, provider, source, api, self._env.clock, last=last)
            reply = await attempt.run()
            if reply is not None:
                return reply
        raise AssertionError("the last attempt replies or raises")

    def _pick(self, exchange: Exchange, api: str | None) -> BoundProvider:
        if self._by_model is not None:
            model = _model_of(exchange, api)
            found = self._providers.get(self._by_model.map(model))
            return found or self._default
        if self._weights:
            (name,) = self._env.random.choices(list(self._weights), list(self._weights.values()))
            return self._providers[name]
        return self._default


class _Attempt:
    """One provider's turn: its tokens one after another. `run` gives None where the next provider should be tried."""

    def __init__(
        self,
        exchange: Exchange,
        call_next: Next,
        provider: BoundProvider,
        source: Request,
        api: str | None,
        clock: Clock,
        *,
        last: bool,
    ) -> None:
        self._exchange = exchange
        self._call_next = call_next
        self._provider = provider
        self._source = source
        self._api = api
        self._clock = clock
        self._last = last
        self._tried: list[str] = []

    async def run(self) -> Reply | None:
        provider, retry = self._provider, self._provider.config.retry_on_failure
        attempts_left = retry.max_retries if retry.enabled and self._source.stream is None else 0
        first: tuple[Call, Reply | None, UpstreamError | None] | None = None
        while True:
            token = provider.tokens.pick(without=self._tried, pin=self._pin())
            again = bool(self._tried)
            if token is not None:
                self._tried.append(token)
            try:
                call = await provider.write(self._exchange, self._source, self._api, token, own=again)
            except GatewayError as refusal:
                if self._last or refusal.code == "invalid_body":
                    raise
                return None
            if again:
                call = provider.bound_retry(call)
            can_retry = attempts_left > 0 and provider.tokens.has_more(self._tried) and provider.retries(call)
            status, reply, error = await self._send(call, hold=can_retry or not self._last)
            if token is not None:
                provider.tokens.report(token, status)
            if status < 400:
                assert reply is not None
                try:
                    return await provider.read(self._exchange, call, reply)
                except UpstreamError as broken:
                    status, error = broken.fault.status, broken
            if can_retry and (provider.retries_on(status) or first is not None):
                attempts_left -= 1
                if provider.tells_first_failure and first is None:
                    first = call, reply, error
                    continue
            elif not self._last:
                if reply is not None:
                    await reply.aclose()
                return None
            else:
                call, reply, error = first or (call, reply, error)
                if error is not None:
                    raise error
                assert reply is not None
                return self._final(await provider.read(self._exchange, call, reply))
            if reply is not None:
                await reply.aclose()

    def _final(self, reply: Reply) -> Reply:
        """A failure that others were tried for: SDKs need not repeat all of that."""
        if len(self._exchange.attempts) > 1:
            reply.headers.setdefault("x-should-retry", "false")
        return reply

    async def _send(self, call: Call, *, hold: bool) -> tuple[int, Reply | None, UpstreamError | None]:
        """The status that the attempt counts as, and the reply or the error. A stream counts when its first event is
        there; with `hold` comments before it are kept back, because what has been sent to the client is final."""
        exchange = self._exchange
        exchange.request, exchange.target, exchange.wire = call.request, call.target, call.dialect
        exchange.provider = self._provider.row.type
        exchange.attempts.append(self._provider.name)
        try:
            reply = await self._call_next(exchange)
            if reply.streaming and reply.status == 200:
                asked = self._clock.monotonic()
                batch = await reply.first(_Held(self._clock) if hold else _anything)
                exchange.timing.waited += self._clock.monotonic() - asked
                event = next((chunk for chunk in batch if chunk.data is not None), None)
                if event is not None and self._is_failure(event):
                    return STREAM_ERROR, reply, None
            elif reply.status == 200 and self._api in apis.METERED and "json" in reply.headers.get("content-type", ""):
                asked = self._clock.monotonic()
                whole = await reply.whole(MAX_PLAIN)
                exchange.timing.waited += self._clock.monotonic() - asked
                if whole is not None and exchange.answer is not None and "content-encoding" not in reply.headers:
                    exchange.answer.feed((whole,))
        except UpstreamError as error:
            return error.fault.status, None, error
        return reply.status, reply, None

    def _is_failure(self, event: Chunk) -> bool:
        """Whether the first event says that the call failed; one behind it that does so comes too late."""
        exchange = self._exchange
        if exchange.answer is None or not exchange.answer.error:
            return False
        alone = exchange.wire.reader(exchange.asked, streaming=True)
        alone.feed([event])
        return bool(alone.error)

    def _pin(self) -> str:
        """Who must stay with one token: a consumer of an API that refers to what an account keeps."""
        if self._api not in apis.STATEFUL:
            return ""
        return self._exchange.consumer


class _Held:
    """Says when to stop keeping a stream back: at its first event, or when its comments become too many or too old."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = clock.monotonic() + HOLD_SECONDS
        self._bytes = 0

    def __call__(self, batch: Batch) -> bool:
        self._bytes += sum(len(chunk.raw) for chunk in batch)
        return (
            any(chunk.data is not None for chunk in batch)
            or self._bytes > HOLD_BYTES
            or self._clock.monotonic() > self._until
        )


def _anything(batch: Batch) -> bool:
    return True


def _model_of(exchange: Exchange, api: str | None) -> str:
    """The model that a request names, in its body or (for /v1/models/{id}) in its path; "" if none."""
    source = exchange.request
    if api is None and "/v1/models/" in source.path:
        return unquote(source.path.partition("/v1/models/")[2])
    if source.is_json and source.body:
        try:
            _ = source.document
        except ValueError as error:
            raise GatewayError(400, f"the request body cannot be used: {error}", code="invalid_body") from None
    return exchange.asked.model
