"""What a client gets in the place of what was denied: Higress's formats for chats, and the same text in the format of
every other client."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from aigw.core.dialect import Answer
from aigw.core.env import Env
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.reply import Reply
from aigw.core.tokens import Tokens
from aigw.dialects.json_values import encoded
from aigw.plugins.ai_security_guard.checking import Phase
from aigw.plugins.ai_security_guard.config import Config
from aigw.plugins.ai_security_guard.deciding import Decision

MODEL = "from-security-guard"
DEFAULT_MESSAGE = "很抱歉，我无法回答您的问题"
"""Higress's own words: "I am sorry, I cannot answer your question"."""
STREAM = "text/event-stream;charset=UTF-8"
JSON = "application/json"
CODE = "content_blocked"
CHAT = "openai-chat"
_NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
_NOTHING = Tokens(input=0, output=0, source="reported")

Details = Sequence[tuple[str, str]]


class Refusals(Protocol):
    def reply(self, exchange: Exchange, decision: Decision, phase: Phase, *, streaming: bool) -> Reply:
        """The answer to a request that is denied, or the one in the place of a plain answer. Raises GatewayError where
        nothing can be answered."""
        ...

    def ending(self, exchange: Exchange, decision: Decision, *, begun: bool) -> bytes:
        """The events that end a stream, of which the client has got something if it has `begun`. Raises GatewayError
        where only an error can end it."""
        ...


class TodaysRefusals:
    """An answer of the model `from-security-guard`, or the bare JSON with `protocol: original`. Clients that do not
    speak of chats get the same text in their own format."""

    def __init__(self, config: Config, env: Env) -> None:
        self._clock = env.clock
        self._done = env.choose(safe=b"data: [DONE]\n\n", higress=b"data: [DONE]")
        self._status = config.deny_code
        self._structured = config.deny_format == "structured"
        self._bare = config.protocol == "original"
        self._message = config.deny_message or (DEFAULT_MESSAGE if self._structured else "")

    def reply(self, exchange: Exchange, decision: Decision, phase: Phase, *, streaming: bool) -> Reply:
        body = self._body(exchange, decision.details, streaming=streaming)
        headers = {"content-type": STREAM if streaming and not self._bare else JSON}
        reply = exchange.reply(body, status=self._status, headers=headers)
        reply.makeshift = True
        return reply

    def ending(self, exchange: Exchange, decision: Decision, *, begun: bool) -> bytes:
        if begun and exchange.dialect.name != CHAT:
            raise self._error(decision.details)
        return self._body(exchange, decision.details, streaming=True)

    def facts(self, details: Details) -> dict[str, Any]:
        """What is said of a denial, as JSON."""
        message = {"denyMessage": self._message} if self._message else {}
        blocked = [{"type": kind, "level": level} for kind, level in details]
        return {"code": self._status, **message, "blockedDetails": blocked}

    def chat(self, details: Details, id: str) -> bytes:
        choice = self._choice("message", {"role": "assistant", "content": self._text(details)}, "stop", details)
        return encoded(self._frame("chat.completion", id, choice) | {"usage": _NO_USAGE})

    def chat_events(self, details: Details, id: str) -> bytes:
        """Higress writes no blank line at the end, which some clients need."""
        first = self._choice("delta", {"role": "assistant", "content": self._text(details)}, None, details)
        last = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
        events = (
            self._frame("chat.completion.chunk", id, first),
            self._frame("chat.completion.chunk", id, last) | {"usage": _NO_USAGE},
        )
        return b"".join(b"data:" + encoded(event) + b"\n\n" for event in events) + self._done

    def _text(self, details: Details) -> str:
        return self._message if self._structured else encoded(self.facts(details)).decode()

    def _frame(self, kind: str, id: str, choice: dict[str, Any]) -> dict[str, Any]:
        created = int(self._clock.time())
        return {"id": f"chatcmpl-{id[:29]}", "object": kind, "created": created, "model": MODEL, "choices": [choice]}

    def _choice(self, name: str, said: dict[str, Any], finish: str | None, details: Details) -> dict[str, Any]:
        mark = {"x_higress_guardrail": self.facts(details)} if self._structured else {}
        return {"index": 0, name: said, "logprobs": None, "finish_reason": finish, **mark}

    def _body(self, exchange: Exchange, details: Details, *, streaming: bool) -> bytes:
        if self._bare:
            return encoded(self.facts(details))
        if exchange.dialect.name == CHAT:
            return (self.chat_events if streaming else self.chat)(details, exchange.id)
        return self._in_format(exchange, details, streaming=streaming)

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

    def ending(self, exchange: Exchange, decision: Decision, *, begun: bool) -> bytes:
        raise _error(403, decision.advice or "risk detected", decision.details)


def _error(status: int, message: str, details: Details) -> GatewayError:
    named = ", ".join(f"{kind} {level}" for kind, level in details)
    message = message or "blocked by ai-security-guard"
    return GatewayError(status, f"{message} ({named})" if named else message, kind="content_filter", code=CODE)
