"""A streamed agent of Google's Agent Development Kit: `google_adk_agent.py URL DIALECT PROMPT`."""

import asyncio
import json
import os
import sys

from google.adk.agents import Agent
from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.runners import InMemoryRunner
from google.genai.types import Content, Part


def look(page: int) -> str:
    """Looks at a page."""
    return "marmalade"


async def main(url: str, dialect: str, prompt: str) -> None:
    os.environ.update(GOOGLE_GEMINI_BASE_URL=url, GOOGLE_API_KEY="sk-client")
    agent = Agent(name="agent", model="gemini-2.5-flash", instruction="Be brief.", tools=[look])
    runner = InMemoryRunner(agent=agent, app_name="app")
    session = await runner.session_service.create_session(app_name="app", user_id="user")
    asked = Content(role="user", parts=[Part(text=prompt)])
    settings = RunConfig(streaming_mode=StreamingMode.SSE)
    text = ""
    try:
        async for event in runner.run_async(
            user_id="user", session_id=session.id, new_message=asked, run_config=settings
        ):
            if event.error_code:
                raise RuntimeError(f"{event.error_code}: {event.error_message}")
            for part in event.content.parts if event.partial and event.content else ():
                text += "" if part.thought else part.text or ""
    except Exception as error:  # noqa: BLE001
        print(json.dumps({"error": f"{type(error).__name__}: {error}", "before": text}))
    else:
        print(json.dumps({"text": text}))


asyncio.run(main(*sys.argv[1:]))
