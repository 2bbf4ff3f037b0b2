"""ai-history with `fidelity: safe`: a history for each user that nobody else can read, in every dialect.

Rule: what fails here never fails the request. It goes on without a history, and the header and the log say why."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import cast

from aigw.core.answer import Reader
from aigw.core.aside import aside
from aigw.core.dialect import Asked, Said
from aigw.core.env import Env
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.headers import CONSUMER_HEADER, CREDENTIALS
from aigw.core.layers import Outcome
from aigw.core.pending import Pending
from aigw.core.plugin import Next
from aigw.core.reply import Reply
from aigw.core.stores import KV, StoreError
from aigw.higress.chat_history import Turns, decoded, encoded
from aigw.plugins.ai_history.config import Config, is_query, last, wanted

NAME = "ai-history"
HEADER = "x-aigw-history"
MOST_BYTES = 256 * 1024
"""The size of the largest history. Of a larger one the oldest turns are dropped."""
ROLES = ("user", "assistant")
TRIES = 50
"""How often adding a turn is tried again because somebody else has added one meanwhile."""
PATIENCE = 1.0
"""How many seconds a question waits until the turn before it is kept."""


class SafeHistory:
    def __init__(self, config: Config, kv: KV, env: Env) -> None:
        self._config = config
        self._kv = kv
        self._env = env
        self._adding = Pending(PATIENCE)
        """The turns that are being kept, by key."""

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        key = self._key(exchange)
        if is_query(exchange.request.path):
            return await self._answer(exchange, key)
        size = len(exchange.request.body)
        question = await aside(size, _question, exchange)
        if not question:
            return await call_next(exchange)
        told = await self._fill(exchange, key) if key else f"none; no {self._config.header} header"
        exchange.labels.remarks[NAME] = told
        reply = await call_next(exchange)
        reply.headers[HEADER] = told
        reply.makeshift = True  # what a cache in front of this knows of the request does not decide about the answer
        return self._recorded(exchange, reply, key, question) if key and reply.status == 200 else reply

    def _key(self, exchange: Exchange) -> str:
        """Returns the key of the user's history, "" if he does not say who he is."""
        name = self._config.header.lower()
        given = exchange.consumer if name == CONSUMER_HEADER else exchange.original.headers.get(name, "")
        identity = given.replace(" ", "")
        if identity and name in CREDENTIALS:
            identity = sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return self._config.prefix + identity if identity else ""

    async def _answer(self, exchange: Exchange, key: str) -> Reply:
        if not key:
            message = f"the header {self._config.header} must say whose history it is"
            raise GatewayError(401, message, kind="authentication_error", code="no_identity")
        try:
            turns = await self._turns(key)
        except StoreError as error:
            message = f"the history cannot be reached now: {error}"
            raise GatewayError(503, message, kind="api_error", code="history_unavailable") from None
        found = last(turns, wanted(exchange.request.query, "cnt", len(turns)))
        return exchange.reply(encoded(found), headers={"content-type": "application/json; charset=utf-8"})

    async def _turns(self, key: str) -> Turns:
        """Returns the turns that are kept, with those that are still being added. Raises StoreError."""
        await self._adding.wait(key)
        return decoded(await self._kv.get(key) or b"[]") or Turns()

    async def _fill(self, exchange: Exchange, key: str) -> str:
        """Puts the history into the request. Returns what was done."""
        request = exchange.request
        if await aside(len(request.body), _has_its_own, exchange.asked):
            return "none; the request has its own"
        try:
            turns = await self._turns(key)
        except StoreError as error:
            self._env.log.warning("%s: %s", NAME, error)
            return "unavailable"
        turns = last(turns, wanted(request.query, "fill_history_cnt", self._config.count))
        try:
            said = [(cast(Said, role), text) for role, text in turns if role in ROLES]
            if said:
                await aside(len(request.body), exchange.dialect.insert, request.document, said, "behind system")
        except ValueError:
            return "none; this API has no conversation"
        return f"{len(turns) // 2} {'turn' if len(turns) == 2 else 'turns'}"

    def _recorded(self, exchange: Exchange, reply: Reply, key: str, question: str) -> Reply:
        """Notes the answer as the client gets it."""
        own: Reader | None = None
        if exchange.answer is None or reply.rewriters or reply.makeshift:  # another answer may stand in its place
            own = exchange.dialect.reader(exchange.asked, streaming=reply.streaming)

        def ended(outcome: Outcome) -> None:
            answer = own or exchange.answer
            if outcome is Outcome.COMPLETE and answer is not None:
                exchange.defer(self._add, key, question, answer, self._adding.begin(key))

        return reply.tap(own.feed if own is not None else None, ended)

    async def _add(self, key: str, question: str, answer: Reader, end: Callable[[], None]) -> None:
        """Adds a turn. Turns that come at the same time, also to other workers and machines, are all kept."""
        try:
            text = await aside(answer.size, _whole_text, answer)
            if text and len(question) + len(text) < MOST_BYTES and not await self._added(key, question, text):
                self._env.log.warning("%s: a turn was not kept, because too many came at once", NAME)
        except (StoreError, UnicodeEncodeError) as error:
            self._env.log.warning("%s: a turn was not kept: %s", NAME, error)
        finally:
            end()

    async def _added(self, key: str, question: str, answer: str) -> bool:
        """Returns whether the turn is kept, or too large for that. Raises StoreError and UnicodeEncodeError."""
        for _ in range(TRIES):
            value = await self._kv.get(key)
            turns = [*(decoded(value or b"[]") or ()), *zip(ROLES, (question, answer), strict=True)]
            new = _bounded(turns[-2 * self._config.count :])
            if not new or await self._kv.swap(key, value, new, self._config.ttl):
                return True
        return False


def _question(exchange: Exchange) -> str:
    """Returns what the user asks, "" if it is no question of a conversation."""
    asked = exchange.asked
    if not exchange.request.is_json or not asked.generates:
        return ""
    try:
        return asked.question if any(turn.role == "user" for turn in asked.turns) else ""
    except ValueError:
        return ""


def _has_its_own(asked: Asked) -> bool:
    """Whether the user has said something before the question."""
    return sum(turn.role == "user" and not turn.results for turn in asked.turns) > 1


def _whole_text(answer: Reader) -> str:
    """Returns the text of an answer that is complete, "" if it is not or if it asks for tools."""
    return answer.text if answer.complete and answer.finish in ("stop", "length") and not answer.calls else ""


def _bounded(turns: Turns) -> bytes:
    """Returns the latest turns as they are kept, b"" if not even the last one fits."""
    while turns:
        value = encoded(turns)
        if len(value) <= MOST_BYTES:
            return value
        turns = turns[2:]
    return b""
