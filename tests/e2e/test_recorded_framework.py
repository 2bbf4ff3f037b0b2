"""An agent of pydantic-ai, a framework, is recorded and replayed with the gateway."""

import pytest
from stage.agent import model, page_of
from stage.taped import CLOSED, without_misses

pydantic_ai = pytest.importorskip("pydantic_ai", reason="pip install 'pydantic-ai-slim[openai]'")
GOAL = "Read the book."


def agent(running, seen):
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(openai_client=running.sdk(max_retries=2))
    made = pydantic_ai.Agent(OpenAIChatModel("gpt-4o", provider=provider), instructions="Look at every page.")

    @made.tool_plain
    def look(page: int) -> str:
        """Looks at a page."""
        seen.append(page)
        return page_of(page)

    return made


async def played(running):
    """Runs the agent at once and as a stream. Returns the pages that its tool looked at, and what it said."""
    seen = []
    made = agent(running, seen)
    said = [(await made.run(GOAL)).output]
    async with made.run_stream(f"{GOAL} Say it slowly.") as stream:
        said.append(await stream.get_output())
    return sorted(seen), said


async def test_an_agent_of_a_framework(provider, taped):
    upstream = await provider(model(3, at_once=2))
    running = await taped("record", upstream.url)
    before = await played(running)
    assert before == ([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5], ["done 4", "done 8"])
    await taped.written(running)
    for _ in range(2):
        running = await taped("replay", CLOSED, strict=True)
        assert await played(running) == before
        assert without_misses(running.recordings.report) == len(upstream.requests) == 8
    with pytest.raises(pydantic_ai.ModelHTTPError, match="no recording") as caught:
        await agent(running, []).run(f"{GOAL} Twice.")
    assert caught.value.status_code == 404
    assert len(running.recordings.report.missed) == 1
