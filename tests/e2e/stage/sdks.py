"""Real SDKs that hold a conversation, each in its own dialect: what is said, which tools are called, and how it fails.

A client runs the tool itself until the model has said something, with ids, thoughts and opaque state sent back just as
they came, as the SDK's documentation has it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import anthropic
import openai
import pytest
from stage.gateway import NO_TLS, Gateway
from stage.upstream import PATIENCE

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
DESCRIPTION = "Says what the weather is like."
SYSTEM = "Be brief."


def google() -> Any:
    """Google's SDK, where it is installed. The test is skipped where it is not."""
    try:
        from stage.sdk_gemini import GeminiSDK
    except ImportError:
        pytest.skip("pip install google-genai")
    return GeminiSDK()


def weather(city: str) -> str:
    """The tool of all conversations."""
    return f"sunny in {city}"


@dataclass
class Turn:
    """What a client got for one prompt. `ids` are those of all calls."""

    text: str = ""
    thought: str = ""
    ids: list[str] = field(default_factory=list)
    input_tokens: int = 0
    output_tokens: int = 0


class FailedError(Exception):
    """What the SDK raised. `status` is None where it came in the middle of an answer, whose text before it is `text`."""

    def __init__(self, error: Exception, status: int | None, code: str, message: str, text: str) -> None:
        super().__init__(f"{type(error).__name__} {status} {code}: {message}")
        self.kind = type(error).__name__
        self.status, self.code, self.message, self.text = status, code, message, text


class Client:
    name: ClassVar[str]
    model: ClassVar[str]

    async def converse(
        self, gateway: Gateway, *prompts: str, stream: bool = False, tools: bool = True, think: bool = False
    ) -> list[Turn]:
        """One conversation with these prompts. Raises FailedError."""
        async with self.open(gateway) as sdk:
            history: list[Any] = []
            turns = []
            for prompt in prompts:
                turn = Turn()
                try:
                    await self.turn(sdk, history, prompt, turn, {"stream": stream, "tools": tools, "think": think})
                except self.errors as error:
                    raise self.failed(error, turn.text) from error
                turns.append(turn)
            return turns

    errors: ClassVar[tuple[type[Exception], ...]]

    def open(self, gateway: Gateway) -> Any:
        """A context in which there is the SDK's client."""
        raise NotImplementedError

    async def turn(self, sdk: Any, history: list[Any], prompt: str, turn: Turn, how: dict[str, bool]) -> None:
        """Asks until no tool is called, and adds what was said to the history."""
        raise NotImplementedError

    def failed(self, error: Any, text: str) -> FailedError:
        raise NotImplementedError


class _OpenAI(Client):
    model = "gpt-4o"
    errors = (openai.APIError,)

    @asynccontextmanager
    async def open(self, gateway: Gateway) -> AsyncIterator[Any]:
        yield gateway.sdk()

    def failed(self, error: Any, text: str) -> FailedError:
        return FailedError(error, getattr(error, "status_code", None), str(error.code), str(error.message), text)


class ChatSDK(_OpenAI):
    name = "openai chat"
    forgets: ClassVar[set[str]] = set()
    """The fields of an answer that it does not send back."""
    tool: ClassVar[Any] = {
        "type": "function",
        "function": {"name": "weather", "description": DESCRIPTION, "parameters": SCHEMA},
    }

    async def turn(self, sdk: Any, history: list[Any], prompt: str, turn: Turn, how: dict[str, bool]) -> None:
        history += [] if history else [{"role": "system", "content": SYSTEM}]
        history.append({"role": "user", "content": prompt})
        while True:
            asked: dict[str, Any] = {"model": self.model, "messages": history}
            asked |= {"tools": [self.tool]} if how["tools"] else {}
            asked |= {"reasoning_effort": "high"} if how["think"] else {}
            message = await (self._streamed if how["stream"] else self._plain)(sdk, asked, turn)
            history.append(message.model_dump(exclude_none=True, exclude=self.forgets))
            if not message.tool_calls:
                return
            for call in message.tool_calls:
                turn.ids.append(call.id)
                result = weather(**json.loads(call.function.arguments))
                history.append({"role": "tool", "tool_call_id": call.id, "content": result})

    async def _plain(self, sdk: Any, asked: dict[str, Any], turn: Turn) -> Any:
        answer = await sdk.chat.completions.create(**asked)
        count(turn, answer.usage.prompt_tokens, answer.usage.completion_tokens)
        message = answer.choices[0].message
        assert answer.choices[0].finish_reason == ("tool_calls" if message.tool_calls else "stop")
        turn.text += message.content or ""
        turn.thought += getattr(message, "reasoning_content", None) or ""
        return message

    async def _streamed(self, sdk: Any, asked: dict[str, Any], turn: Turn) -> Any:
        options = {"include_usage": True}
        async with sdk.chat.completions.stream(**asked, stream_options=options) as events:
            async for event in events:
                if event.type == "chunk":
                    for choice in event.chunk.choices:
                        turn.text += choice.delta.content or ""
                        turn.thought += getattr(choice.delta, "reasoning_content", None) or ""
            answer = await events.get_final_completion()
        count(turn, answer.usage.prompt_tokens, answer.usage.completion_tokens)
        message = answer.choices[0].message
        assert answer.choices[0].finish_reason == ("tool_calls" if message.tool_calls else "stop")
        return message


