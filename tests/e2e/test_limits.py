"""Keys, token limits and quotas with real clients, over the production runner and processes."""

import asyncio
import json
import socket
from urllib.parse import urlsplit

import openai
import pytest
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from stage.answers import CHAT, PATH, answers, chunk, completion, streams, text_events
from stage.command import aigw, ended, ready
from stage.gateway import proxied
from stage.raw import RawClient

from aigw.core.stores import Service

USAGE = {"prompt_tokens": 40, "completion_tokens": 6, "total_tokens": 46}
REDIS = {"service_name": "redis.static", "service_port": 6379}
ARTICLE = {
    "rule_name": "default_limit_by_param_apikey",
    "rule_items": [
        {"limit_by_per_ip": "from-remote-addr", "limit_keys": [{"key": "0.0.0.0/0", "token_per_minute": 100}]}
    ],
    "redis": {**REDIS, "username": "default", "password": "123456"},
    "rejected_code": 429,
    "rejected_msg": '{"code":-1,"msg":"Too many requests"}',
}
PLAIN = answers(completion(usage=USAGE))
STREAM = streams(*text_events("Hi")[:-1], chunk(usage=USAGE), text_events()[-1])
KEY = "higress-token-ratelimit:{default_limit_by_param_apikey}:limit_by_per_ip:60:from-remote-addr:127.0.0.1"
KEYS = {"consumers": [{"name": "alice", "credential": "sk-alice"}], "keys": ["authorization"]}
BUILTIN = {"ai-proxy": {"provider": {"type": "builtin", "mock": {"tokens": 37}}}}


@pytest.fixture
def limited(provider, gateway):
    """A scripted provider behind plugins."""

    async def start(*scripts, fidelity="safe", **plugins):
        upstream = await provider(*scripts)
        config = proxied(upstream.url)
        config["plugins"] |= {name.replace("_", "-"): settings for name, settings in plugins.items()}
        return await gateway({**config, "fidelity": fidelity}), upstream

    return start


async def ask(client, *, stream):
    """One answer, read to the end as the SDK reads it. Returns its headers."""
    raw = await client.chat.completions.with_raw_response.create(**CHAT, stream=stream)
    answer = raw.parse()
    if stream:
        async for _ in answer:
            pass
    return raw.headers


@pytest.mark.parametrize("fidelity", ["safe", "higress"])
@pytest.mark.parametrize("stream", [False, True])
async def test_the_fourth_call_of_the_articles_example(limited, fidelity, stream):
    running, upstream = await limited(STREAM if stream else PLAIN, fidelity=fidelity, ai_token_ratelimit=ARTICLE)
    client = running.sdk()
    for _ in range(3):
        await ask(client, stream=stream)
    with pytest.raises(openai.RateLimitError) as caught:
        await ask(client, stream=stream)
    response = caught.value.response
    assert int(response.headers["x-tokenratelimit-reset"]) in (59, 60)
    if fidelity == "higress":
        assert response.json() == {"code": -1, "msg": "Too many requests"}
    else:
        assert (caught.value.code, caught.value.type) == ("rate_limit_exceeded", "tokens")
        assert response.headers["retry-after"] == response.headers["x-tokenratelimit-reset"]
        assert response.headers["x-ratelimit-remaining-tokens"] == "0"
    assert len(upstream.requests) == 3


async def test_the_refusal_has_anthropics_form(limited):
    running, _ = await limited(
        answers(completion(usage={"prompt_tokens": 400})),
        ai_token_ratelimit=ARTICLE,
        ai_proxy={"provider": {"type": "openai", "capabilities": {"anthropic/v1/messages": "/v1/messages"}}},
    )
    body = json.dumps({**CHAT, "max_tokens": 5}).encode()
    await running.request("POST", "/v1/messages", body, content_type="application/json")
    answer = await running.request("POST", "/v1/messages", body, content_type="application/json")
    assert (answer.status, answer.json()["error"]["type"]) == (429, "rate_limit_error")


async def test_a_burst_of_32_overshoots_by_one_estimate(limited):
    running, upstream = await limited(PLAIN, ai_token_ratelimit=ARTICLE)
    client = running.sdk()
    # 8 tokens of prompt or so, and 38: what an answer takes
    calls = [client.chat.completions.create(**CHAT, max_tokens=38) for _ in range(32)]
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(end).__name__ for end in ends} == {"ChatCompletion", "RateLimitError"}
    assert len(upstream.requests) <= 3


