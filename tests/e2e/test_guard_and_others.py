"""ai-security-guard beside other plugins: what is denied or masked is so for them, too."""

from __future__ import annotations

import json

import pytest
from stage.answers import answers, streams
from stage.gateway import until
from stage.wires import CHAT, CONSUMER

BAD = "project bluebird"
MAIL = "jane.sample" + "@example.com"
GUARD = {"checkRequest": True, "checkResponse": True}
REDIS = {"serviceName": "redis.static", "servicePort": 6379}
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@pytest.fixture
def guarded(provider, gateway):
    async def start(*texts, guard=GUARD, script=None, **plugins):
        upstream = await provider(script or forms(*texts))
        named = {"ai-security-guard": guard, **{name.replace("_", "-"): config for name, config in plugins.items()}}
        rules = {"rules": [{"label": "names", "words": [BAD]}]}
        return await gateway(CHAT.config(upstream.url, named, guard=rules), keeps=True), upstream

    return start


def forms(*texts):
    """A provider that answers in the form that is asked for."""

    async def script(peer):
        stream = b'"stream": true' in await peer.body()
        await (streams(*CHAT.events(texts)) if stream else answers(CHAT.plain(texts)))(peer)

    return script


async def ask(running, *, stream, prompt="Hello!", **more):
    body = json.dumps({**CHAT.body(prompt, stream=stream), **more}).encode()
    return await running.request("POST", CHAT.path, body, **CONSUMER, authorization="Bearer me")


@STREAM
async def test_what_is_masked_is_cached_masked(guarded, stream):
    running, upstream = await guarded("Write to ", *MAIL, " now.", ai_cache={"redis": REDIS})
    first, second = [await ask(running, stream=stream) for _ in range(2)]
    assert second.headers["x-aigw-cache"].startswith("hit")
    for answer in (first, second):
        assert MAIL not in read(answer)
        assert "[email]" in read(answer)
    assert len(upstream.requests) == 1


def read(answer):
    """The text of a plain answer or of a stream."""
    if b"data:" not in answer.body:
        return answer.json()["choices"][0]["message"]["content"]
    lines = [
        json.loads(line[5:]) for line in answer.body.splitlines() if line.startswith(b"data:") and b"DONE" not in line
    ]
    return "".join(line["choices"][0]["delta"].get("content", "") for line in lines if line["choices"])


@STREAM
@pytest.mark.parametrize("texts", [[BAD], [*("A robin is a bird. " * 20), BAD, "."]], ids=["short", "long"])
async def test_what_is_denied_is_not_cached(guarded, stream, texts):
    running, upstream = await guarded(*texts, ai_cache={"redis": REDIS})
    for _ in range(2):
        answer = await ask(running, stream=stream)
        assert "from-security-guard" in answer.body.decode()
        assert answer.headers["x-aigw-cache"].startswith("miss")
    assert len(upstream.requests) == 2


@STREAM
async def test_a_denied_request_is_not_cached(guarded, stream):
    running, upstream = await guarded("Hi", ai_cache={"redis": REDIS})
    for _ in range(2):
        assert (await ask(running, stream=stream, prompt=f"Tell of {BAD}.")).headers["x-aigw-cache"].startswith("miss")
    assert upstream.requests == []


async def test_the_guard_sees_the_request_as_the_model_gets_it(guarded):
    """Behind template and decorator."""
    decorator = {"append": [{"role": "user", "content": f"Write to {MAIL}."}]}
    running, upstream = await guarded("Hi", ai_prompt_decorator=decorator)
    await ask(running, stream=False)
    assert upstream.requests[0].json()["messages"][-1]["content"] == "Write to [email]."


@STREAM
async def test_what_is_masked_is_remembered_masked(guarded, stream):
    running, upstream = await guarded("Write to ", MAIL, " now.", ai_history={"redis": REDIS})
    for _ in range(2):
        await ask(running, stream=stream)
    sent = upstream.requests[1].json()["messages"]
    assert [each["content"] for each in sent if each["role"] == "assistant"] == ["Write to [email] now."]


@STREAM
async def test_what_is_denied_is_not_remembered(guarded, stream):
    running, upstream = await guarded(f"It is {BAD}.", ai_history={"redis": REDIS})
    for _ in range(2):
        await ask(running, stream=stream)
    assert len(upstream.requests) == 2
    assert BAD.encode() not in upstream.requests[1].body


@STREAM
async def test_usage_of_a_denied_answer_counts(guarded, stream):
    running, _ = await guarded(f"It is {BAD}.", ai_statistics={})
    await ask(running, stream=stream)
    await until(lambda: len(running.rows) == 1)
    assert (running.rows[0].guard, running.rows[0].tokens.output) == ("denied", 12)


@pytest.mark.parametrize(("consumer", "denied"), [("ann", False), ("bob", True)])
async def test_bars_of_consumers(guarded, consumer, denied):
    guard = {**GUARD, "riskLevelBar": "high", "customLabelLevelBar": "high",
             "consumerRiskLevel": [{"name": "ann", "riskLevelBar": "max", "customLabelLevelBar": "max"}]}  # fmt: skip
    keys = {
        "consumers": [{"name": name, "credential": name} for name in ("ann", "bob")],
        "keys": ["x-api-key"],
        "in_header": True,
    }
    running, _ = await guarded(f"It is {BAD}.", guard=guard, key_auth=keys)
    body = json.dumps(CHAT.body()).encode()
    answer = await running.request("POST", CHAT.path, body, x_api_key=consumer)
    assert (b"from-security-guard" in answer.body) == denied
