"""Responses that are kept here, as OpenAI's SDK uses them in front of a provider of chat completions."""

import json

import openai
import pytest
from stage.vendors.chat import Chat

KEY_AUTH = {
    "consumers": [{"name": name, "credential": f"key-{name}"} for name in ("ann", "bob")],
    "keys": ["authorization"],
    "global_auth": True,
}


@pytest.fixture
async def start(provider, gateway, tmp_path):
    """Starts a gateway in front of one vendor, each time with the same state folder."""
    vendor = Chat()
    upstream = await provider(vendor)

    async def started(**config):
        plugins = config.pop("plugins", {})
        given = vendor.config(upstream.url)
        whole = {**given, "plugins": {**given["plugins"], **plugins}, **config}
        return await gateway(whole, folder=tmp_path), vendor

    return started


def sdk(gateway, key="k"):
    http = openai.DefaultAsyncHttpxClient(trust_env=False)
    return openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0, http_client=http)


def prompts(vendor):
    return [(m["role"], m["content"]) for m in vendor.bodies[-1]["messages"]]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_response_is_found_continued_and_deleted(start, stream):
    gateway, vendor = await start()
    async with sdk(gateway) as client:

        async def ask(**asked):
            if not stream:
                return await client.responses.create(model="m", **asked)
            async with client.responses.stream(model="m", **asked) as events:
                return [event async for event in events][-1].response

        first = await ask(input="Hello!", instructions="be brief", metadata={"a": "b"})
        assert first.metadata == {"a": "b"}
        found = await client.responses.retrieve(first.id)
        assert (found.output_text, found.status) == ("Hello from DeepSeek.", "completed")
        second = await ask(input=[{"role": "user", "content": "And now?"}], previous_response_id=first.id)
        assert second.previous_response_id == first.id
        assert prompts(vendor) == [("user", "Hello!"), ("assistant", "Hello from DeepSeek."), ("user", "And now?")]
        third = await ask(input="And then?", previous_response_id=second.id, store=False)
        assert len(prompts(vendor)) == 5
        items = await client.responses.input_items.list(second.id)
        assert [item.content[0].text for item in items.data] == ["And now?"]
        assert (await client.responses.delete(first.id)) is None
        for missing in (first.id, third.id, "resp_other"):
            with pytest.raises(openai.NotFoundError) as refused:
                await client.responses.retrieve(missing)
            assert refused.value.body["message"] == f"Response with id '{missing}' not found."
        with pytest.raises(openai.BadRequestError) as refused:
            await ask(input="x", previous_response_id=first.id)
        assert (refused.value.code, refused.value.param) == ("previous_response_not_found", "previous_response_id")
        with pytest.raises(openai.BadRequestError, match="synchronous"):
            await client.responses.cancel(second.id)


async def test_calls_are_continued_with_their_results(start):
    gateway, vendor = await start()
    tool = {
        "type": "function",
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        "strict": False,
    }
    async with sdk(gateway) as client:
        first = await client.responses.create(model="m", input='stage: call weather {"city": "Rome"}', tools=[tool])
        (call,) = [item for item in first.output if item.type == "function_call"]
        output = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
        second = await client.responses.create(model="m", input=[output], tools=[tool], previous_response_id=first.id)
        assert second.output_text == "The tool said: sunny"
        assert vendor.refused == []


async def test_consumers_find_only_their_own(start):
    gateway, _ = await start(plugins={"key-auth": KEY_AUTH})
    async with sdk(gateway, "key-ann") as ann, sdk(gateway, "key-bob") as bob:
        hers = await ann.responses.create(model="m", input="Hello!")
        assert (await ann.responses.retrieve(hers.id)).id == hers.id
        with pytest.raises(openai.NotFoundError):
            await bob.responses.retrieve(hers.id)
        with pytest.raises(openai.NotFoundError):
            await bob.responses.delete(hers.id)
        with pytest.raises(openai.BadRequestError):
            await bob.responses.create(model="m", input="x", previous_response_id=hers.id)
        assert (await ann.responses.retrieve(hers.id)).id == hers.id


async def test_the_oldest_make_room(start):
    gateway, _ = await start(responses={"most": 2})
    async with sdk(gateway) as client:
        ids = [(await client.responses.create(model="m", input="Hello!")).id for _ in range(3)]
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve(ids[0])
        assert [(await client.responses.retrieve(id)).id for id in ids[1:]] == ids[1:]


async def test_a_gateway_that_keeps_none_says_so(start):
    gateway, _ = await start(responses={"store": False})
    async with sdk(gateway) as client:
        raw = await client.responses.with_raw_response.create(model="m", input="Hello!", store=True)
        assert raw.headers["x-aigw-lost"] == "store"
        response = json.loads(raw.content)
        assert response["store"] is False
        with pytest.raises(openai.BadRequestError, match="does not offer"):
            await client.responses.retrieve(response["id"])
        with pytest.raises(openai.BadRequestError, match="keeps no responses"):
            await client.responses.create(model="m", input="x", previous_response_id=response["id"])


async def test_another_process_finds_it_in_the_same_folder(start):
    first, _ = await start()
    async with sdk(first) as client:
        kept = await client.responses.create(model="m", input="Hello!")
    second, vendor = await start()
    async with sdk(second) as client:
        assert (await client.responses.retrieve(kept.id)).output_text == "Hello from DeepSeek."
        await client.responses.create(model="m", input="And now?", previous_response_id=kept.id)
    assert len(prompts(vendor)) == 3


async def test_items_that_are_kept_are_named_by_their_ids(start):
    """Vercel's AI SDK sends reasoning and calls so, unless it is told that nothing is kept."""
    gateway, vendor = await start()
    tool = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}, "strict": False}
    asked = {"role": "user", "content": "stage: think\nstage: call"}
    async with sdk(gateway) as client:
        first = await client.responses.create(model="m", input=[asked], tools=[tool])
        (call,) = [item for item in first.output if item.type == "function_call"]
        named = [{"type": "item_reference", "id": item.id} for item in first.output]
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
        second = await client.responses.create(model="m", input=[asked, *named, result], tools=[tool])
        assert second.output_text == "The tool said: sunny"
        assert vendor.refused == []
        with pytest.raises(openai.BadRequestError, match="another provider keeps"):
            await client.responses.create(model="m", input=[asked, {"type": "item_reference", "id": "msg_other_1"}])