async def test_a_client_that_leaves_is_charged_for_what_was_made(limited):
    async def endless(peer):
        await peer.begin()
        for piece in text_events("one two three", " four")[:3]:
            await peer.piece(piece)
        await peer.gone()

    running, upstream = await limited(endless, ai_token_ratelimit=ARTICLE)
    counter = running.env.stores.counter(Service("redis.static", 6379))
    answer = await running.sdk().chat.completions.create(**CHAT, stream=True)
    chunks = aiter(answer)
    for _ in range(3):
        await anext(chunks)
    assert (await counter.read(KEY))[0].held > 1000
    await answer.close()
    await upstream.all_closed()
    await running.edge.settled()
    (count,) = await counter.read(KEY)
    assert (count.used, count.held) == (9 + 4, 0)  # "Hello!" as a chat, and four words


async def test_keys(limited):
    running, upstream = await limited(PLAIN, key_auth=KEYS)
    assert await ask(running.sdk(api_key="sk-alice"), stream=False)
    with pytest.raises(openai.AuthenticationError) as caught:
        await ask(running.sdk(api_key="sk-mallory"), stream=False)
    assert caught.value.code == "invalid_api_key"
    (request,) = upstream.requests
    assert request.headers["authorization"] == "Bearer sk-provider"
    assert "x-mse-consumer" not in request.headers
    assert b"sk-alice" not in request.head


async def test_a_quota_is_given_spent_and_gone(limited):
    keys = {**KEYS, "consumers": [*KEYS["consumers"], {"name": "admin", "credential": "sk-admin"}]}
    quota = {"admin_consumer": "admin", "redis": REDIS}
    running, upstream = await limited(PLAIN, key_auth=keys, ai_quota=quota)
    client = running.sdk(api_key="sk-alice")
    with pytest.raises(openai.PermissionDeniedError):
        await ask(client, stream=False)
    given = await running.request(
        "POST", f"{PATH}/quota/refresh", b"consumer=alice&quota=50",
        authorization="Bearer sk-admin", content_type="application/x-www-form-urlencoded",
    )  # fmt: skip
    assert given.body == b"refresh quota successful"
    await ask(client, stream=False)
    await ask(client, stream=False)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        await ask(client, stream=False)
    assert caught.value.code == "insufficient_quota"
    left = await running.request("GET", f"{PATH}/quota?consumer=alice", authorization="Bearer sk-admin")
    assert left.json() == {"consumer": "alice", "quota": -42}
    assert len(upstream.requests) == 2


async def test_two_workers_share_a_limit(tmp_path):
    config = {"listen": "127.0.0.1:0", "plugins": {"ai-token-ratelimit": ARTICLE, **BUILTIN}}
    async with aigw(tmp_path, "--workers", "2", config=config) as process:
        url = (await ready(process))["url"]
        statuses = []
        for _ in range(6):  # each on a connection of its own, which either worker may take
            client = AsyncOpenAI(
                base_url=f"{url}/v1", api_key="x", max_retries=0, http_client=DefaultAsyncHttpxClient(trust_env=False)
            )
            async with client:
                try:
                    await client.chat.completions.create(model="mock", messages=CHAT["messages"])
                    statuses.append(200)
                except openai.RateLimitError:
                    statuses.append(429)
    assert statuses == [200, 200, 200, 429, 429, 429]


def free_port():
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_an_open_address_is_for_those_who_ask_for_keys(tmp_path, workers):
    listen = f"0.0.0.0:{free_port()}"
    async with aigw(tmp_path, "--workers", workers, config={"listen": listen, "plugins": BUILTIN}) as process:
        code, errors = await ended(process)
    assert code != 0
    assert "configure key-auth for every route" in errors
    config = {"listen": listen, "plugins": {"key-auth": KEYS, **BUILTIN}}
    async with aigw(tmp_path, "--workers", workers, config=config) as process:
        port = urlsplit((await ready(process))["url"]).port
        client = await RawClient.connect(port)
        answer = await client.request("POST", PATH, json.dumps(CHAT).encode(), host="127.0.0.1")
        await client.close()
    assert answer.status == 401
