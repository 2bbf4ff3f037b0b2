"""Chat and text completions of the built-in models: a text, or one call of a function, whole or as a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from itertools import takewhile, zip_longest

from aigw.core.answer import Answer, Finish, ToolCall, Writer
from aigw.core.dialect import Asked, Tool
from aigw.core.model import Request, Timeouts
from aigw.core.tokens import Tokens
from aigw.dialects.table import dialect_of
from aigw.upstream.builtin.delivery import Delivery
from aigw.upstream.builtin.engine import Engine, checked
from aigw.upstream.builtin.text import example_json, lorem, pieces
from aigw.upstream.local import LocalBody, LocalResponse

EVENT_STREAM = "text/event-stream; charset=utf-8"

Cut = tuple[Answer, list[str]]
"""An answer, and its text in pieces of about a token."""


async def generate(engine: Engine, request: Request, api: str, timeouts: Timeouts) -> LocalResponse:
    """Answers a request of an API that writes text. Raises GatewayError."""
    asked = checked(request, api)
    tool = _wanted_tool(asked, engine.settings.tool_steps) if asked.model == "mock" else None
    cuts = await _answers(engine, asked, tool)
    delivery = engine.delivery(asked.model, max(len(parts) for _, parts in cuts), timeouts)
    writer = dialect_of(api).writer(asked, engine.new_id(), int(engine.clock.time()))
    if not asked.stream:
        usage = await _usage(engine, asked, cuts, len(request.body))
        return await engine.plain(delivery, writer.whole([answer for answer, _ in cuts], usage))
    await delivery.head(whole=False)
    headers = engine.headers(EVENT_STREAM)
    headers["cache-control"] = "no-cache"
    return LocalResponse(200, headers, LocalBody(_events(engine, asked, delivery, writer, cuts, len(request.body))))


async def _answers(engine: Engine, asked: Asked, tool: Tool | None) -> list[Cut]:
    model, limit = asked.model, asked.max_tokens
    if tool is not None:
        cut = [await _cut(engine, example_json(tool.parameters), limit, model) for _ in range(asked.choices)]
        calls = [ToolCall(tool.name, answer.text, f"call_{engine.new_id()}") for answer, _ in cut]
        return [(answer._replace(call=call), parts) for (answer, parts), call in zip(cut, calls, strict=True)]
    if model == "echo":
        return [await _cut(engine, prompt, limit, model) for prompt in _prompts(asked)]
    tokens = min(engine.settings.tokens, limit or engine.settings.tokens)
    finish: Finish = "length" if tokens < engine.settings.tokens else "stop"
    texts = [lorem(tokens, index) for index in range(asked.choices)]
    return [(Answer("".join(parts), finish), parts) for parts in texts]


async def _cut(engine: Engine, text: str, limit: int, model: str) -> Cut:
    """`text` as an answer of at most `limit` tokens; 0 is no limit."""
    kept = await engine.tally(len(text), engine.tokenizer.clip, text, limit, model) if limit else text
    return Answer(kept, "stop" if kept == text else "length"), pieces(kept)


def _prompts(asked: Asked) -> list[str]:
    """The text that each choice echoes: the last message of the user, or each of several prompts; `n` times."""
    turns = asked.turns
    if any(turn.role for turn in turns) or not turns:
        said = next(("".join(turn.texts) for turn in reversed(turns) if turn.role == "user"), "")
        return [said] * asked.choices
    return [turn.text for turn in turns for _ in range(asked.choices // len(turns))]


def _wanted_tool(asked: Asked, steps: int) -> Tool | None:
    """The function that `tool_choice` demands. If the model may choose, the functions in turn, `steps` times a
    question; then None, which means an answer with text."""
    choice, tools = asked.tool_choice, asked.tools
    if choice == "required":
        return tools[0] if tools else None
    if choice or not (tools and steps):
        return next((tool for tool in tools if tool.name == choice), None)
    made = _steps_since_question(asked)
    return tools[made % len(tools)] if made < steps else None


def _steps_since_question(asked: Asked) -> int:
    """How many turns of the model called tools since the user spoke last."""
    since = takewhile(lambda turn: turn.role != "user" or turn.results, reversed(asked.turns))
    return sum(bool(turn.calls) for turn in since)


async def _usage(engine: Engine, asked: Asked, cuts: list[Cut], size: int) -> Tokens:
    tokenizer, model, produced = engine.tokenizer, asked.model, 0
    for answer, _ in cuts:
        produced += await engine.tally(len(answer.text), tokenizer.count, answer.text, model)
        if answer.call is not None:
            produced += await engine.tally(0, tokenizer.count, answer.call.name, model)
    prompt = await engine.tally(size, tokenizer.count_turns, asked.turns, model)
    return Tokens(input=prompt, output=produced, source="reported")


async def _events(
    engine: Engine, asked: Asked, delivery: Delivery, writer: Writer, cuts: list[Cut], size: int
) -> AsyncGenerator[bytes, None]:
    for index, (answer, _) in enumerate(cuts):
        for event in writer.opening(index, answer.call):
            yield event
    for position, row in enumerate(zip_longest(*(parts for _, parts in cuts))):
        await delivery.token(position)
        for index, piece in enumerate(row):
            if piece is not None:
                for event in writer.piece(index, piece, cuts[index][0].call):
                    yield delivery.event(position, event)
    await delivery.token(delivery.tokens)
    for index, (answer, _) in enumerate(cuts):
        for event in writer.closing(index, answer):
            yield delivery.event(delivery.tokens, event)
    for event in writer.end(await _usage(engine, asked, cuts, size) if asked.wants_usage else None):
        yield event
