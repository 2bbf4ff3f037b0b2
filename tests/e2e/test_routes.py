"""What a configuration means for requests: routes, rules, plain upstreams, several providers."""

import gzip
import random

import openai
import pytest
from stage.answers import CHAT, PATH, answers, completion
from stage.gateway import BUILTIN, proxied, with_probes
from stage.raw import encode

from aigw.core.layers import Outcome

BODY = b'{"model":"gpt-4o","messages":[]}'
BINARY = bytes(range(256)) * 400


def plain(url, **more):
    return {"routes": [{"name": "plain", "match": {"path": "/api/*"}, "upstream": url}], **more}


@pytest.mark.parametrize("kind", ["application/json", "application/octet-stream", "text/plain", ""])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_plain_upstream(provider, gateway, kind, method):
    """Without a plugin a route is a plain proxy: body byte for byte, headers kept in both directions."""
    upstream = await provider(answers(BINARY, 201, {"X-Answer": "1", "Set-Cookie": "a=b"}, kind="image/png"))
    running = await gateway(plain(upstream.url))
    headers = {
        "authorization": "Bearer me",
        "cookie": "a=b",
        "accept_encoding": "br, zstd",
        "x_api_key": "k",
        "x_any": "1",
    }
    answer = await running.request(method, "/api/thing?q=%20", BINARY, content_type=kind, **headers)
    assert (answer.status, answer.body) == (201, BINARY)
    assert (answer.headers["x-answer"], answer.headers["set-cookie"]) == ("1", "a=b")
    request = upstream.requests[0]
    assert (request.method, request.target, request.body) == (method, "/api/thing?q=%20", BINARY)
    got = {name.lower(): value for name, value in request.headers.items()}
    assert headers.items() <= {name.replace("-", "_"): value for name, value in got.items()}.items()
    assert got["host"] == upstream.url.removeprefix("http://")
    assert got["content-length"] == str(len(BINARY))


@pytest.mark.parametrize("encoding", ["gzip", "aws-chunked"])
async def test_plain_upstream_gets_the_encoded_body(provider, gateway, encoding):
    """A body that no plugin reads is passed on as it is encoded, also in an encoding that aigw does not know."""
    packed = gzip.compress(b"hello")
    upstream = await provider(answers(b"ok"))
    running = await gateway(plain(upstream.url))
    await running.request("POST", "/api/x", packed, content_encoding=encoding)
    assert upstream.requests[0].body == packed
    assert upstream.requests[0].headers["content-encoding"] == encoding


async def test_plain_upstream_answers(provider, gateway):
    """Statuses, error pages, redirects and compressed bodies are passed on as they are."""
    packed = gzip.compress(b"hello")
    upstream = await provider(
        answers(b"<h1>gone</h1>", 410, kind="text/html"),
        answers(b"moved", 302, {"Location": "/elsewhere"}),
        answers(packed, headers={"Content-Encoding": "gzip"}, kind="text/plain"),
    )
    running = await gateway(plain(upstream.url))
    client = await running.connect()
    gone, moved, zipped = [await client.request("GET", "/api/x") for _ in range(3)]
    assert (gone.status, gone.body, gone.headers["content-type"]) == (410, b"<h1>gone</h1>", "text/html")
    assert (moved.status, moved.headers["location"]) == (302, "/elsewhere")
    assert (zipped.body, zipped.headers["content-encoding"]) == (packed, "gzip")
    assert (await client.request("GET", "/other")).status == 404


async def test_expect_is_answered_here(provider, gateway):
    """Who was told to continue by the gateway is not announced to the upstream again."""
    upstream = await provider(answers(b"ok"))
    running = await gateway(plain(upstream.url))
    client = await running.connect()
    request = encode("PUT", "/api/x", BODY, expect="100-continue")
    await client.send(request[: -len(BODY)])
    assert (await client.head())[0] == 100
    await client.send(BODY)
    assert (await client.answer()).body == b"ok"
    assert "expect" not in upstream.requests[0].headers


async def test_service_name_keeps_the_host(provider, gateway):
    """A Higress service name as upstream leaves the client's Host, as Envoy does."""
    upstream = await provider(answers(b"ok"))
    config = plain("backend.static:80", services={"backend.static": upstream.url})
    running = await gateway(config)
    assert (await running.request("GET", "/api/x", host="shop.localhost:99")).body == b"ok"
    assert upstream.requests[0].headers["host"] == "shop.localhost:99"


