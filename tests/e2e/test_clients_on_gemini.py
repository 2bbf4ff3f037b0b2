"""Clients of other formats on Gemini itself: what it signed comes back to it, whatever the client can carry."""

import json

import pytest
from anthropic import beta_async_tool
from stage.sdks import ChatSDK, MessagesSDK, ResponsesSDK
from stage.vendors.gemini import Gemini
from stage.vendors.gemini_check import call_signature

from aigw.translation.envelope import sealed
from aigw.translation.gemini.write_request import NO_SIGNATURE

STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@pytest.fixture
async def start(provider, gateway):
    vendor = Gemini()
    upstream = await provider(vendor)
    return await gateway(vendor.config(upstream.url)), vendor


@beta_async_tool
async def weather(city: str) -> str:
    """Says what the weather is like."""
    return f"sunny in {city}"


async def test_a_conversation_that_an_sdk_wants_to_be_kept(start):
    """Told that this cannot be, anthropic's tool_runner sends the whole conversation."""
    gateway, vendor = start
    asked = {"role": "user", "content": 'stage: call weather {"city": "Rome"}'}
    async with MessagesSDK().open(gateway) as sdk:
        runner = sdk.beta.messages.tool_runner(model="m", max_tokens=100, tools=[weather], messages=[asked])
        message = await runner.until_done()
    assert [block.text for block in message.content] == ["The tool said: sunny in Rome"]
    assert vendor.refused == []


def signatures(body):
    parts = [part for content in body["contents"] for part in content["parts"] if "functionCall" in part]
    return [part.get("thoughtSignature") for part in parts]


@STREAMED
@pytest.mark.parametrize("client", [ChatSDK(), MessagesSDK(), ResponsesSDK()], ids=lambda client: client.name)
async def test_the_signature_of_a_call_comes_back(start, client, stream):
    """langgenius/dify-official-plugins#2088, musistudio/claude-code-router#1032, labring/aiproxy#450. A chat client
    carries none, so it is kept by the id of the call."""
    gateway, vendor = start
    calls = 'stage: call weather {"city": "Paris"}\nstage: call weather {"city": "Rome"}'
    await client.converse(gateway, calls, "stage: call", stream=stream)
    assert vendor.refused == []
    own = call_signature("weather", {"city": "Paris"})
    assert [signatures(body) for body in vendor.bodies[1:]] == [[own, None], [own, None], [own, None, own]]


async def test_a_call_of_another_provider_has_the_constant(start):
    """jeremychone/rust-genai#115, earendil-works/pi#1829: a conversation that goes on at another model."""
    gateway, vendor = start
    thought = {"type": "thinking", "thinking": "Hm", "signature": sealed("claude", "S")}
    use = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"}
    history = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [thought, use]},
        {"role": "user", "content": [result]},
    ]
    async with MessagesSDK().open(gateway) as sdk:
        answer = await sdk.messages.create(model="m", max_tokens=99, messages=history)
    assert (vendor.refused, answer.content[0].text) == ([], "The tool said: sunny")
    assert signatures(vendor.bodies[0]) == [NO_SIGNATURE]


async def test_claude_codes_tools_are_taken(start):
    """brainlid/langchain#599, antinomyhq/forgecode#3426, router-for-me/CLIProxyAPI#2142, cherry-studio#20939: numeric
    enums, and keys of JSON Schema that Gemini's own field refuses."""
    gateway, vendor = start
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": False,
        "properties": {"a": {"enum": [1, 2]}, "b": {"type": ["string", "null"], "const": "x"},
                       "c": {"oneOf": [{"type": "integer", "exclusiveMinimum": 0}]}},
    }  # fmt: skip
    tools = [{"name": "Read", "input_schema": schema}, {"name": "Noop", "input_schema": {"type": "object"}}]
    async with MessagesSDK().open(gateway) as sdk:
        await sdk.messages.create(model="m", max_tokens=99, messages=[{"role": "user", "content": "hi"}], tools=tools)
    assert vendor.refused == []
    declared = vendor.bodies[0]["tools"][0]["functionDeclarations"]
    assert json.loads(json.dumps(declared[0]["parametersJsonSchema"])) == schema
