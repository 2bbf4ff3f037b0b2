"""ai-cache with OpenAI's own client in front and a scripted provider behind: what is paid for once."""

import asyncio
import json

import pytest
from openai import NOT_GIVEN
from stage.answers import CHAT, DONE, PATH, answers, chunk, completion, streams, text_events
from stage.gateway import proxied, until
from stage.raw import encode

CACHE = {"redis": {"serviceName": "redis.static", "servicePort": 6379}}
USAGE = {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3}
TOOLS = [
    chunk({"role": "assistant", "content": None}),
    chunk({"reasoning_content": "let me "}),
    chunk({"reasoning_content": "add"}),
    chunk({"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "add", "arguments": ""}}]}),
    chunk({"tool_calls": [{"index": 1, "id": "b", "type": "function", "function": {"name": "mul", "arguments": ""}}]}),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"x":'}}]}),
    chunk({"tool_calls": [{"index": 1, "function": {"arguments": '{"y":2}'}}]}),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}),
    chunk({}, "tool_calls"),
    chunk(usage=USAGE),
    DONE,
]


@pytest.fixture
def cached(provider, gateway):
    """A scripted provider and a gateway with a cache in front of it."""

    async def start(*scripts, **plugins):
        upstream = await provider(*scripts)
        config = proxied(upstream.url)
        running = await gateway({**config, "plugins": {"ai-cache": CACHE, **plugins, **config["plugins"]}})
        return running, upstream

    return start


async def ask(client, **more):
    """The answer, assembled by the client if it is a stream, and what the cache said."""
    if more.get("stream"):
        raw = await client.chat.completions.with_raw_response.create(**{**CHAT, **more})
        message, finish, usage = {"content": None, "reasoning": None, "calls": {}}, None, None
        async for event in raw.parse():
            usage = event.usage or usage
            for choice in event.choices:
                add(message, choice.delta)
                finish = choice.finish_reason or finish
        message["calls"] = list(message["calls"].values())
        return {**message, "finish": finish}, usage, raw.headers["x-aigw-cache"]
    raw = await client.chat.completions.with_raw_response.create(**{**CHAT, **more})
    answer = raw.parse()
    (choice,) = answer.choices
    calls = [(call.id, call.function.name, call.function.arguments) for call in choice.message.tool_calls or ()]
    reasoning = getattr(choice.message, "reasoning_content", None)
    message = {"content": choice.message.content, "reasoning": reasoning, "calls": calls}
    return {**message, "finish": choice.finish_reason}, answer.usage, raw.headers["x-aigw-cache"]


def add(message, delta):
    message["content"] = (message["content"] or "") + delta.content if delta.content else message["content"]
    if reasoning := getattr(delta, "reasoning_content", None):
        message["reasoning"] = (message["reasoning"] or "") + reasoning
    for call in delta.tool_calls or ():
        before = message["calls"].get(call.index, (call.id, call.function.name, ""))
        message["calls"][call.index] = (*before[:2], before[2] + (call.function.arguments or ""))


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("first", [False, True])
async def test_one_form_serves_the_other(cached, first, second):
    script = (
        streams(*text_events("Hel", "lo")[:-1], chunk(usage=USAGE), DONE) if first else answers(completion("Hello"))
    )
    running, upstream = await cached(script)
    client = running.sdk()
    answer, _, said = await ask(client, stream=first or NOT_GIVEN)
    again, usage, hit = await ask(
        client, stream=second or NOT_GIVEN, stream_options={"include_usage": True} if second else NOT_GIVEN
    )
    assert (said.split(";")[0], hit.split(";")[0]) == ("miss", "hit")
    assert again == answer == {"content": "Hello", "reasoning": None, "calls": [], "finish": "stop"}
    assert usage.total_tokens == 3
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("second", [False, True])
async def test_tool_calls_and_reasoning_stay_whole(cached, second):
    running, upstream = await cached(streams(*TOOLS))
    client = running.sdk()
    answer, _, _ = await ask(client, stream=True)
    again, _, hit = await ask(client, stream=second or NOT_GIVEN)
    assert hit.startswith("hit")
    assert again == answer
    assert answer["calls"] == [("a", "add", '{"x":1}'), ("b", "mul", '{"y":2}')]
    assert answer["reasoning"] == "let me add"
    assert len(upstream.requests) == 1


