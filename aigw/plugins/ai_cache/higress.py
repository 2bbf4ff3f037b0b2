"""ai-cache exactly as Higress has it: the text of the last question is the key, the answer's text the
value, and a hit is a template around that text.

Model, parameters and the rest of the conversation are not part of the key. The status of an answer is not looked at."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from aigw.clients.dashvector import Found
from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.model import Batch, Chunk
from aigw.core.plugin import Next
from aigw.core.reply import Fixed, Outcome, Reply
from aigw.core.stores import KV, StoreError
from aigw.dialects.sse import EventSplitter
from aigw.higress.gjson import GjsonPath
from aigw.higress.values import text_of
from aigw.plugins.ai_cache.control import HEADER, SKIP, note
from aigw.plugins.ai_cache.semantic import Semantic

ZEROS = '"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}'
FROM_CACHE = f'"model":"from-cache","object":"chat.completion",{ZEROS}'
CHOICE = '"choices":[{"index":0,"%s":{"role":"assistant","content":"%%s"},"finish_reason":"stop"}]'
TEMPLATE = f'{{"id":"from-cache",{CHOICE % "message"},{FROM_CACHE}}}'
STREAM_TEMPLATE = f'data:{{"id":"from-cache",{CHOICE % "delta"},{FROM_CACHE}}}\n\ndata:[DONE]\n\n'
_QUESTIONS = GjsonPath('messages.#(role=="user")#.content')
MAX_BYTES = 32 * 1024 * 1024
"""Of an answer whose text is looked for."""


class HigressSettings(NamedTuple):
    """The paths are gjson's; `ttl` in seconds, 0: entries do not expire."""

    prefix: str
    ttl: int
    strategy: str
    question: str
    answer: str
    stream_answer: str
    template: str
    stream_template: str


class HigressCache:
    def __init__(self, settings: HigressSettings, kv: KV, env: Env, semantic: Semantic | None = None) -> None:
        self._settings = settings
        self._semantic = semantic
        self._kv = kv
        self._env = env
        self._answer = GjsonPath(settings.answer)
        self._stream_answer = GjsonPath(settings.stream_answer)
        self._question = GjsonPath(settings.question)
        self._writing: dict[str, str] = {}
        """Answers by their question that a slow store is still to take."""

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        request = exchange.request
        if request.headers.get(SKIP) == "on":
            note(exchange, "bypass", "skip")
            return await call_next(exchange)
        question, stream = self._read(exchange)
        if not question:
            return await call_next(exchange)
        value = await self._get(question)
        near: Found | None = None
        if not value and self._semantic is not None and (near := await self._semantic.search(question)) is not None:
            value = near.answer or (await self._get(near.question) if near.question else "")
            if value:
                exchange.defer(self._put, question, value)
        if value:
            return self._hit(exchange, value, stream=stream)
        note(exchange, "miss")
        reply = await call_next(exchange)
        reply.headers[HEADER] = "miss"
        if "content-encoding" in reply.headers:
            return reply
        collected = _Collected()

        def ended(outcome: Outcome) -> None:
            if outcome is Outcome.COMPLETE:
                exchange.defer(self._keep, question, near, collected, reply.streaming)

        return reply.tap(collected.batch, ended)

    def _read(self, exchange: Exchange) -> tuple[str, bool]:
        """The question, "" for what is not cached, and whether a stream is asked for."""
        request, settings = exchange.request, self._settings
        if not request.is_json:
            return "", False
        request.seal()
        try:
            body = msgspec.json.decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return "", False
        stream = exchange.asked.stream
        if settings.strategy == "allQuestions":
            questions = _QUESTIONS.get(body)
            return "\n".join(map(text_of, questions if isinstance(questions, list) else ())), stream
        found = self._question.get(body)
        if isinstance(found, dict | list):
            return _as_written(request.body, self._question.text) or text_of(found), stream
        return text_of(found), stream

    async def _get(self, question: str) -> str:
        if question in self._writing:
            return self._writing[question]
        try:
            value = await self._kv.get(self._settings.prefix + question)
        except StoreError:
            return ""
        return (value or b"").decode("utf-8", "replace")

    def _hit(self, exchange: Exchange, value: str, *, stream: bool) -> Reply:
        note(exchange, "hit")
        template = self._settings.stream_template if stream else self._settings.template
        body = template.replace("%s", msgspec.json.encode(value).decode()[1:-1]).encode()
        kind = "text/event-stream" if stream else "application/json"
        headers = {"content-type": f"{kind}; charset=utf-8", HEADER: "hit"}
        if not stream:
            return exchange.reply(body, headers=headers)
        splitter = EventSplitter()
        events = [*splitter.feed(body), *([Chunk(splitter.rest)] if splitter.rest else [])]
        return exchange.reply(Fixed(*events), headers=headers, streaming=True)

    async def _keep(self, question: str, near: Found | None, collected: _Collected, streaming: bool) -> None:
        value = collected.stream(self._stream_answer) if streaming else collected.plain(self._answer)
        if not value.strip():
            return
        await self._put(question, value)
        if near is not None and self._semantic is not None:
            await self._semantic.remember(near, question, value)

    async def _put(self, question: str, value: str) -> None:
        self._writing[question] = value
        try:
            await self._kv.put(self._settings.prefix + question, value.encode(), self._settings.ttl or None)
        except (StoreError, UnicodeEncodeError) as error:
            self._env.log.debug("an answer was not cached: %s", error)
        finally:
            self._writing.pop(question, None)


class _Collected:
    """The pieces of one answer; none where it is larger than MAX_BYTES: a part of it is no answer."""

    def __init__(self) -> None:
        self._chunks: list[Chunk] = []
        self._size = 0

    def batch(self, batch: Batch) -> None:
        self._size += sum([len(chunk.raw) for chunk in batch])
        if self._size <= MAX_BYTES:
            self._chunks += batch
        else:
            self._chunks.clear()

    def plain(self, path: GjsonPath) -> str:
        body = b"".join([chunk.raw for chunk in self._chunks])
        return text_of(path.get(Chunk(body, body).json()))

    def stream(self, path: GjsonPath) -> str:
        """The texts of all events; "" where the last one is not complete."""
        if not self._chunks or not self._chunks[-1].raw.endswith((b"\n\n", b"\r\n\r\n")):
            return ""
        return "".join([text_of(path.get(chunk.json())) for chunk in self._chunks])


def _as_written(source: bytes, path: str) -> str:
    """The JSON text at a path of keys, indices and @reverse, with its white space; "" for other paths."""
    turned = False
    try:
        for name in path.split("."):
            if name == "@reverse":
                turned = not turned
            elif name.isdigit():
                items = msgspec.json.decode(source, type=list[msgspec.Raw])
                source, turned = bytes(items[-1 - int(name) if turned else int(name)]), False
            else:
                source = bytes(msgspec.json.decode(source, type=dict[str, msgspec.Raw])[name])
    except (msgspec.DecodeError, LookupError):
        return ""
    return source.decode()