class ResponsesSDK(_OpenAI):
    """Its helper for streams raises a RuntimeError for each stream that did not complete."""

    name = "openai responses"
    model = "gpt-5.6"
    errors = (openai.APIError, RuntimeError)
    tool: ClassVar[Any] = {
        "type": "function", "name": "weather", "description": DESCRIPTION, "parameters": SCHEMA, "strict": False,
    }  # fmt: skip

    async def turn(self, sdk: Any, history: list[Any], prompt: str, turn: Turn, how: dict[str, bool]) -> None:
        history.append({"role": "user", "content": prompt})
        while True:
            asked: dict[str, Any] = {"model": self.model, "input": history, "instructions": SYSTEM, "store": False}
            asked["include"] = ["reasoning.encrypted_content"]
            asked |= {"tools": [self.tool]} if how["tools"] else {}
            asked |= {"reasoning": {"effort": "high", "summary": "auto"}} if how["think"] else {}
            answer = await (self._streamed if how["stream"] else self._plain)(sdk, asked, turn)
            assert (answer.status, answer.error) == ("completed", None)
            count(turn, answer.usage.input_tokens, answer.usage.output_tokens)
            history += [
                item.model_dump(exclude_none=True, exclude={"parsed", "parsed_arguments"}) for item in answer.output
            ]
            for item in history:
                for part in item["content"] if isinstance(item.get("content"), list) else ():
                    part.pop("parsed", None)
            turn.thought += "".join(s.text for i in answer.output if i.type == "reasoning" for s in i.summary)
            calls = [item for item in answer.output if item.type == "function_call"]
            if not calls:
                return
            for call in calls:
                turn.ids.append(call.call_id)
                result = weather(**json.loads(call.arguments))
                history.append({"type": "function_call_output", "call_id": call.call_id, "output": result})

    def failed(self, error: Any, text: str) -> FailedError:
        if isinstance(error, RuntimeError):
            return FailedError(error, None, "", str(error), text)
        return super().failed(error, text)

    async def _plain(self, sdk: Any, asked: dict[str, Any], turn: Turn) -> Any:
        answer = await sdk.responses.create(**asked)
        turn.text += answer.output_text
        return answer

    async def _streamed(self, sdk: Any, asked: dict[str, Any], turn: Turn) -> Any:
        """The SDK's own helper puts the events together; it is strict about their order."""
        async with sdk.responses.stream(**asked) as events:
            async for event in events:
                if event.type == "response.output_text.delta":
                    turn.text += event.delta
                elif event.type == "response.failed":
                    raise FailedError(
                        RuntimeError(), None, event.response.error.code, event.response.error.message, turn.text
                    )
            return await events.get_final_response()


class MessagesSDK(Client):
    name = "anthropic"
    model = "claude-sonnet-latest"
    errors = (anthropic.APIError,)
    tool: ClassVar[Any] = {"name": "weather", "description": DESCRIPTION, "input_schema": SCHEMA}

    @asynccontextmanager
    async def open(self, gateway: Gateway) -> AsyncIterator[Any]:
        http = anthropic.DefaultAsyncHttpxClient(trust_env=False, verify=NO_TLS)
        async with anthropic.AsyncAnthropic(
            base_url=gateway.url, api_key="k", max_retries=0, timeout=PATIENCE, http_client=http
        ) as sdk:
            yield sdk

    async def turn(self, sdk: Any, history: list[Any], prompt: str, turn: Turn, how: dict[str, bool]) -> None:
        history.append({"role": "user", "content": prompt})
        while True:
            asked: dict[str, Any] = {
                "model": self.model,
                "max_tokens": 2000,
                "messages": history,
                "system": SYSTEM,
            }
            asked |= {"tools": [self.tool]} if how["tools"] else {}
            asked |= {"thinking": {"type": "enabled", "budget_tokens": 1024}} if how["think"] else {}
            message = await (self._streamed if how["stream"] else self._plain)(sdk, asked, turn)
            count(turn, message.usage.input_tokens, message.usage.output_tokens)
            uses = [block for block in message.content if block.type == "tool_use"]
            assert message.stop_reason == ("tool_use" if uses else "end_turn")
            turn.thought += "".join(block.thinking for block in message.content if block.type == "thinking")
            content = [block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in message.content]
            history.append({"role": "assistant", "content": content})
            if not uses:
                return
            turn.ids += [use.id for use in uses]
            results = [{"type": "tool_result", "tool_use_id": use.id, "content": weather(**use.input)} for use in uses]
            history.append({"role": "user", "content": results})

    async def _plain(self, sdk: Any, asked: dict[str, Any], turn: Turn) -> Any:
        message = await sdk.messages.create(**asked)
        turn.text += "".join(block.text for block in message.content if block.type == "text")
        return message

    async def _streamed(self, sdk: Any, asked: dict[str, Any], turn: Turn) -> Any:
        async with sdk.messages.stream(**asked) as stream:
            async for text in stream.text_stream:
                turn.text += text
            return await stream.get_final_message()

    def failed(self, error: Any, text: str) -> FailedError:
        body = error.body if isinstance(error.body, dict) else {}
        inner = body.get("error") or {}
        return FailedError(
            error, getattr(error, "status_code", None), str(inner.get("type")), str(inner.get("message")), text
        )


def count(turn: Turn, asked: int, answered: int) -> None:
    turn.input_tokens += asked
    turn.output_tokens += answered


def answers_of(turns: Sequence[Turn]) -> list[str]:
    return [turn.text for turn in turns]
