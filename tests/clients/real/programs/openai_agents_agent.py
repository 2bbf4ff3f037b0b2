"""A streamed agent of OpenAI's Agents SDK: `openai_agents_agent.py URL DIALECT PROMPT`."""

import asyncio
import json
import sys

from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI


@function_tool
def look(page: int) -> str:
    """Looks at a page."""
    return "marmalade"


async def main(url: str, dialect: str, prompt: str) -> None:
    set_tracing_disabled(True)
    client = AsyncOpenAI(base_url=f"{url}/v1", api_key="sk-client", max_retries=0)
    model = OpenAIResponsesModel if dialect == "responses" else OpenAIChatCompletionsModel
    agent = Agent(name="agent", instructions="Be brief.", model=model("gpt-4o", client), tools=[look])
    text = ""
    try:
        running = Runner.run_streamed(agent, prompt)
        async for event in running.stream_events():
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                text += event.data.delta
            if event.type == "raw_response_event" and event.data.type == "response.failed":
                raise RuntimeError(event.data.response.error)
    except Exception as error:  # noqa: BLE001
        print(json.dumps({"error": f"{type(error).__name__}: {error}", "before": text}))
    else:
        print(json.dumps({"text": text}))


asyncio.run(main(*sys.argv[1:]))
