"""ai-history exactly as in Higress: it looks at chats of OpenAI only, and writes their body anew.

Without the identity header, everybody shares one history. A turn that begins while another one is running forgets that
one. Where Higress crashes (a negative number of turns), nothing is added."""

from __future__ import annotations

from aigw.core.aside import aside
from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.layers import Outcome
from aigw.core.plugin import Next
from aigw.core.reply import Reply
from aigw.core.stores import KV, StoreError
from aigw.higress import chat_history
from aigw.higress.bodies import is_unseen
from aigw.higress.chat_history import AnswerText, Turns
from aigw.plugins.ai_history.config import Config, is_query, last, wanted

EVENTS = "text/event-stream"


class HigressHistory:
    def __init__(self, config: Config, kv: KV, env: Env) -> None:
        self._config = config
        self._kv = kv
        self._env = env

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        request = exchange.request
        if not self._reads(exchange):
            return await call_next(exchange)
        request.seal()
        body, querying = request.body, is_query(request.target)
        question = await aside(len(body), chat_history.question, body)
        if not question:
            return await call_next(exchange)
        identity = request.headers.get(self._config.header, "").replace(" ", "")
        if identity:
            request.headers.popall("accept-encoding", None)
        key = self._config.prefix + identity
        value = await self._get(key)
        turns = chat_history.decoded(value) if value is not None else None
        if turns is not None and querying:
            count = wanted(request.query, "cnt", len(turns) // 2)
            headers = {"content-type": "application/json; charset=utf-8"}
            return exchange.reply(chat_history.encoded(last(turns, count)), headers=headers)
        if turns is not None:
            count = wanted(request.query, "fill_history_cnt", self._config.count)
            filled = await aside(len(body), chat_history.filled, body, last(turns, count))
            if filled is not None:
                request.replace_body(filled)
        reply = await call_next(exchange)
        kept = turns if value is not None else Turns()
        if kept is None or querying or is_unseen(reply.headers):
            return reply
        streams = await aside(len(body), chat_history.streams, body) or EVENTS in reply.headers.get("content-type", "")
        return self._recorded(exchange, reply, key, [*kept, ("user", question)], stream=streams)

    def _reads(self, exchange: Exchange) -> bool:
        request = exchange.request
        kind = request.headers.get("content-type", "")
        return request.upload is None and "application/json" in kind and not is_unseen(exchange.original.headers)

    async def _get(self, key: str) -> bytes | None:
        try:
            return await self._kv.get(key)
        except StoreError as error:
            self._env.log.warning("ai-history: %s", error)
            return None

    def _recorded(self, exchange: Exchange, reply: Reply, key: str, turns: Turns, *, stream: bool) -> Reply:
        answer = AnswerText()

        def ended(outcome: Outcome) -> None:
            if outcome is Outcome.COMPLETE and (text := answer.text(stream=stream)) is not None:
                exchange.defer(self._put, key, [*turns, ("assistant", text)])

        return reply.tap(answer.batch, ended)

    async def _put(self, key: str, turns: Turns) -> None:
        try:
            value = chat_history.encoded(last(turns, 2 * self._config.count))
            await self._kv.put(key, value, self._config.ttl)
        except (StoreError, UnicodeEncodeError) as error:
            self._env.log.warning("ai-history: a turn was not kept: %s", error)
