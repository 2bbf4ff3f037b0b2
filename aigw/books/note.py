"""The note that is kept of a request when it ends, and the usage row that is made of it."""

from __future__ import annotations

from aigw.books.usage_row import UsageRow
from aigw.core.exchange import Exchange, session_of
from aigw.core.layers import Outcome
from aigw.core.redaction import Redaction
from aigw.core.tokens import Tokens
from aigw.dialects import apis

MOST_CHARACTERS = 200
"""The longest name that is kept, if a client or a provider chose the name. A longer one is cut."""


class Note:
    """A request that has ended, for the client with `status`, at the monotonic time `ended`. `error` is the code of the
    error ("" if none). `asked` is the model that the client named, `model` the one that the provider says it used. `at`
    is when the request arrived, in seconds since 1970."""

    __slots__ = ("asked", "at", "ended", "error", "exchange", "model", "outcome", "status")

    def __init__(
        self, exchange: Exchange, status: int, outcome: Outcome, error: str, ended: float, epoch: float
    ) -> None:
        """`epoch` is the time of the monotonic clock at the start of 1970. An error that the provider reports is a
        failure, whatever the status is, and also if the client left because of it."""
        answer = exchange.answer
        if answer is not None and answer.error:
            outcome, error = Outcome.FAILED, _name(_without_keys(answer.error, exchange))
        self.exchange = exchange
        self.status = status
        self.outcome = outcome
        self.error = error
        self.ended = ended
        self.at = exchange.timing.arrived - epoch
        self.asked = _name(exchange.named or exchange.dialect.asked(exchange.original, exchange.api).model)
        self.model = _name((answer.model if answer else "") or exchange.mapped) or self.asked

    @property
    def costs_nothing(self) -> bool:
        """Whether the request certainly cost nothing: no provider was asked, or it was asked for something free."""
        exchange = self.exchange
        if exchange.timing.waited == 0 and self.outcome is Outcome.COMPLETE:
            return True
        return exchange.api in apis.FREE or (not exchange.api and not exchange.attempts)

    def row(self, tokens: Tokens, cost: float | None) -> UsageRow:
        exchange = self.exchange
        timing, labels, attempts = exchange.timing, exchange.labels, exchange.attempts
        arrived, waited, first = timing.arrived, timing.waited, timing.first
        begun = self.ended if timing.begun is None else timing.begun
        gateway_ms, wait_ms = _milliseconds(begun - arrived - waited), _milliseconds(waited)
        first_token_ms = None if first is None else _milliseconds(first - arrived)
        total_ms = _milliseconds(self.ended - arrived)
        session = session_of(exchange.original.headers, exchange.asked)
        # By place, in the order of the fields: Python makes a dict for a call with more than 15 names, in 1.6 us.
        return UsageRow(
            exchange.id,
            self.at,
            exchange.route.name,
            exchange.route.service or (exchange.target.authority if exchange.target else ""),
            attempts[-1] if attempts else "",
            exchange.api,
            self.asked,
            self.model,
            _name(exchange.consumer) if exchange.consumer else "",
            first is not None,
            self.status,
            self.outcome._value_,  # `value` takes two calls
            self.error,
            tokens,
            cost,
            len(attempts),
            labels.cache,
            gateway_ms,
            wait_ms,
            first_token_ms,
            total_ms,
            tuple(labels.retrieved),
            labels.guard,
            _name(_without_keys(session, exchange)) if session else "",
        )


def _without_keys(text: str, exchange: Exchange) -> str:
    """Returns an error of a provider, which may quote the key that it got."""
    redaction = Redaction(())
    redaction.learn_headers(exchange.request.headers)
    redaction.learn_headers(exchange.original.headers)
    return redaction.text(text, MOST_CHARACTERS)


def _name(text: str) -> str:
    """Returns a name with at most MOST_CHARACTERS, and without bytes that are not UTF-8."""
    return text if text.isascii() and len(text) <= MOST_CHARACTERS else _cut(text)


def _cut(text: str) -> str:
    return text[:MOST_CHARACTERS].encode("utf-8", "replace").decode()


def _milliseconds(seconds: float) -> float:
    return int(seconds * 1_000_000) / 1000 if seconds > 0 else 0.0
