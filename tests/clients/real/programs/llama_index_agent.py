"""A streamed LlamaIndex agent: `llama_index_agent.py URL DIALECT PROMPT`."""

import asyncio
import json
import sys

from llama_index.core.agent.workflow import AgentStream, FunctionAgent
from llama_index.llms.openai_like import OpenAILike


def look(page: int) -> str:
    """Looks at a page."""
    return "marmalade"


async def main(url: str, dialect: str, prompt: str) -> None:
    llm = OpenAILike(
        model="gpt-4o", api_base=f"{url}/v1", api_key="sk-client", is_chat_model=True, is_function_calling_model=True,
        max_retries=0, context_window=128000,
    )  # fmt: skip
    agent = FunctionAgent(tools=[look], llm=llm, system_prompt="Be brief.")
    text = ""
    try:
        handler = agent.run(user_msg=prompt)
        async for event in handler.stream_events():
            if isinstance(event, AgentStream):
                text += event.delta
        await handler
    except Exception as error:  # noqa: BLE001
        print(json.dumps({"error": f"{type(error).__name__}: {error}", "before": text}))
    else:
        print(json.dumps({"text": text}))


asyncio.run(main(*sys.argv[1:]))
