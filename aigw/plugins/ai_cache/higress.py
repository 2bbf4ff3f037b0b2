"""ai-cache exactly as in Higress: the key is the text of the last question, the value is the text of the answer, and a
hit is a template with that text.

The model, the parameters and the rest of the conversation are not part of the key. Answers are stored whatever their
status is. The plugin of June 2024 stores texts with the escapes of JSON; the present one stores the texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from aigw.clients.dashvector import NearestQuestion
from aigw.core.aside import aside
from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.layers import Outcome
from aigw.core.model import Batch, Chunk
from aigw.core.plugin import Next
from aigw.core.reply import Fixed, Reply
from aigw.core.stores import KV, StoreError
from aigw.dialects.json_values import decoded, json_text
from aigw.dialects.sse import EventSplitter
from aigw.higress.bodies import is_unseen
from aigw.higress.conversation import user_contents
from aigw.higress.gjson import GjsonPath
from aigw.higress.raw_value import as_text
from aigw.higress.values import text_of
from aigw.plugins.ai_cache.config import ANSWER, QUESTION, STREAM_ANSWER, Config
from aigw.plugins.ai_cache.control import HEADER, SKIP, note
from aigw.plugins.ai_cache.semantic import Semantic

_ZEROS = '"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}'


def _templates(model: str) -> tuple[str, str]:
    """Returns the default templates of a plain hit and of a stream."""
    choice = '"choices":[{"index":0,"%s":{"role":"assistant","content":"%%s"},"finish_reason":"stop"}]'
    end = f'"model":"{model}","object":"chat.completion",{_ZEROS}'
    plain, event = (f'{{"id":"from-cache",{choice % name},{end}}}' for name in ("message", "delta"))
    return plain, f"data:{event}\n\ndata:[DONE]\n\n"


TEMPLATES = _templates("from-cache")
ORIGINAL_TEMPLATES = _templates("gpt-4o")
MAX_BYTES = 32 * 1024 * 1024
"""The size of the largest answer that is stored."""


class HigressSettings(NamedTuple):
    """`question`, `answer` and `stream_answer` are gjson paths. `ttl` is in seconds; with 0, entries do not expire. If
    `escaped` is true, keys and values are stored with the escapes of JSON."""

    prefix: str
    ttl: int
    strategy: str
    question: str
    answer: str
    stream_answer: str
    template: str
    stream_template: str
    escaped: bool


def settings_of(config: Config) -> HigressSettings:
    """Returns the settings that Higress's plugin reads from this form of the configuration. It never reads the TTL of
    the original form."""
    plain, stream = config.response_template or TEMPLATES[0], config.stream_response_template or TEMPLATES[1]
    if config.original:
        plain, stream = ORIGINAL_TEMPLATES
    return HigressSettings(
        prefix=config.prefix(),
        ttl=0 if config.original else config.ttl(),
        strategy=config.cache_key_strategy,
        question=str(config.cache_key_from) or QUESTION,
        answer=str(config.cache_value_from) or ANSWER,
        stream_answer=str(config.cache_stream_value_from) or STREAM_ANSWER,
        template=config.return_response_template or plain,
        stream_template=config.return_stream_response_template or stream,
        escaped=config.original,
    )


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
        """The answers that are being written to the store, by their questions."""

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        request = exchange.request
        if request.headers.get(SKIP) == "on":
            note(exchange, "bypass", "skip")
            return await call_next(exchange)
        question, stream = await aside(len(request.body), self._read, exchange)
        if not question:
            return await call_next(exchange)
        value = await self._get(question)
        near: NearestQuestion | None = None
        if not value and self._semantic is not None and (near := await self._semantic.search(question)) is not None:
            value = near.answer or (await self._get(near.question) if near.question else "")
            if value:
                exchange.defer(self._put, question, value)
        if value:
            return await aside(len(value), self._hit, exchange, value, stream=stream)
        note(exchange, "miss")
        reply = await call_next(exchange)
        reply.headers[HEADER] = "miss"
        if is_unseen(reply.headers):
            return reply
        collected = _Collected()

        def ended(outcome: Outcome) -> None:
            if outcome is Outcome.COMPLETE:
                exchange.defer(self._keep, question, near, collected, reply.streaming)

        return reply.tap(collected.batch, ended)

    def _read(self, exchange: Exchange) -> tuple[str, bool]:
        """Returns the question ("" if the request is not cached), and whether the client wants a stream."""
        request, settings = exchange.request, self._settings
        if not request.is_json:
            return "", False
        request.seal()
        try:
            body = decoded(request.body)
        except ValueError:
            return "", False
        if settings.strategy == "allQuestions":
            question = "\n".join(_questions(request.body, body))
        else:
            question = as_text(request.body, self._question.get(body), self._question.text)
        return escaped(question) if settings.escaped else question, exchange.asked.stream

    async def _get(self, question: str) -> str:
        if question in self._writing:
            return self._writing[question]
        try:
            value = await self._kv.get(self._settings.prefix + question)
        except StoreError:
            return ""
        text = (value or b"").decode("utf-8", "replace")
        return text if text.strip() else ""

    def _hit(self, exchange: Exchange, value: str, *, stream: bool) -> Reply:
        note(exchange, "hit")
        template = self._settings.stream_template if stream else self._settings.template
        body = template.replace("%s", value if self._settings.escaped else escaped(value)).encode()
        kind = "text/event-stream" if stream else "application/json"
        headers = {"content-type": f"{kind}; charset=utf-8", HEADER: "hit"}
        if not stream:
            return exchange.reply(body, headers=headers)
        splitter = EventSplitter()
        events = [*splitter.feed(body), *([Chunk(splitter.rest)] if splitter.rest else [])]
        return exchange.reply(Fixed(*events), headers=headers, streaming=True)

    async def _keep(self, question: str, near: NearestQuestion | None, collected: _Collected, streaming: bool) -> None:
        read = collected.stream if streaming else collected.plain
        value = await aside(collected.size, read, self._stream_answer if streaming else self._answer)
        if not value.strip():
            return
        if self._settings.escaped:
            value = escaped(value)
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
    """Collects the pieces of one answer. If it is larger than MAX_BYTES, nothing is kept."""

    def __init__(self) -> None:
        self._chunks: list[Chunk] = []
        self.size = 0

    def batch(self, batch: Batch) -> None:
        self.size += sum([len(chunk.raw) for chunk in batch])
        if self.size <= MAX_BYTES:
            self._chunks += batch
        else:
            self._chunks.clear()

    def plain(self, path: GjsonPath) -> str:
        body = b"".join([chunk.raw for chunk in self._chunks])
        return text_of(path.get(Chunk(body, body).json()))

    def stream(self, path: GjsonPath) -> str:
        """Returns the joined texts of all events, "" if the last event is not complete."""
        if not self._chunks or not self._chunks[-1].raw.endswith((b"\n\n", b"\r\n\r\n")):
            return ""
        return "".join([text_of(path.get(chunk.json())) for chunk in self._chunks])


def escaped(text: str) -> str:
    """Returns a text with the escapes of JSON, without the quotes."""
    return json_text(text)[1:-1]


def _questions(source: bytes, body: Any) -> Iterator[str]:
    """Yields the contents of the user's messages."""
    for path, content in user_contents(body):
        yield as_text(source, content, path)
