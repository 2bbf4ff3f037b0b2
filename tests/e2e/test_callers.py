"""Callers of every family: a model in a path is mapped and routed, lists and errors have their shape, and what does not
apply is said here."""

import json
import logging

import pytest
from openai import AsyncAzureOpenAI, DefaultAsyncHttpxClient
from stage.answers import CHAT, PATH, answers
from stage.gateway import BUILTIN, until

BODY = json.dumps(CHAT).encode()
ASKED = json.dumps({"contents": [{"parts": [{"text": "Hi"}]}]}).encode()
ANSWERED = json.dumps(
    {
        "candidates": [{"content": {"parts": [{"text": "Hello"}], "role": "model"}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 5, "totalTokenCount": 12},
        "modelVersion": "gemini-x",
    }
).encode()
GEMINI = {"id": "google", "type": "gemini", "apiTokens": ["google-key"], "providerDomain": "gemini.example"}
GEMINI |= {"modelMapping": {"fast": "gemini-2.5-flash"}}
OPENAI = {"id": "main", "type": "openai", "apiTokens": ["openai-key"], "providerDomain": "openai.example"}
CLAUDE = {"id": "claude", "type": "claude", "apiTokens": ["claude-key"], "providerDomain": "claude.example"}
AZURE = {"id": "azure", "type": "azure", "apiTokens": ["azure-key"], "providerDomain": "azure.example"}
AZURE |= {
    "azureServiceUrl": "https://azure.example?api-version=2025-01-01",
    "modelMapping": {"gpt-4o": "my/deployment"},
}


@pytest.fixture
def several(provider, gateway):
    """A gateway before OpenAI (the active one), Gemini, Anthropic and Azure."""

    async def start(script=None, *, by_model=None, **config):
        ups = {name: await provider(script or answers()) for name in ("openai", "gemini", "claude", "azure")}
        ai_proxy = {"providers": [OPENAI, GEMINI, CLAUDE, AZURE], "activeProviderId": "main"}
        ai_proxy |= {
            "byModel": by_model or {"gemini-*": "google", "fast": "google", "claude-*": "claude", "gpt-4o": "azure"}
        }
        services = {f"{name}.example": up.url for name, up in ups.items()}
        plugins = {"ai-proxy": ai_proxy, **config.pop("plugins", {})}
        return await gateway({"plugins": plugins, "services": services, **config}, keeps=True), ups

    return start


@pytest.mark.parametrize("path", [
    "/v1beta/models/fast:generateContent", "/v1/models/fast:generateContent", "/models/fast:generateContent",
    "/v1beta//Models/fast:GENERATECONTENT/", "/v1beta/models/fa%73t:generateContent?key=mine&x=1",
])  # fmt: skip
@pytest.mark.parametrize("kind", ["application/json", ""])
async def test_gemini_goes_where_its_model_leads(several, path, kind):
    running, ups = await several(answers(ANSWERED))
    answer = await running.request("POST", path, ASKED, content_type=kind)
    assert answer.status == 200
    (request,) = ups["gemini"].requests
    version = "v1" if path.startswith("/v1/") else "v1beta"
    query = "?x=1" if "?" in path else ""
    assert request.target == f"/{version}/models/gemini-2.5-flash:generateContent{query}"
    assert request.headers["x-goog-api-key"] == "google-key"
    assert ups["openai"].requests == []
    await until(lambda: len(running.rows) == 1)
    (row,) = running.rows
    assert (row.asked, row.tokens.input, row.tokens.output, row.provider) == ("fast", 7, 5, "google")


async def test_a_model_of_nobody_is_asked_of_the_first_vendor_only(several):
    running, ups = await several()
    answer = await running.request("POST", "/v1beta/models/unknown:generateContent", ASKED)
    assert (answer.status, answer.json()["candidates"][0]["content"]["parts"]) == (200, [{"text": "Hi"}])
    assert [(name, len(up.requests)) for name, up in ups.items() if up.requests] == [("openai", 1)]
    assert (ups["openai"].requests[0].target, ups["openai"].requests[0].json()["model"]) == (PATH, "unknown")


async def test_a_count_of_a_model_of_nobody_is_made_here(several):
    running, ups = await several()
    counted = await running.request("POST", "/v1beta/models/unknown:countTokens", ASKED)
    assert (counted.status, counted.headers["x-aigw-tokens"]) == (200, "estimated")
    assert all(up.requests == [] for up in ups.values())


@pytest.mark.parametrize(("verb", "body", "sent"), [
    ("countTokens", {"contents": []}, {"contents": []}),
    ("countTokens", {"generateContentRequest": {"model": "models/fast"}}, {"generateContentRequest": {"model": "models/gemini-2.5-flash"}}),
    ("embedContent", {"model": "models/fast"}, {"model": "models/gemini-2.5-flash"}),
    ("batchEmbedContents", {"requests": [{"model": "models/fast"}]}, {"requests": [{"model": "models/gemini-2.5-flash"}]}),
])  # fmt: skip
@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_the_other_verbs_of_gemini(several, verb, body, sent, version):
    running, ups = await several(answers(b'{"totalTokens":3}'))
    path = f"/{version}/models/fast:{verb}"
    answer = await running.request("POST", path, json.dumps(body).encode(), content_type="application/json")
    assert answer.status == 200
    (request,) = ups["gemini"].requests
    assert request.target == f"/{version}/models/gemini-2.5-flash:{verb}"
    assert request.json() == sent


@pytest.mark.parametrize("body", [CHAT, {"messages": CHAT["messages"]}, {**CHAT, "model": "other"}])
async def test_an_azure_deployment_is_a_model(several, body):
    running, ups = await several()
    path = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-01-01&y=2"
    answer = await running.request(
        "POST", path, json.dumps(body).encode(), content_type="application/json", api_key="mine"
    )
    assert answer.status == 200
    (request,) = ups["azure"].requests
    assert request.target == "/openai/deployments/my%2Fdeployment/chat/completions?api-version=2025-01-01&y=2"
    assert request.headers["api-key"] == "azure-key"
    await until(lambda: len(running.rows) == 1)
    assert (running.rows[0].asked, running.rows[0].api) == ("gpt-4o", "openai/v1/chatcompletions")


async def test_an_azure_deployment_at_another_vendor(several):
    running, ups = await several(by_model={"*": "main"})
    path = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-01-01"
    await running.request("POST", path, BODY, content_type="application/json")
    assert ups["openai"].requests[0].target == PATH
    assert ups["openai"].requests[0].json()["model"] == "gpt-4o"


@pytest.mark.parametrize("model", ["..", "a/../b", "%2e%2e"])
async def test_an_azure_deployment_is_one_segment(several, model):
    running, ups = await several(by_model={"*": "azure"})
    body = json.dumps({**CHAT, "model": model.replace("%2e", ".")}).encode()
    answer = await running.request("POST", PATH, body, content_type="application/json")
    assert (answer.status, answer.json()["error"]["code"]) == (400, "invalid_model")
    assert ups["azure"].requests == []


LISTS = {
    "openai": {"object": "list", "data": [{"id": "gpt-4o", "object": "model", "created": 1, "owned_by": "openai"}]},
    "gemini": {"object": "list", "data": [{"id": "models/gemini-x", "object": "model", "owned_by": "google"}]},
    "claude": {"data": [{"type": "model", "id": "claude-x", "display_name": "X", "created_at": "2025-01-01T00:00:00Z"}], "has_more": False},
    "azure": {"object": "list", "data": []},
}  # fmt: skip
CALLERS = {
    "openai": ("/v1/models", {}),
    "anthropic": ("/v1/models", {"anthropic_version": "2023-06-01"}),
    "gemini": ("/v1beta/models?pageSize=50&key=mine", {}),
    "gemini by key": ("/v1/models", {"x_goog_api_key": "mine"}),
}


@pytest.mark.parametrize("caller", CALLERS)
async def test_a_list_of_models_has_the_shape_of_its_caller(several, caller):
    async def script(peer):
        name = peer.request.headers["host"].partition(".")[0]
        await peer.answer(json.dumps(LISTS[name]).encode())

    running, ups = await several(script)
    path, headers = CALLERS[caller]
    listed = (await running.request("GET", path, **headers)).json()
    if caller.startswith("gemini"):
        names = ["models/fast", "models/gpt-4o", "models/gemini-x", "models/claude-x"]
        assert [each["name"] for each in listed["models"]] == names
        assert listed.keys() == {"models"}
    else:
        assert [each["id"] for each in listed["data"]] == ["fast", "gpt-4o", "gemini-x", "claude-x"]
        kinds = {(each.get("object"), each.get("type")) for each in listed["data"]}
        assert kinds == ({("model", None)} if caller == "openai" else {(None, "model")})
        assert ("has_more" in listed) == (caller == "anthropic")
    assert all("mine" not in request.target for up in ups.values() for request in up.requests)


@pytest.mark.parametrize("kind", ["openai", "claude", "gemini"])
@pytest.mark.parametrize("caller", CALLERS)
async def test_a_list_of_one_provider_too(provider, gateway, kind, caller):
    upstream = await provider(answers(json.dumps(LISTS[kind]).encode()))
    settings = {"type": kind, "apiTokens": ["k"], "providerDomain": "x.example"}
    running = await gateway({"plugins": {"ai-proxy": {"provider": settings}}, "services": {"x.example": upstream.url}})
    path, headers = CALLERS[caller]
    listed = (await running.request("GET", path, **headers)).json()
    entries = listed["models" if caller.startswith("gemini") else "data"]
    expected = {"openai": ("object", "model"), "anthropic": ("type", "model")}.get(caller)
    assert len(entries) == 1
    assert (entries[0][expected[0]] == expected[1]) if expected else entries[0]["name"].startswith("models/")


async def test_no_list_at_all_is_a_failure(several):
    running, _ = await several(answers(b"{}", 500))
    answer = await running.request("GET", "/v1/models")
    assert (answer.status, answer.json()["error"]["code"]) == (502, "no_models")


REFUSED = {
    "batches": ("POST", "/v1/messages/batches", "the Messages Batches API", {}),
    "compact": ("POST", "/v1/responses/compact", "the Responses Compact API", {}),
    "audio": ("POST", "/v1/audio/speech", "the Audio Speech API", {}),
}
SHAPES = {"batches": "anthropic"}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_a_provider_does_not_have_is_said_here(gateway, name):
    running = await gateway(BUILTIN, keeps=True)
    method, path, title, headers = REFUSED[name]
    answer = await running.request(method, path, b"{}", content_type="application/json", **headers)
    assert answer.status == 400
    assert f"the provider 'builtin' does not offer {title}" in message_of(answer, SHAPES.get(name, "openai"))


UNKNOWN = [
    ("/v1/messages/other", {}, "anthropic"), ("/v1/messages%00", {}, "anthropic"), ("/v1/complete/x", {}, "anthropic"),
    ("/v1beta/models/m:predict", {}, "gemini"), ("/v1beta/cachedContents", {}, "gemini"), ("/v1beta/x%2F..%2Fy", {}, "gemini"),
    ("/v1/unknown", {"x_goog_api_key": "k"}, "gemini"), ("/v1/unknown", {"anthropic_version": "2023-06-01"}, "anthropic"),
    ("/v1/unknown", {}, "openai"), ("/v1/chat", {}, "openai"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "headers", "shape"), UNKNOWN)
@pytest.mark.parametrize("routes", [[], [{"name": "other", "match": {"path": "/other"}}]])
async def test_unknown_paths_answer_as_their_family(gateway, path, headers, shape, routes):
    running = await gateway({**BUILTIN, "routes": routes})
    answer = await running.request("POST", path, b"{}", content_type="application/json", **headers)
    assert answer.status == 404
    message_of(answer, shape)


def message_of(answer, shape):
    """The message of an error that has this shape, with its request id."""
    body = answer.json()
    if shape == "anthropic":
        assert (body["type"], body["request_id"]) == ("error", answer.headers["request-id"])
    elif shape == "gemini":
        said = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND"}[answer.status]
        assert (body["error"]["code"], body["error"]["status"]) == (answer.status, said)
    else:
        assert body["error"].keys() == {"message", "type", "param", "code"}
    assert shape == "anthropic" or answer.headers["x-request-id"]
    return body["error"]["message"]


@pytest.mark.parametrize("name", ["key", "Key", "%6Bey", "api_key", "access_token", "$key"])
async def test_a_key_in_the_query_stays_here(behind, name, caplog):
    caplog.set_level(logging.DEBUG)
    running, upstream = await behind(answers(b"{}", 500))
    await running.request("POST", f"{PATH}?a=1&{name}=sk-mine&b=2", BODY, content_type="application/json")
    assert upstream.requests[0].target == f"{PATH}?a=1&b=2"
    assert "sk-mine" not in caplog.text


async def test_head_of_the_root_is_quiet(gateway, caplog):
    running = await gateway(BUILTIN, keeps=True)
    client = await running.connect()
    head = await client.request("HEAD", "/")
    assert (head.status, head.body) == (200, b"")
    assert (await client.request("GET", "/health")).json()["status"] == "ok"
    assert (await client.request("POST", "/health", b"{}")).status == 404
    assert running.rows == []
    assert caplog.text == ""


async def test_a_browser_gets_a_page(gateway):
    running = await gateway(BUILTIN)
    page = await running.request("GET", "/", accept="text/html,*/*")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    start = (await running.request("GET", "/-/start")).json()
    assert (start["url"], "echo" in start["models"]) == ("http://127.0.0.1", True)
    remote = await running.request("GET", "/", accept="text/html", x_forwarded_for="1.2.3.4")
    assert (remote.status, remote.body) == (200, page.body)
    assert (await running.request("GET", "/-/start", x_forwarded_for="1.2.3.4")).status == 403


async def test_the_root_of_a_site_is_the_site(provider, gateway):
    site = await provider(answers(b"site"))
    running = await gateway(
        {**BUILTIN, "routes": [{"name": "site", "upstream": site.url, "plugins": {"ai-proxy": False}}]}
    )
    for path in ("/", "/health"):
        assert (await running.request("GET", path, accept="text/html")).body == b"site"


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://chat.example", "https://evil.example"])
async def test_a_page_on_the_internet_may_come_here_if_it_is_allowed(gateway, origin):
    running = await gateway({**BUILTIN, "cors": {"origins": ["https://chat.example"]}})
    asks = {"access_control_request_method": "POST", "access_control_request_private_network": "true"}
    answer = await running.request("OPTIONS", PATH, origin=origin, **asks)
    allowed = "evil" not in origin
    assert answer.status == (204 if allowed else 403)
    assert ("access-control-allow-private-network" in answer.headers) == allowed
    without = await running.request("OPTIONS", PATH, origin=origin, access_control_request_method="POST")
    assert "access-control-allow-private-network" not in without.headers


@pytest.mark.parametrize(
    "host",
    [
        "[::1]evil.com",
        "[::1]evil.com:80",
        "localhost@evil.com",
        "127.0.0.1.evil.com",
        "localhost:x",
        "[::1",
        "localhost, evil.com",
        "localhost/",
    ],
)
async def test_a_host_is_parsed(gateway, host):
    running = await gateway(BUILTIN)
    assert (await running.request("GET", "/v1/models", host=host)).status == 403
    if "/" not in host and " " not in host:
        assert (await running.request("GET", f"http://{host}/v1/models")).status in (400, 403)


@pytest.mark.parametrize(
    "header",
    [
        "via",
        "forwarded",
        "cf_ray",
        "cf_connecting_ip",
        "x_forwarded_host",
        "x_forwarded_for",
        "x_real_ip",
        "cdn_loop",
        "x_envoy_external_address",
        "true_client_ip",
    ],
)
@pytest.mark.parametrize("page", ["config", "usage", "metrics"])
async def test_pages_are_shut_to_what_a_proxy_passes_on(gateway, header, page):
    running = await gateway(BUILTIN)
    assert (await running.request("GET", f"/-/{page}", **{header: "1.1 x"})).status == 403
    assert (await running.request("GET", "//-/%63onfig", **{header: "1.1 x"})).status == 403
    assert (await running.request("GET", "/-/config")).status == 200
    assert (await running.request("GET", "/-/health", **{header: "1.1 x"})).status == 200


async def test_websocket_clients_are_told_to_upgrade_to_nothing(gateway):
    running = await gateway(BUILTIN)
    asks = {"connection": "Upgrade", "upgrade": "WebSocket", "sec_websocket_key": "x", "sec_websocket_version": "13"}
    answer = await running.request("GET", "/v1/responses", **asks)
    assert (answer.status, answer.json()["error"]["code"]) == (426, "not_supported")


async def test_azures_own_client(several):
    running, ups = await several()
    client = AsyncAzureOpenAI(
        azure_endpoint=running.url, api_key="mine", api_version="2024-02-01", max_retries=0,
        http_client=DefaultAsyncHttpxClient(trust_env=False),
    )  # fmt: skip
    async with client:
        answer = await client.chat.completions.create(model="gpt-4o", messages=CHAT["messages"])
        await client.audio.transcriptions.create(model="gpt-4o", file=("a.wav", b"RIFF"))
    assert answer.choices[0].message.content == "Hi"
    targets = [request.target.partition("?")[0] for request in ups["azure"].requests]
    prefix = "/openai/deployments/my%2Fdeployment"
    assert targets == [f"{prefix}/chat/completions", f"{prefix}/audio/transcriptions"]