async def test_plugin_switched_off_on_a_route(provider, gateway):
    """`ai-proxy: false` on a route: the request goes to the route's own upstream, as the client sent it."""
    upstream = await provider(answers(b"plain"))
    routes = [
        {"name": "raw", "match": {"path": "/v1/*", "hosts": ["raw.localhost"]}, "upstream": upstream.url, "plugins": {"ai-proxy": False}},
        {"name": "llm", "match": {"path": "/v1/*"}},
    ]  # fmt: skip
    running = await gateway({**BUILTIN, "routes": routes})
    body = b'{"model":"echo","messages":[{"role":"user","content":"Hi"}]}'
    assert (await running.request("POST", PATH, body, host="raw.localhost")).body == b"plain"
    assert upstream.requests[0].body == body
    assert (await running.request("POST", PATH, body)).json()["choices"][0]["message"]["content"] == "Hi"


async def test_nowhere_to_go(gateway):
    """A route without an upstream and without a provider says so."""
    running = await gateway({"routes": [{"name": "empty"}]})
    answer = await running.request("POST", PATH, BODY)
    assert (answer.status, answer.json()["error"]["code"]) == (404, "no_upstream")
    assert "empty" in answer.json()["error"]["message"]


async def test_first_matching_route(provider, gateway):
    """Path, methods, hosts and headers must all hold; the first route that matches takes the request."""
    here = []

    def named(name, **match):
        here.append(name)
        return {"name": name, "match": match, "plugins": {"outer": {"tag": name}}}

    upstream = await provider(answers(b"ok"))
    routes = [
        named("exact", path="/a"),
        named("method", path="/*", methods=["PUT", "DELETE"]),
        named("host", path="/*", hosts=["*.one.localhost"]),
        named("header", path="/*", headers={"x-tenant": "two"}),
        named("prefix", path="/a/*"),
    ]
    routes = [{**route, "upstream": upstream.url} for route in routes]
    running = await gateway({"routes": routes})
    client = await running.connect()
    sent = [
        ("GET", "/a", {}), ("PUT", "/a/b", {}), ("GET", "/b", {"host": "x.one.localhost:1"}),
        ("GET", "/b", {"x_tenant": "two"}), ("GET", "/a/b", {}), ("GET", "/b", {"x_tenant": "three"}),
    ]  # fmt: skip
    statuses = [(await client.request(method, path, **headers)).status for method, path, headers in sent]
    assert statuses == [200] * 5 + [404]
    assert running.outer.tags == here


async def test_rules(provider, gateway):
    """A plugin's rules by route and domain: the first that matches replaces the global configuration."""
    upstream = await provider(answers(b"ok"))
    rules = [
        {"_match_domain_": ["*.a.localhost"], "tag": "domain"},
        {"_match_route_": ["second"], "tag": "route"},
        {"_match_route_prefix_": ["fi"], "tag": "prefix"},
    ]
    routes = [
        {"name": "second", "match": {"path": "/2"}, "upstream": upstream.url},
        {"name": "first", "match": {"path": "/1"}, "upstream": upstream.url},
        {"name": "third", "match": {"path": "/3"}, "upstream": upstream.url},
    ]
    running = await gateway({"plugins": {"outer": {"tag": "global", "_rules_": rules}}, "routes": routes})
    client = await running.connect()
    for path, host in (("/1", "x"), ("/2", "x"), ("/3", "x"), ("/2", "y.a"), ("/3", "y.a"), ("/3", "ya")):
        assert (await client.request("GET", path, host=f"{host}.localhost")).status == 200
    assert running.outer.tags == ["prefix", "route", "global", "domain", "domain", "global"]
    assert running.outer.ends == [Outcome.COMPLETE] * 6


