"""Tries one provider for a request, with one of its API tokens after another (`retryOnFailure`), until an answer may go
to the client or nothing is left to try here."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from aigw.core.content_coding import Decoding
from aigw.core.env import Clock
from aigw.core.errors import FailedAnswerError, GatewayError, UpstreamError
from aigw.core.exchange import Exchange
from aigw.core.model import Request
from aigw.core.plugin import Next
from aigw.core.reply import Reply
from aigw.dialects import apis
from aigw.dialects.failures import message_in
from aigw.providers import missing_api
from aigw.providers.answers import MAX_ERROR
from aigw.providers.bound import BoundProvider
from aigw.providers.call import Call
from aigw.providers.refusals import STATUSES

ERROR_SECONDS = 1.0
"""How long the body of an error may take before the next provider is tried."""


class Failed(NamedTuple):
    """A provider or one of its tokens that failed, with its reply or its exception."""

    name: str
    status: int
    reply: Reply | None
    error: UpstreamError | GatewayError | None
    words: str

    @property
    def reason(self) -> str:
        """The status and, if the transport failed, how: nothing that the provider wrote, which may quote a key."""
        error = self.error
        if isinstance(error, UpstreamError) and not isinstance(error, FailedAnswerError):
            return f"{self.status} {error.fault.code}"
        return f"{self.status}"


class _Outcome(NamedTuple):
    """The outcome of a call: a reply, or an error. `status` is the status as which it counts, because an answer of
    status 200 may have failed, too. `can_retry` says whether there was another token to try when the call was sent."""

    call: Call
    status: int
    reply: Reply | None
    error: UpstreamError | None
    can_retry: bool

    @property
    def was_answered(self) -> bool:
        return self.reply is not None or isinstance(self.error, FailedAnswerError)

    async def aclose(self) -> None:
        if self.reply is not None:
            await self.reply.aclose()


class Attempt:
    """The attempts at one provider. `last` is whether there is no other provider, `final` whether the client then gets
    a single failure as it is."""

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
        final: bool,
    ) -> None:
        self._exchange = exchange
        self._call_next = call_next
        self._provider = provider
        self._source = source
        self._api = api
        self._clock = clock
        self._last = last
        self._final = final
        self._tried: list[str] = []
        retry = provider.config.retry_on_failure
        self._retries_left = retry.max_retries if retry.enabled and source.upload is None else 0

    async def run(self) -> Reply | list[Failed]:
        """Returns what the client gets, or what failed, one after another, if the next provider should be tried or the
        client should learn of more than one failure."""
        provider = self._provider
        failed: list[Failed] = []
        first: _Outcome | None = None  # that fails, if the client gets that
        while True:
            try:
                outcome = await self._try_token()
            except GatewayError as refusal:
                if (self._final and not failed) or refusal.code == "invalid_body":
                    raise
                return [*failed, Failed(self._name, refusal.status, None, refusal, refusal.message)]
            if outcome.status < 400:
                assert outcome.reply is not None
                try:
                    return await provider.read(self._exchange, outcome.call, outcome.reply)
                except UpstreamError as broken:
                    outcome = outcome._replace(status=broken.status, error=broken)
            if outcome.can_retry and (first is not None or provider.retries_on(outcome.status)):
                self._retries_left -= 1
                if not provider.tells_first_only:
                    failed.append(await self._failure(outcome))
                elif first is None:
                    first = outcome
                else:
                    await outcome.aclose()
            elif failed or not self._final:
                return [*failed, await self._failure(outcome)]
            else:
                return await self._failure_for_client(first or outcome)

    async def _try_token(self) -> _Outcome:
        """Sends the request with the next token: once more without the fields that the gateway has added by itself, if
        the provider refuses these. Raises GatewayError if it cannot be written."""
        tokens = self._provider.tokens
        # An API that refers to data which the provider keeps for an account always gets the consumer's own token.
        pin = self._exchange.consumer if self._api in apis.STATEFUL else ""
        token, again = tokens.pick(without=self._tried, pin=pin), bool(self._tried)
        if token is not None:
            self._tried.append(token)
        outcome = await self._send(token, again=again)
        if outcome.status >= 400 and outcome.was_answered and (refused := await self._refused(outcome)):
            await outcome.aclose()
            outcome = await self._send(token, again=again)
            self._provider.refusals.confirm(outcome.call, refused, works=outcome.status < 400)
        if token is not None and not missing_api.is_missing(self._api, outcome.status):
            tokens.report(token, outcome.status)
        return outcome

    async def _send(self, token: str | None, *, again: bool) -> _Outcome:
        """Writes the call and sends it. The status of a stream is known when its first event has arrived. While
        something else could be tried, what only opens the stream is not sent to the client yet."""
        exchange, provider = self._exchange, self._provider
        call = await provider.write(exchange, self._source, self._api, token, own=again)
        if again:
            call = provider.bound_retry(call)
        can_retry = self._retries_left > 0 and provider.tokens.has_more(self._tried) and provider.retries(call)
        exchange.request, exchange.target, exchange.wire = call.request, call.target, call.dialect
        exchange.provider, exchange.mapped = provider.row.type, call.model
        exchange.wire_api = call.api or exchange.api
        exchange.attempts.append(provider.name)
        reply: Reply | None = None
        try:
            reply = await self._call_next(exchange)
            if exchange.answer is not None:
                exchange.answer.secrets = provider.hidden
            status = reply.status
            if status < 400:
                began = self._clock.monotonic()
                try:
                    status = await provider.judge.status(exchange, reply, others=can_retry or not self._last)
                finally:
                    exchange.timing.waited += self._clock.monotonic() - began
        except UpstreamError as error:
            if reply is not None:
                await reply.aclose()
            return _Outcome(call, error.status, None, error, can_retry)
        return _Outcome(call, status, reply, None, can_retry)

    @property
    def _name(self) -> str:
        name = self._provider.name
        return f"another token of {name}" if len(self._tried) > 1 else name

    async def _refused(self, outcome: _Outcome) -> list[str]:
        """Returns the fields that the gateway has added by itself and that the provider's error names. Without a reply,
        the error was in an answer of status 200."""
        call, reply = outcome.call, outcome.reply
        if reply is not None and reply.status not in (200, *STATUSES):
            return []
        added = self._provider.added(call, self._source)
        return self._provider.refusals.learn(call, added, await self._error_text(reply)) if added else []

    async def _error_text(self, reply: Reply | None) -> str:
        """Returns the text of an error, "" if it cannot be read."""
        answer = self._exchange.answer
        if reply is None or reply.status == 200:
            return answer.error if answer is not None else ""
        try:
            whole = await reply.whole(MAX_ERROR)
            coding = reply.headers.get("content-encoding", "") if whole is not None else ""
            return Decoding(coding, MAX_ERROR).feed(whole.raw if whole else b"").decode("utf-8", "replace")
        except (UpstreamError, ValueError, ImportError):
            return ""

    async def _failure_for_client(self, outcome: _Outcome) -> Reply:
        """Returns or raises the failure that the client gets. After several attempts, a header tells SDKs not to
        retry."""
        if outcome.error is not None:
            raise outcome.error
        assert outcome.reply is not None
        reply = await self._provider.read(self._exchange, outcome.call, outcome.reply)
        if len(self._exchange.attempts) > 1:
            reply.headers.setdefault("x-should-retry", "false")
        return reply

    async def _failure(self, outcome: _Outcome) -> Failed:
        """Returns what failed. The body of an error is read now, because its connection is closed before the next
        provider is tried."""
        failed = await self._with_body(outcome) if outcome.error is None else None
        await outcome.aclose()
        if failed is not None:
            return failed
        message = f"the provider answered {outcome.status}"
        error = outcome.error or FailedAnswerError(outcome.status, message, code="upstream_status")
        return Failed(self._name, outcome.status, None, error, str(outcome.error or ""))

    async def _with_body(self, outcome: _Outcome) -> Failed | None:
        """Returns what failed, with its body, None if that is too slow or too large to be read."""
        assert outcome.reply is not None
        try:
            async with asyncio.timeout(ERROR_SECONDS):
                shaped = await self._provider.read(self._exchange, outcome.call, outcome.reply)
                whole = await shaped.whole(MAX_ERROR)
        except (UpstreamError, TimeoutError):
            return None
        if whole is None:
            return None
        kept = self._exchange.reply(whole.raw, status=shaped.status, headers=shaped.headers.items())
        return Failed(self._name, outcome.status, kept, None, message_in(whole.raw))
