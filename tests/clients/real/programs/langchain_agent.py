"""A streamed LangChain agent: `langchain_agent.py URL DIALECT PROMPT`."""

import json
import sys

from langchain.agents import create_agent
from langchain.messages import AIMessage, AIMessageChunk
from langchain.tools import tool


@tool
def look(page: int) -> str:
    """Looks at a page."""
    return "marmalade"


def model(url: str, dialect: str):
    if dialect == "messages":
        from langchain_anthropic import ChatAnthropic

        return ChatAnthropic(
            model="claude-sonnet-latest", base_url=url, api_key="sk-client", max_retries=0, max_tokens=2000
        )
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model="gpt-4o", base_url=f"{url}/v1", api_key="sk-client", max_retries=0, stream_usage=True)


def main(url: str, dialect: str, prompt: str) -> None:
    agent = create_agent(model(url, dialect), tools=[look], system_prompt="Be brief.")
    text = ""
    try:
        asked = {"messages": [{"role": "user", "content": prompt}]}
        for message, _ in agent.stream(asked, stream_mode="messages"):
            if isinstance(message, AIMessage | AIMessageChunk):
                text += message.text
    except Exception as error:  # noqa: BLE001
        print(json.dumps({"error": f"{type(error).__name__}: {error}", "before": text}))
    else:
        print(json.dumps({"text": text}))


main(*sys.argv[1:])