async def test_rules_of_ai_proxy_inherit(provider, gateway):
    """ai-proxy alone merges: a rule's own keys over the global ones."""
    upstream = await provider(answers())
    config = proxied(upstream.url, modelMapping={"*": "global-model"})
    settings = config["plugins"]["ai-proxy"]
    settings["providers"] = [
        {"id": "other", "type": "openai", "apiTokens": ["sk-other"], "modelMapping": {"*": "other-model"}}
    ]
    settings["_rules_"] = [{"_match_domain_": ["other.localhost"], "activeProviderId": "other"}]
    running = await gateway(config)
    await running.request("POST", PATH, BODY)
    await running.request("POST", PATH, BODY, host="other.localhost")
    seen = [(request.headers["authorization"], request.json()["model"]) for request in upstream.requests]
    assert seen == [("Bearer sk-provider", "global-model"), ("Bearer sk-other", "other-model")]


def providers(**urls):
    return [
        {"id": name, "type": "openai", "apiTokens": [f"sk-{name}"], "openaiCustomUrl": f"{url}/v1"}
        for name, url in urls.items()
    ]


async def test_weights(provider, gateway):
    """Requests are shared out by weight, drawn from the gateway's own random numbers."""
    one, two = await provider(answers(completion("one"))), await provider(answers(completion("two")))
    settings = {"providers": providers(one=one.url, two=two.url), "weights": {"one": 1, "two": 3}}
    running = await gateway({"plugins": {"ai-proxy": settings}})
    running.env.random.seed(7)
    drawn = random.Random(7)
    client = await running.connect()
    got = [(await client.request("POST", PATH, BODY)).json()["choices"][0]["message"]["content"] for _ in range(60)]
    assert got == [drawn.choices(["one", "two"], [1, 3])[0] for _ in range(60)]
    assert 0 < len(one.requests) < len(two.requests)
    assert {request.headers["authorization"] for request in one.requests} == {"Bearer sk-one"}


async def test_weights_with_fallback(provider, gateway):
    """A share of the requests fails at one provider and is answered by the other, each time."""
    one, two = await provider(answers(b"no", 500)), await provider(answers(completion("two")))
    settings = {
        "providers": providers(one=one.url, two=two.url),
        "weights": {"one": 1, "two": 1},
        "fallback": ["one", "two"],
    }
    running = await gateway(with_probes({"plugins": {"ai-proxy": settings}}))
    running.env.random.seed(7)
    client = running.sdk()
    got = [(await client.chat.completions.create(**CHAT)).choices[0].message.content for _ in range(20)]
    assert got == ["two"] * 20
    attempts = [exchange.attempts for exchange in running.outer.exchanges]
    assert ["one", "two"] in attempts
    assert ["two"] in attempts
    assert len(one.requests) == attempts.count(["one", "two"])


async def test_by_model(provider, gateway):
    """The model decides on the provider; what no key names goes to the default."""
    one, two = await provider(answers(completion("one"))), await provider(answers(completion("two")))
    by_model = {"gpt-*": "one", "deepseek-chat": "two", "echo": "local"}
    listed = [*providers(one=one.url, two=two.url), {"id": "local", "type": "builtin"}]
    settings = {"providers": listed, "activeProviderId": "two", "byModel": by_model}
    running = await gateway({"plugins": {"ai-proxy": settings}})
    client = running.sdk()

    async def ask(model):
        messages = [{"role": "user", "content": "local"}]
        return (await client.chat.completions.create(model=model, messages=messages)).choices[0].message.content

    models = {"gpt-4o": "one", "deepseek-chat": "two", "echo": "local", "unknown": "two"}
    assert {model: await ask(model) for model in models} == models
    assert (await client.models.retrieve("echo")).owned_by == "aigw"
    with pytest.raises(openai.BadRequestError):
        await client.post("/chat/completions", cast_to=object, content=b"{")


async def test_chains_by_host_are_bounded(provider, gateway):
    """Made-up hosts do not fill the memory, and rules by domain hold all the same."""
    upstream = await provider(answers(b"ok"))
    rules = [{"_match_domain_": ["h7.localhost"], "tag": "seven"}]
    config = {
        "plugins": {"outer": {"tag": "global", "_rules_": rules}},
        "routes": [{"name": "r", "upstream": upstream.url}],
    }
    running = await gateway(config)
    client = await running.connect()
    count = 1100
    await client.send(b"".join(encode("GET", "/x", host=f"h{number}.localhost") for number in range(count)))
    assert [(await client.answer()).status for _ in range(count)] == [200] * count
    assert running.outer.tags == ["seven" if number == 7 else "global" for number in range(count)]
