"""Google's google-genai as one of the clients of sdks.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from google import genai
from google.genai import errors, types
from stage.gateway import NO_TLS, Gateway
from stage.sdks import DESCRIPTION, SCHEMA, SYSTEM, Client, FailedError, Turn, count, weather
from stage.upstream import PATIENCE


class GeminiSDK(Client):
    name = "google-genai"
    model = "gemini-3-pro-preview"
    errors = (errors.APIError, httpx.HTTPError)

    @asynccontextmanager
    async def open(self, gateway: Gateway, version: str | None = None) -> AsyncIterator[Any]:
        http = httpx.AsyncClient(trust_env=False, verify=NO_TLS, timeout=PATIENCE)
        with httpx.Client(verify=NO_TLS) as unused:  # else it makes one of its own
            options = types.HttpOptions(
                base_url=gateway.url, api_version=version, httpx_async_client=http, httpx_client=unused
            )
            try:
                yield genai.Client(api_key="k", http_options=options).aio
            finally:
                await http.aclose()

    async def turn(self, sdk: Any, history: list[Any], prompt: str, turn: Turn, how: dict[str, bool]) -> None:
        history.append(types.UserContent(parts=[types.Part(text=prompt)]))
        config: dict[str, Any] = {"system_instruction": SYSTEM, "automatic_function_calling": {"disable": True}}
        if how["tools"]:
            declared = types.FunctionDeclaration(name="weather", description=DESCRIPTION, parameters_json_schema=SCHEMA)
            config["tools"] = [types.Tool(function_declarations=[declared])]
        if how["think"]:
            config["thinking_config"] = types.ThinkingConfig(include_thoughts=True)
        while True:
            asked = {"model": self.model, "contents": history, "config": types.GenerateContentConfig(**config)}
            parts = await (self._streamed if how["stream"] else self._plain)(sdk, asked, turn)
            history.append(types.ModelContent(parts=[part for part in parts if part.text != ""]))
            calls = [part.function_call for part in parts if part.function_call]
            if not calls:
                return
            turn.ids += [call.id or "" for call in calls]
            results = [
                types.FunctionResponse(id=call.id, name=call.name, response={"output": weather(**call.args)})
                for call in calls
            ]
            history.append(types.UserContent(parts=[types.Part(function_response=result) for result in results]))

    async def _plain(self, sdk: Any, asked: dict[str, Any], turn: Turn) -> list[Any]:
        answer = await sdk.models.generate_content(**asked)
        self._counted(turn, answer)
        return self._heard(answer, turn)

    async def _streamed(self, sdk: Any, asked: dict[str, Any], turn: Turn) -> list[Any]:
        parts: list[Any] = []
        last = None
        async for last in await sdk.models.generate_content_stream(**asked):
            parts += self._heard(last, turn)
        assert last is not None
        assert last.candidates[0].finish_reason == types.FinishReason.STOP
        self._counted(turn, last)
        return parts

    def _heard(self, answer: Any, turn: Turn) -> list[Any]:
        parts = list(answer.candidates[0].content.parts or ())
        for part in parts:
            if part.thought:
                turn.thought += part.text
            else:
                turn.text += part.text or ""
        return parts

    def _counted(self, turn: Turn, answer: Any) -> None:
        count(turn, answer.usage_metadata.prompt_token_count, answer.usage_metadata.candidates_token_count)

    def failed(self, error: Any, text: str) -> FailedError:
        if isinstance(error, errors.APIError):
            return FailedError(error, error.code, str(error.status), str(error.message), text)
        return FailedError(error, None, "", str(error), text)
