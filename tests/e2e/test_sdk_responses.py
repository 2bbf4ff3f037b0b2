"""OpenAI's SDK with its helpers for responses, in front of vendors that speak other dialects."""

import openai
import pydantic
import pytest
from stage.vendors.table import VENDORS

pytestmark = pytest.mark.parametrize("vendor", ["gemini", "anthropic"])
TOOL = {
    "type": "function", "name": "weather", "strict": True,
    "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False,
    },
}  # fmt: skip


class Place(pydantic.BaseModel):
    city: str
    size: int


@pytest.fixture
async def client(provider, gateway, vendor):
    it = VENDORS[vendor]()
    behind = await gateway(it.config((await provider(it)).url))
    http = openai.DefaultAsyncHttpxClient(trust_env=False)
    async with openai.AsyncOpenAI(base_url=f"{behind.url}/v1", api_key="k", max_retries=0, http_client=http) as sdk:
        yield sdk
    assert it.refused == []


async def test_parsed_output(client):
    response = await client.responses.parse(model="m", input="Where?", text_format=Place, store=False)
    assert response.output_parsed == Place(city="Paris", size=1)


async def test_the_helper_puts_a_stream_together(client):
    asked = {
        "model": "m",
        "input": 'stage: think\nstage: call weather {"city": "Rome"}',
        "tools": [TOOL],
        "store": False,
    }
    async with client.responses.stream(**asked, reasoning={"effort": "high", "summary": "auto"}) as events:
        seen = [event.type async for event in events]
        final = await events.get_final_response()
    (call,) = [item for item in final.output if item.type == "function_call"]
    assert call.parsed_arguments == {"city": "Rome"}
    assert seen[0] == "response.created" and seen[-1] == "response.completed"
    assert "response.function_call_arguments.delta" in seen


async def test_the_events_of_create(client):
    stream = await client.responses.create(model="m", input="Hello!", stream=True, store=False)
    events = [event async for event in stream]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert events[-1].response.output_text == text != ""
    assert events[-1].response.usage.total_tokens > 0
