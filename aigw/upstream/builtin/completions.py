"""POST /v1/completions of the built-in models: the old text completions. Prompts are text; token arrays are refused."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from aigw.core.model import Timeouts
from aigw.upstream.builtin.engine import Engine, known_model, read, usage
from aigw.upstream.builtin.generation import Answer, StreamOptions, cut, respond, respond_streaming
from aigw.upstream.builtin.text import lorem, pieces
from aigw.upstream.local import LocalResponse


class CompletionRequest(msgspec.Struct):
    model: str
    prompt: str | Annotated[list[str], msgspec.Meta(min_length=1, max_length=128)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=128)] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None

    @property
    def prompts(self) -> list[str]:
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt


async def completions(engine: Engine, body: bytes, timeouts: Timeouts) -> LocalResponse:
    request = read(body, CompletionRequest)
    known_model(request.model)
    answers = [await _answer(engine, request, prompt, index) for index, prompt in enumerate(_asked(request))]
    delivery = engine.delivery(request.model, max(len(answer.pieces) for answer in answers), timeouts)

    async def tokens() -> dict[str, Any]:
        return usage(await _count(engine, request.prompts), await _count(engine, [answer.text for answer in answers]))

    envelope = engine.envelope("cmpl-", "text_completion", request.model)
    if request.stream:
        asked = bool(request.stream_options and request.stream_options.include_usage)
        return await respond_streaming(engine, delivery, envelope, _Text(), answers, tokens if asked else None)
    return await respond(engine, delivery, envelope, _Text(), answers, tokens)


def _asked(request: CompletionRequest) -> list[str]:
    """The prompt of each choice: `n` choices for the first prompt, then for the next."""
    return [prompt for prompt in request.prompts for _ in range(request.n or 1)]


async def _answer(engine: Engine, request: CompletionRequest, prompt: str, index: int) -> Answer:
    if request.model == "echo":
        return await cut(engine, prompt, pieces, request.max_tokens, request.model)
    tokens = min(engine.settings.tokens, request.max_tokens or engine.settings.tokens)
    return Answer(lorem(tokens, index), "length" if tokens < engine.settings.tokens else "stop")


async def _count(engine: Engine, texts: list[str]) -> int:
    return sum([await engine.tally(len(text), engine.counter.count, text) for text in texts])


class _Text:
    """See `generation.Wire`."""

    def whole(self, index: int, answer: Answer) -> dict[str, Any]:
        return {"text": answer.text, "index": index, "logprobs": None, "finish_reason": answer.finish}

    def opening(self, index: int) -> None:
        return None

    def piece(self, index: int, text: str) -> dict[str, Any]:
        return {"text": text, "index": index, "logprobs": None, "finish_reason": None}

    def closing(self, index: int, answer: Answer) -> dict[str, Any]:
        return {"text": "", "index": index, "logprobs": None, "finish_reason": answer.finish}
