"""The one door: whatever leaves the gateway is seen by a transport that stands around all others."""

import json
from dataclasses import dataclass

import pytest
from stage.answers import PATH, answers, completion
from stage.gateway import proxied, until

from aigw.core.model import Request
from aigw.core.upstream import Upstream
from aigw.server.start import Overrides, load_or_discover
from aigw.upstream.http import HttpUpstream
from aigw.upstream.standin import StandinAnswer

HELLO = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}).encode()
ECHO = HELLO.replace(b"gpt-4o", b"echo")
MODELS = b'{"object":"list","data":[{"id":"gpt-4o","object":"model"}]}'
OPENAI = {"type": "openai", "apiTokens": ["sk-provider"]}
SEMANTIC = {
    "cache": {"type": "redis", "serviceName": "redis.static"},
    "embedding": {"type": "dashscope", "serviceName": "dashscope.dns", "apiKey": "ek"},
    "vector": {
        "type": "dashvector",
        "serviceName": "dashvector.dns",
        "serviceHost": "vrs.dashvector.example.com",
        "collectionID": "c",
    },
    "enableSemanticCache": True,
}
EMBED = "/api/v1/services/embeddings/text-embedding/text-embedding"


@dataclass
class Recording:
    """A transport around another one that keeps what went through."""

    inner: Upstream
    seen: list[str]

    async def send(self, request, target):
        self.seen.append(f"{target.origin.scheme} {target.authority} {request.method} {request.path}")
        return await self.inner.send(request, target)

    async def aclose(self):
        await self.inner.aclose()


@pytest.fixture
def seen():
    return []


@pytest.fixture
def around(seen):
    return lambda inner: Recording(inner, seen)


async def post(running, body=HELLO):
    return await running.request("POST", PATH, body, content_type="application/json")


async def test_providers_built_in_models_and_their_lists(provider, gateway, seen, around):
    upstream = await provider(answers(completion("yo")), answers(MODELS))
    config = proxied(upstream.url)
    config["plugins"]["ai-proxy"] = {
        "providers": [{"id": "openai", **OPENAI}, {"id": "here", "type": "builtin"}],
        "activeProviderId": "openai",
        "byModel": {"echo": "here"},
    }
    running = await gateway(config, around=around)
    assert [(await post(running, body)).status for body in (HELLO, ECHO)] == [200, 200]
    listed = (await running.request("GET", "/v1/models")).json()["data"]
    assert [model["id"] for model in listed] == ["gpt-4o", "echo"]
    assert seen == [
        f"http api.openai.com POST {PATH}",
        f"builtin here POST {PATH}",
        "http api.openai.com GET /v1/models",
        "builtin here GET /v1/models",
    ]


async def test_probes_of_tokens(provider, gateway, seen, around):
    upstream = await provider(answers(b"{}", 500), answers(b"{}"))
    failover = {"enabled": True, "failureThreshold": 1, "healthCheckModel": "m", "healthCheckInterval": 1}
    running = await gateway(proxied(upstream.url, failover=failover), around=around)
    assert (await post(running)).status == 500
    await until(lambda: len(upstream.requests) > 1 and upstream.requests[1].complete)
    assert upstream.requests[1].json()["model"] == "m"
    assert seen == [f"http api.openai.com POST {PATH}"] * 2


async def test_plain_routes(provider, gateway, seen, around):
    upstream = await provider(answers(b"ok"))
    route = {"name": "plain", "match": {"path": "/*"}, "upstream": upstream.url}
    running = await gateway({"routes": [route]}, around=around)
    assert (await running.request("GET", "/x")).body == b"ok"
    assert seen == [f"http {upstream.url.removeprefix('http://')} GET /x"]


async def test_the_probe_for_ollama(provider, seen, around):
    upstream = await provider(answers(b'{"data":[{"id":"llama3"}]}'))
    door = around(HttpUpstream())
    loaded, _ = await load_or_discover(None, {"OLLAMA_HOST": upstream.url}, door, Overrides())
    await door.aclose()
    assert "llama3" in loaded.plugins["ai-proxy"].rules.configs[0].by_model
    assert seen == [f"http {upstream.url.removeprefix('http://')} GET /v1/models"]


class Services:
    """Stand-ins for an embedder, a store of vectors without any, and a file."""

    def __init__(self):
        self.asked: list[Request] = []
        self.table = {
            "dashscope.dns": self.answering({"output": {"embeddings": [{"embedding": [0.1]}]}}),
            "dashvector.dns": self.answering({"code": 0, "output": []}),
            "files.dns": self.answering("the context"),
        }

    def answering(self, body):
        async def stand_in(request):
            self.asked.append(request)
            return StandinAnswer(200, {"content-type": "application/json"}, json.dumps(body).encode())

        return stand_in


async def test_callouts_of_plugins_reach_their_stand_ins(provider, gateway, seen, around):
    services = Services()
    upstream = await provider(answers(completion("yo")))
    config = {**proxied(upstream.url), "fidelity": "higress"}
    config["plugins"] = {"ai-cache": SEMANTIC, **config["plugins"]}
    running = await gateway(config, around=around, standins=services.table)
    assert (await post(running)).status == 200
    await until(lambda: len(seen) == 4)
    assert seen == [
        f"standin dashscope.aliyuncs.com POST {EMBED}",
        "standin vrs.dashvector.example.com POST /v1/collections/c/query",
        f"http api.openai.com POST {PATH}",
        "standin vrs.dashvector.example.com POST /v1/collections/c/docs",
    ]
    assert json.loads(services.asked[0].body)["input"] == {"texts": ["hi"]}
    assert services.asked[0].headers["authorization"] == "Bearer ek"


@pytest.mark.parametrize("name", ["dashvector.dns", "vrs.dashvector.example.com"])
async def test_what_services_maps_goes_before_a_stand_in(provider, gateway, seen, around, name):
    services = Services()
    upstream = await provider(answers(completion("yo")))
    vectors = await provider(answers(b'{"output": [{"score": 0.1, "fields": {"query": "q", "answer": "near"}}]}'))
    config = {**proxied(upstream.url), "fidelity": "higress"}
    config["services"][name] = vectors.url
    config["plugins"] = {"ai-cache": SEMANTIC, **config["plugins"]}
    running = await gateway(config, around=around, standins=services.table)
    assert (await post(running)).json()["choices"][0]["message"]["content"] == "near"
    assert [line.partition(" ")[0] for line in seen] == ["standin", "http"]


@pytest.mark.parametrize("mapped", [False, True])
async def test_a_context_file_comes_from_its_stand_in_unless_it_is_mapped(provider, gateway, seen, around, mapped):
    services = Services()
    upstream = await provider(answers(completion("yo")))
    files = await provider(answers(b"mapped"))
    context = {"fileUrl": "http://files.example.com/context.txt", "serviceName": "files.dns", "servicePort": 80}
    config = proxied(upstream.url, context=context)
    if mapped:
        config["services"]["files.dns"] = files.url
    running = await gateway(config, around=around, standins=services.table)
    assert (await post(running)).status == 200
    scheme = "http" if mapped else "standin"
    assert seen == [f"{scheme} files.example.com GET /context.txt", f"http api.openai.com POST {PATH}"]
    said = upstream.requests[0].json()["messages"][0]["content"]
    assert said == ("mapped" if mapped else '"the context"')
