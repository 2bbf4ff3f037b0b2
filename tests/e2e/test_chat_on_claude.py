"""OpenAI's SDK on Claude itself: what neither of the two formats says by itself."""

import json

import openai
import pytest
from stage.sdks import ChatSDK
from stage.vendors.messages import Messages
from stage.vendors.model import THOUGHT
from stage.vendors.signatures import signature

from aigw.translation.envelope import sealed

CHAT = ChatSDK()
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


class Newer(Messages):
    model = "claude-opus-5"


@pytest.fixture
async def start(provider, gateway):
    async def started(kind=Messages):
        vendor = kind()
        upstream = await provider(vendor)
        return await gateway(vendor.config(upstream.url)), vendor

    return started


@STREAMED
async def test_thoughts_come_back_to_claude_from_a_client_that_knows_none(start, stream):
    """BerriAI/litellm#15601, openai/openai-agents-python#1704: the second turn goes on thinking."""
    gateway, vendor = await start()
    (turn,) = await CHAT.converse(gateway, "stage: think\nstage: call", stream=stream, think=True)
    assert vendor.refused == [] and turn.thought.startswith(THOUGHT)
    second = vendor.bodies[1]
    assert second["thinking"]["type"] == "enabled"
    assert second["messages"][1]["content"][0] == {
        "type": "thinking", "thinking": THOUGHT, "signature": signature(THOUGHT),
    }  # fmt: skip


async def test_a_gateway_that_has_not_kept_them_goes_on_without_thoughts(start):
    gateway, vendor = await start()
    call = {"id": "toolu_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    history = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "sunny"},
    ]
    async with CHAT.open(gateway) as sdk:
        raw = await sdk.chat.completions.with_raw_response.create(
            model="m", messages=history, tools=[CHAT.tool], reasoning_effort="high"
        )
    assert vendor.refused == [] and "thinking" not in vendor.bodies[0]
    assert raw.headers["x-aigw-lost"] == "thinking in a turn whose first thoughts did not come back"


async def test_the_beginning_of_an_answer_is_refused_where_the_model_has_none(start):
    """ericc-ch/copilot-api#261."""
    gateway, vendor = await start(Newer)
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "The"}]
    async with CHAT.open(gateway) as sdk:
        with pytest.raises(openai.BadRequestError, match="claude-opus-5 does not go on with one"):
            await sdk.chat.completions.create(model="m", messages=messages)
    assert vendor.bodies == vendor.refused == []


@pytest.mark.parametrize("kind", [Messages, Newer])
async def test_what_clients_of_openai_send_is_taken(start, kind):
    gateway, vendor = await start(kind)
    schema = {"name": "n", "strict": True, "schema": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False,
    }}  # fmt: skip
    async with CHAT.open(gateway) as sdk:
        answer = await sdk.chat.completions.create(
            model="m",
            messages=[{"role": "developer", "content": "be brief"}, {"role": "user", "content": "hi"}, {"role": "system", "content": "in French"}],
            temperature=1.3, top_p=0.9, seed=3, presence_penalty=0.5, stop=["\n", "END"], user="u", logprobs=True,
            parallel_tool_calls=False, tools=[CHAT.tool], response_format={"type": "json_schema", "json_schema": schema},
        )  # fmt: skip
    assert vendor.refused == []
    assert answer.choices[0].message.content == '{"city": "Paris"}'
    assert (answer.choices[0].finish_reason, answer.usage.prompt_tokens_details.cached_tokens > 0) == ("stop", True)


async def test_several_answers_are_refused(start):
    gateway, _ = await start()
    async with CHAT.open(gateway) as sdk:
        with pytest.raises(openai.BadRequestError, match="one answer"):
            await sdk.chat.completions.create(model="m", n=2, messages=[{"role": "user", "content": "hi"}])


async def test_thoughts_of_another_provider_do_not_reach_claude_from_its_own_clients(start):
    """cc-haha#982, krouter#11: a session of Claude Code that was at another model before."""
    gateway, vendor = await start()
    foreign = {"type": "thinking", "thinking": "hm", "signature": sealed("deepseek")}
    history = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [foreign, {"type": "text", "text": "yo"}]},
        {"role": "user", "content": "again"},
    ]
    body = json.dumps({"model": vendor.model, "max_tokens": 9, "messages": history}).encode()
    answer = await gateway.request("POST", "/v1/messages", body, **{"anthropic-version": "2023-06-01"})
    assert (answer.status, vendor.refused) == (200, [])
    assert vendor.bodies[0]["messages"][1]["content"] == [{"type": "text", "text": "yo"}]
