"""A path means one thing: in any spelling it is charged, mapped and routed, and goes on in its plain form, or it is 404."""

import json

import pytest
from stage.answers import CHAT, PATH, answers, completion
from stage.gateway import proxied, until
from stage.raw import encode

BODY = json.dumps(CHAT).encode()
SPELLINGS = [
    f"{PATH}/", f"{PATH}//", "//v1//chat//completions", "/v1/chat%2Fcompletions", "/v1/Chat/Completions", f"{PATH};x",
    "/v1/./chat/completions", "/x/../v1/chat/completions", "/v1/chat/comp%6cetions", f"{PATH}%20", "/chat/completions",
    "/team/v1/chat/completions", "/v1/%63hat/completions?a=1", "/v1/chat/..;/chat/completions", "/v1\\chat\\completions",
    "/openai/deployments/gpt-4o/chat/completions", "http://127.0.0.1/v1/chat/completions/", "/v1/chat/completions#x",
]  # fmt: skip
ODD = [
    f"{PATH}%00", f"{PATH}%0a", "/v1/chat%252Fcompletions", "/v1/files/x%2F..%2F..%2Fchat%2Fcompletions", "/v1/engines/x",
    "/v1/organization/admin_api_keys", "/v1/realtime/sessions", "/v1beta/models/x:predict", "/v2/chat/completions",
    "/api/generate", "/favicon.ico", f"{PATH}.", f"{PATH}%3F", "/v1/..%2fx", "/v1",
]  # fmt: skip
BUDGET = {"ai-budget": {"budgets": [{"name": "run", "tokens": 4}]}}


@pytest.mark.parametrize("target", SPELLINGS)
async def test_every_spelling_is_charged_mapped_and_plain(provider, gateway, target):
    upstream = await provider(answers())
    config = proxied(upstream.url, modelMapping={"gpt-4o": "other"})
    config["plugins"] |= BUDGET
    prefix = next((each for each in ("/team", "/openai") if target.startswith(each)), "")
    running = await gateway({**config, "routes": [{"name": "chat", "match": {"path": f"{prefix}/*"}}]}, keeps=True)
    statuses = [(await running.request("POST", target, BODY, content_type="application/json")).status for _ in range(4)]
    assert statuses[0] == 200
    assert statuses[2:] == [402, 402]
    assert {request.target.partition("?")[0] for request in upstream.requests} == {PATH}
    assert {request.json()["model"] for request in upstream.requests} == {"other"}
    assert {row.api for row in running.rows} <= {"openai/v1/chatcompletions"}


@pytest.mark.parametrize("target", ODD)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_no_api_never_gets_our_key(behind, target, method):
    running, upstream = await behind(answers())
    answer = await running.request(method, target, BODY if method == "POST" else b"", content_type="application/json")
    assert answer.status == 404
    assert answer.json()["error"]["message"]
    assert upstream.requests == []


@pytest.mark.parametrize("kind", ["generic", "openai"])
async def test_a_route_may_name_a_path(provider, gateway, kind):
    upstream = await provider(answers(b"{}"))
    settings = {"type": kind, "apiTokens": ["sk-provider"], "providerDomain": "llm.example"}
    routes = [{"name": "ocr", "match": {"path": "/v1/ocr*"}}, {"name": "all"}]
    services = {"llm.example": upstream.url}
    running = await gateway({"plugins": {"ai-proxy": {"provider": settings}}, "routes": routes, "services": services})
    assert (await running.request("POST", "/v1//ocr/x/../y/", BODY)).status == 200
    assert (await running.request("POST", "/v1/other", BODY)).status == 404
    assert [request.target for request in upstream.requests] == ["/v1/ocr/y/"]


@pytest.mark.parametrize("fidelity", ["safe", "higress"])
async def test_higress_takes_a_path_as_it_is(provider, gateway, fidelity):
    upstream = await provider(answers())
    running = await gateway({**proxied(upstream.url), "fidelity": fidelity})
    await running.request("POST", f"{PATH}/", BODY, content_type="application/json")
    assert upstream.requests[0].target == (PATH if fidelity == "safe" else f"{PATH}/")
    assert ("via" in upstream.requests[0].headers) == (fidelity == "safe")


async def test_a_client_without_version_meets_the_routes_of_both_spellings(provider, gateway):
    first, second = await provider(answers(completion("1"))), await provider(answers(completion("2")))
    routes = [
        {"name": "short", "match": {"path": "/chat/*"}, "upstream": first.url},
        {"name": "long", "match": {"path": PATH}, "upstream": second.url},
    ]
    running = await gateway({"routes": routes})
    for path, expected in (("/chat/completions", "1"), (PATH, "2"), (f"{PATH}/", "2")):
        answer = await running.request("POST", path, BODY, content_type="application/json")
        assert answer.json()["choices"][0]["message"]["content"] == expected


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions/../../../other", "/%2e%2e/other", "/x/..;/other", "/..%5cother"]
)
@pytest.mark.parametrize("settings", [{"protocol": "original"}, {}])
async def test_nothing_leaves_a_base_path(provider, gateway, path, settings):
    upstream = await provider(answers(b"{}"))
    provider_ = {"type": "generic", "providerDomain": "llm.example", "providerBasePath": "/tenant", **settings}
    running = await gateway(
        {"plugins": {"ai-proxy": {"provider": provider_}}, "services": {"llm.example": upstream.url}}
    )
    await running.request("GET", path)
    assert [request.target for request in upstream.requests] in ([], ["/tenant/other"])


@pytest.mark.parametrize(
    ("path", "sent"), [("/team/v1/chat/completions", "/v1/chat/completions"), ("/teamx", "/teamx")]
)
async def test_a_base_path_ends_at_a_slash(provider, gateway, path, sent):
    upstream = await provider(answers())
    settings = {"type": "generic", "providerDomain": "llm.example", "basePath": "/team"}
    running = await gateway(
        {"plugins": {"ai-proxy": {"provider": settings}}, "services": {"llm.example": upstream.url}}
    )
    await running.request("POST", path, BODY, content_type="application/json")
    assert [request.target for request in upstream.requests] == [sent]


async def test_a_body_that_is_refused_leaves_a_row(provider, gateway):
    upstream = await provider(answers())
    running = await gateway({**proxied(upstream.url), "max_body": 1000}, keeps=True)
    for body, encoding in ((b"{", ""), (BODY, "snappy"), (b"no gzip", "gzip"), (b" " * 2000, "")):
        named = {"content_encoding": encoding} if encoding else {}
        await running.request("POST", PATH, body, content_type="application/json", **named)
    client = await running.connect()
    await client.send(encode("POST", PATH, BODY, content_type="application/json"))
    await client.answer()
    await until(lambda: len(running.rows) == 5)
    assert sorted(row.status for row in running.rows) == [200, 400, 400, 413, 415]
    assert {row.cost for row in running.rows if row.status >= 400} == {0.0}
