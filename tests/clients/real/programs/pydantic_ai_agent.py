"""A streamed pydantic-ai agent: `pydantic_ai_agent.py URL DIALECT PROMPT`."""

import asyncio
import json
import sys

from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider


async def main(url: str, dialect: str, prompt: str) -> None:
    client = AsyncOpenAI(base_url=f"{url}/v1", api_key="sk-client", max_retries=0)
    agent = Agent(OpenAIChatModel("gpt-4o", provider=OpenAIProvider(openai_client=client)), instructions="Be brief.")

    @agent.tool_plain
    def look(page: int) -> str:
        """Looks at a page."""
        return "marmalade"

    text = ""
    try:
        async with agent.run_stream(prompt) as result:
            async for piece in result.stream_text(delta=True):
                text += piece
    except Exception as error:  # noqa: BLE001
        print(json.dumps({"error": f"{type(error).__name__}: {error}", "before": text}))
    else:
        print(json.dumps({"text": text}))


asyncio.run(main(*sys.argv[1:]))