async def test_the_stream_helper_of_the_sdk_takes_a_replay(cached):
    running, _ = await cached(streams(*TOOLS))
    client = running.sdk()
    finals = []
    for _ in range(2):
        async with client.chat.completions.stream(**CHAT) as stream:
            finals.append(await stream.get_final_completion())
    assert finals[0].choices[0].message.tool_calls == finals[1].choices[0].message.tool_calls
    assert finals[0].model_dump() == finals[1].model_dump()


async def test_embeddings(cached):
    body = b'{"object":"list","model":"e","data":[{"object":"embedding","index":0,"embedding":"AACAPwAAAEA="}]}'
    running, upstream = await cached(answers(body))
    client = running.sdk()
    vectors = [(await client.embeddings.create(model="e", input="hi")).data[0].embedding for _ in range(2)]
    assert vectors == [[1.0, 2.0]] * 2
    assert len(upstream.requests) == 1


async def test_a_burst_goes_upstream_once(cached):
    ready = asyncio.Event()

    async def slow(peer):
        await ready.wait()
        await peer.answer(completion("once"))

    running, upstream = await cached(slow)
    client = running.sdk()
    tasks = [asyncio.create_task(ask(client, stream=number % 2 == 0 or NOT_GIVEN)) for number in range(16)]
    await until(lambda: upstream.requests)
    ready.set()
    found = await asyncio.gather(*tasks)
    assert {message["content"] for message, _, _ in found} == {"once"}
    assert len(upstream.requests) == 1


async def test_a_client_that_leaves_does_not_take_the_others_with_it(cached):
    async def never(peer):
        await peer.gone()

    running, upstream = await cached(never, answers(completion("second")))
    client, leaving = running.sdk(), running.sdk()
    first = asyncio.create_task(ask(leaving))
    await until(lambda: upstream.requests)
    others = [asyncio.create_task(ask(client)) for _ in range(4)]
    await asyncio.sleep(0)
    first.cancel()
    found = await asyncio.gather(*others)
    assert {message["content"] for message, _, _ in found} == {"second"}
    assert len(upstream.requests) == 2


async def test_another_configuration_behind_the_cache_is_another_key(cached, gateway, provider):
    """Two routes with one cache and different models."""
    upstream = await provider(answers())
    config = proxied(upstream.url)
    routes = [
        {"name": "a", "match": {"path": "/a/*"}, "plugins": {"ai-proxy": {"provider": {"type": "openai", "apiTokens": ["x"], "modelMapping": {"*": "small"}}}}},
        {"name": "b", "match": {"path": "/*"}},
    ]  # fmt: skip
    running = await gateway({**config, "routes": routes, "plugins": {"ai-cache": CACHE, **config["plugins"]}})
    for base in ("/a/v1", "/b/v1"):
        for how in ("miss", "hit"):
            _, _, said = await ask(running.sdk(base_url=running.url + base))
            assert said.startswith(how)
    assert [request.json()["model"] for request in upstream.requests] == ["small", "gpt-4o"]


async def test_every_cache_control_counts(cached):
    """A header may come more than once."""
    running, upstream = await cached(answers(completion("Hello")))
    body = json.dumps(CHAT).encode()
    client = await running.connect()
    head = encode("POST", PATH, body, cache_control="max-age=100")
    for _ in range(2):
        await client.send(head.replace(b"cache-control:", b"cache-control: no-store\r\ncache-control:"))
        assert (await client.answer()).headers["x-aigw-cache"] == "bypass; reason=no-store"
    assert len(upstream.requests) == 2
