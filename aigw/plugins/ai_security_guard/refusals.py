"""What a client gets in the place of what was denied: Higress's formats for chats, and the same text in the format of
every other client."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from aigw.core.answer import Answer, BreakingOff
from aigw.core.env import Env
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.reply import Reply
from aigw.core.tokens import Tokens
from aigw.dialects.json_values import encoded
from aigw.higress import moderation
from aigw.plugins.ai_security_guard.config import Config
from aigw.plugins.ai_security_guard.decision import Decision
from aigw.plugins.ai_security_guard.moderation import Phase

STREAM = "text/event-stream;charset=UTF-8"
JSON = "application/json"
CODE = "content_blocked"
CHAT = "openai-chat"
_NOTHING = Tokens(input=0, output=0, source="reported")

Details = Sequence[tuple[str, str]]


class Refusals(Protocol):
    def reply(self, exchange: Exchange, decision: Decision, phase: Phase, *, streaming: bool) -> Reply:
        """The answer to a request that is denied, or the one in the place of a plain answer. Raises GatewayError where
        nothing can be answered."""
        ...

    def ending(self, exchange: Exchange, decision: Decision, begun: BreakingOff | None) -> bytes:
        """Returns the events that end a stream. `begun` has seen the part that the client has got, None if it has got
        nothing. Raises GatewayError if only an error can end the stream."""
        ...


class TodaysRefusals:
    """An answer of the model `from-security-guard`, or the bare JSON with `protocol: original`. Clients that do not
    speak of chats get the same text in their own format."""

    def __init__(self, config: Config, env: Env) -> None:
        self._clock = env.clock
        self._behind = env.choose(safe=b"\n\n", higress=b"")  # some clients need a blank line at the end
        self._status = config.deny_code
        self._structured = config.deny_format == "structured"
        self._bare = config.protocol == "original"
        self._message = config.deny_message or (moderation.DEFAULT_MESSAGE if self._structured else "")

    def reply(self, exchange: Exchange, decision: Decision, phase: Phase, *, streaming: bool) -> Reply:
        body = self._body(exchange, decision.details, streaming=streaming)
        headers = {"content-type": STREAM if streaming and not self._bare else JSON}
        reply = exchange.reply(body, status=self._status, headers=headers)
        reply.makeshift = True
        return reply

    def ending(self, exchange: Exchange, decision: Decision, begun: BreakingOff | None) -> bytes:
        if begun is not None and exchange.dialect.name != CHAT:
            return begun.end(self._text(decision.details))
        body = self._body(exchange, decision.details, streaming=True)
        return body if begun is None else begun.others("stop") + body

    def facts(self, details: Details) -> dict[str, Any]:
        """Returns the JSON that describes a denial."""
        message = {"denyMessage": self._message} if self._message else {}
        blocked = [{"type": kind, "level": level} for kind, level in details]
        return {"code": self._status, **message, "blockedDetails": blocked}

    def _text(self, details: Details) -> str:
        return self._message if self._structured else encoded(self.facts(details)).decode()

    def _body(self, exchange: Exchange, details: Details, *, streaming: bool) -> bytes:
        if self._bare:
            return encoded(self.facts(details))
        if exchange.dialect.name != CHAT:
            return self._in_format(exchange, details, streaming=streaming)
        mark = self.facts(details) if self._structured else None
        text, id, created = self._text(details), exchange.id, int(self._clock.time())
        if streaming:
            return moderation.denied_events(text, mark, id, created) + self._behind
        return moderation.denied_chat(text, mark, id, created)

    def _in_format(self, exchange: Exchange, details: Details, *, streaming: bool) -> bytes:
        asked, text = exchange.asked, self._text(details)
        try:
            writer = exchange.dialect.writer(asked, exchange.id, int(self._clock.time()))
        except ValueError:
            raise self._error(details) from None
        answer = Answer(text)
        if not streaming:
            return writer.whole([answer], _NOTHING)
        events = [*writer.opening(0, None), *writer.piece(0, text, None), *writer.closing(0, answer)]
        return b"".join([*events, *writer.end(_NOTHING if asked.wants_usage else None)])

    def _error(self, details: Details) -> GatewayError:
        status = self._status if self._status >= 400 else 403
        return _error(status, self._message, details)


class OriginalRefusals:
    """The form of June 2024: 403 and bare JSON, also in the place of an answer."""

    def reply(self, exchange: Exchange, decision: Decision, phase: Phase, *, streaming: bool) -> Reply:
        body = {"Code": 403, "BlockPhase": phase.title(), "Message": decision.advice or "risk detected"}
        text = json.dumps(body, indent=4, ensure_ascii=False)
        reply = exchange.reply(text.encode(), status=403, headers={"content-type": JSON})
        reply.makeshift = True
        return reply

    def ending(self, exchange: Exchange, decision: Decision, begun: BreakingOff | None) -> bytes:
        raise _error(403, decision.advice or "risk detected", decision.details)


def _error(status: int, message: str, details: Details) -> GatewayError:
    named = ", ".join(f"{kind} {level}" for kind, level in details)
    message = message or "blocked by ai-security-guard"
    return GatewayError(status, f"{message} ({named})" if named else message, kind="content_filter", code=CODE)
