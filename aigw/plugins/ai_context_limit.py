"""ai-context-limit: refuses a prompt that has more tokens than fit, before a provider is paid for refusing it.

Rule: it never refuses a prompt that it cannot count. With `safe`, it counts what the dialect of the request reads, with
`higress` the text that Higress picks from the body (`higress.prompt_text`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from aigw.core import pace
from aigw.core.aside import aside
from aigw.core.dialect import Asked
from aigw.core.env import Env, Services
from aigw.core.errors import ContextTooLongError
from aigw.core.exchange import Exchange
from aigw.core.plugin import About, Difference, Next, Place, Plugin, Problem
from aigw.core.reply import Reply
from aigw.dialects.counting import prompt_tokens
from aigw.higress.bodies import is_unseen
from aigw.higress.prompt_text import prompt_text

NAME = "ai-context-limit"
RATIO, STATUS = 1.1, 400
MOST_RATIO = 10
LARGE = 16 * 1024
"""The tokens of a larger body are counted in a thread: it takes more than 1 ms."""


class Config(Struct, frozen=True, kw_only=True):
    """Refuses requests whose prompt has more tokens than fit.

    Each API says so in its own words, by which clients know that they must shorten the conversation: OpenAI's code
    `context_length_exceeded`, Anthropic's "prompt is too long: 140000 tokens > 128000 maximum", on which Claude Code
    compacts, and for streams of Responses the event on which Codex does.

    The tokens are estimated with OpenAI's vocabularies: what is said, calls and results of tools, and the tools
    themselves. Images, sounds, files and thinking are not counted."""

    max_context_tokens: Annotated[int, Meta(ge=0, description="how many tokens a prompt may have; 0: any number")] = 0
    buffer_ratio: Annotated[
        float, Meta(ge=0, le=MOST_RATIO, description="the counted tokens are multiplied by this number; 0: 1.10")
    ] = RATIO
    error_status_code: Annotated[int, Meta(description="the status of a refusal, 400 to 599; 0: 400")] = STATUS


def check(config: Config) -> list[Problem]:
    status = config.error_status_code
    if status and not 400 <= status <= 599:
        return [Problem(("error_status_code",), f"must be between 400 and 599, got {status}")]
    if not config.max_context_tokens:
        return [Problem(("max_context_tokens",), "is 0, so that every prompt passes", note=True)]
    return []


def identity(config: Config, services: Services) -> None:
    """Returns None: the plugin may refuse a request, but never changes its answer."""


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    if not config.max_context_tokens:
        yield _pass
        return
    kind: type[_ContextLimit] = env.choose(safe=_Safe, higress=_Higress)
    yield kind(config, env)


async def _pass(exchange: Exchange, call_next: Next) -> Reply:
    return await call_next(exchange)


class _ContextLimit:
    """Counts, and refuses what is too long. A subclass says what is counted, and how it refuses."""

    def __init__(self, config: Config, env: Env) -> None:
        self._most = config.max_context_tokens
        self._ratio = config.buffer_ratio or RATIO
        self._status = config.error_status_code or STATUS
        self._env = env

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        tokens = await self._tokens(exchange)
        if tokens <= self._most:
            return await call_next(exchange)
        exchange.labels.remarks[NAME] = f"too long: about {tokens} tokens, at most {self._most}"
        return self._refuse(exchange, tokens)

    async def _tokens(self, exchange: Exchange) -> int:
        """Returns the estimated tokens, 0 if they surely fit or cannot be counted."""
        size = await aside(len(exchange.request.body), self._size, exchange)
        if int(size * self._ratio) <= self._most:  # a token has at least one byte
            return 0
        try:
            if size > pace.LARGE:
                counted = await aside(size, self._count, exchange)
            elif size > LARGE or not self._env.tokenizer.ready(self._model(exchange.asked)):
                counted = await asyncio.to_thread(self._count, exchange)
            else:
                counted = self._count(exchange)
        except (ImportError, OSError, ValueError) as error:
            self._env.log.warning("%s: a prompt was not counted: %s", NAME, error)
            return 0
        return int(counted * self._ratio)

    def _size(self, exchange: Exchange) -> int:
        """Returns how many bytes the prompt has at most, 0 if it is not looked at."""
        raise NotImplementedError

    def _model(self, asked: Asked) -> str:
        """Returns the model whose vocabulary counts."""
        raise NotImplementedError

    def _count(self, exchange: Exchange) -> int:
        """Returns the tokens. It may run in a thread. Raises ValueError."""
        raise NotImplementedError

    def _refuse(self, exchange: Exchange, tokens: int) -> Reply:
        raise NotImplementedError


class _Safe(_ContextLimit):
    def _size(self, exchange: Exchange) -> int:
        asked, request = exchange.asked, exchange.request
        if not request.is_json or not asked.generates:
            return 0
        request.seal()
        return len(request.body) if asked.size else 0

    def _model(self, asked: Asked) -> str:
        return asked.model

    def _count(self, exchange: Exchange) -> int:
        return prompt_tokens(exchange.asked, self._env.tokenizer)

    def _refuse(self, exchange: Exchange, tokens: int) -> Reply:
        error = ContextTooLongError(self._status, tokens, self._most)
        told = exchange.dialect.failed_stream(error, exchange.id) if exchange.asked.stream else b""
        if not told:
            raise error
        return exchange.reply(told, headers={"content-type": "text/event-stream; charset=utf-8"}, streaming=True)


class _Higress(_ContextLimit):
    def _size(self, exchange: Exchange) -> int:
        request = exchange.request
        kind = request.headers.get("content-type", "").lower()
        if request.upload is not None or "application/json" not in kind or is_unseen(exchange.original.headers):
            return 0
        request.seal()
        return len(request.body)

    def _model(self, asked: Asked) -> str:
        return ""

    def _count(self, exchange: Exchange) -> int:
        try:
            text = prompt_text(exchange.request.body)
        except ValueError:
            return 0
        return self._env.tokenizer.count(text) if text else 0

    def _refuse(self, exchange: Exchange, tokens: int) -> Reply:
        error = ContextTooLongError(self._status, tokens, self._most)
        what = {"message": error.message, "type": error.kind, "code": error.code}
        body = msgspec.json.encode({"error": what})
        return exchange.reply(body, status=self._status, headers={"content-type": "application/json"})


ABOUT = About(
    config=Config,
    build=build,
    place=Place("", 100),
    image="1.0.0",
    recipe="ai-context-limit",
    check=check,
    identity=identity,
    differences=(
        Difference("whose requests", "all that ask a model for an answer", "JSON with `messages` or `tools`"),
        Difference("a refusal", "is in the format of the client's API", "is always in OpenAI's"),
        Difference("images, sounds, files", "are not counted; the text beside them is", "let the whole request pass"),
        Difference("the vocabulary", "is that of the model, where it is known", "is always o200k_base"),
        Difference("thinking of earlier turns", "is not counted, as providers drop it", "is counted"),
    ),
)
