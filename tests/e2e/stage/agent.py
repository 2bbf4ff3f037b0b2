"""An agent with tools on OpenAI's SDK, and a provider whose model calls them.

The provider answers by what it is asked, with ids and words that are others each time: an answer that is the same again
was replayed."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from openai import AsyncOpenAI
from stage.answers import DONE, chunk, completion
from stage.upstream import Peer, Script

SYSTEM = "You are an agent. Look at every page, then say what you saw."
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "look",
            "description": "Looks at a page.",
            "parameters": {"type": "object", "properties": {"page": {"type": "integer"}}, "required": ["page"]},
        },
    }
]
Tool = Callable[[int], str]


def model(steps: int, *, at_once: int = 1, gap: Callable[[], Awaitable[None]] | None = None) -> Script:
    """A model that asks for so many `steps` of pages, `at_once` in each, and then says that it is done. `gap` comes
    between the events of a stream."""
    count = itertools.count(1)

    async def script(peer: Peer) -> None:
        asked = json.loads(await peer.body())
        number = next(count)
        done = sum(message["role"] == "assistant" for message in asked["messages"])
        calls = [_call(done * at_once + page) for page in range(at_once)] if done < steps else []
        text = None if calls else f"done {number}"
        if not asked.get("stream"):
            finish = "tool_calls" if calls else "stop"
            message = {"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})}
            await peer.answer(completion(id=_id("chatcmpl"), choices=[_choice(message, finish)]))
            return
        await peer.begin()
        for event in _events(calls, text):
            await peer.piece(event)
            if gap is not None:
                await gap()
        await peer.end()

    return script


def _events(calls: list[dict[str, Any]], text: str | None) -> list[bytes]:
    same = _id("chatcmpl")
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None if calls else ""}]
    for index, call in enumerate(calls):
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        deltas.append({"tool_calls": [{**call, "index": index, "function": {"name": name, "arguments": ""}}]})
        pieces = (arguments[:4], arguments[4:])
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in pieces]
    deltas += [{"content": piece} for piece in (text or "").partition(" ") if piece]
    finish = "tool_calls" if calls else "stop"
    return [*(chunk(delta, id=same) for delta in deltas), chunk({}, finish, id=same), DONE]


def _call(page: int) -> dict[str, Any]:
    return {"id": _id("call"), "type": "function", "function": {"name": "look", "arguments": f'{{"page": {page}}}'}}


def _choice(message: dict[str, Any], finish: str) -> dict[str, Any]:
    return {"index": 0, "message": message, "finish_reason": finish}


def _id(of: str) -> str:
    return f"{of}_{uuid.uuid4().hex[:20]}"


def page_of(number: int) -> str:
    return f"The page {number} is blank."


async def agent(
    client: AsyncOpenAI,
    goal: str,
    *,
    tool: Tool = page_of,
    system: str = SYSTEM,
    stream: bool = False,
    between: Callable[[], Awaitable[None]] | None = None,
) -> list[Any]:
    """Runs until the model calls no tool. Returns the messages, of which the last is what the model said. `between`
    comes before each call of the model."""
    messages: list[Any] = [{"role": "system", "content": system}, {"role": "user", "content": goal}]
    while True:
        if between is not None:
            await between()
        message = await _asked(client, messages, stream=stream)
        messages.append(message)
        calls = message.get("tool_calls")
        if not calls:
            return messages
        for call in calls:
            result = tool(json.loads(call["function"]["arguments"])["page"])
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})


async def _asked(client: AsyncOpenAI, messages: list[Any], *, stream: bool) -> Any:
    asked: dict[str, Any] = {"model": "gpt-4o", "messages": messages, "tools": TOOLS}
    if not stream:
        answer = await client.chat.completions.create(**asked)
        message = answer.choices[0].message
    else:
        async with client.chat.completions.stream(**asked) as events:
            async for _ in events:
                pass
            message = (await events.get_final_completion()).choices[0].message
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.function.name, "arguments": call.function.arguments},
        }
        for call in message.tool_calls or ()
    ]
    return {"role": "assistant", "content": message.content, **({"tool_calls": calls} if calls else {})}
