"""The demonstration of ai-transformer: httpbin answers in XML, and clients get JSON, by rules, by DashScope, and by any
provider of ai-proxy."""

import json

import pytest
from httpbin_server import httpbin_server
from stage.answers import answers, completion
from stage.gateway import until

XML_TO_JSON = "帮我修改以下HTTP应答信息，要求：1. content-type修改为application/json；2. body由xml转化为json；3. 移除content-length。"
ARTICLE = {
    "request": {"enable": False, "prompt": "如果请求path是以/httpbin开头的，帮我去掉/httpbin前缀，其他的不要改。"},
    "response": {"enable": True, "prompt": XML_TO_JSON},
    "provider": {"serviceName": "qwen", "domain": "dashscope.aliyuncs.com", "apiKey": "sk-dashscope-1"},
}
WRITTEN = (
    ':status:200\ncontent-type:application/json\ncontent-length:5\n\n{"slideshow": {"title": "Sample Slide Show"}}'
)
CACHE = {"redis": {"serviceName": "redis.static", "servicePort": 6379}}


@pytest.fixture(scope="module")
def httpbin():
    with httpbin_server() as url:
        yield url


@pytest.fixture
def demonstration(httpbin, gateway, tmp_path):
    """A gateway in front of httpbin."""

    async def start(transformer, services=None, routes=(), **plugins):
        config = {
            "services": services or {},
            "plugins": {"ai-transformer": transformer, **plugins},
            "routes": [*routes, {"name": "httpbin", "upstream": httpbin}],
        }
        return await gateway(config, folder=tmp_path, keeps=True)

    return start


def dashscope(text):
    return answers(json.dumps({"output": {"text": text, "finish_reason": "stop"}}).encode())


def shown(answer):
    return answer.headers["content-type"], json.loads(answer.body)["slideshow"], answer.headers["x-aigw-transformer"]


async def test_by_rules(demonstration):
    running = await demonstration({**ARTICLE, "response": {"rules": ["xmlToJson"]}})
    kind, slideshow, told = shown(await running.request("GET", "/xml"))
    assert (kind, told) == ("application/json", "response transformed")
    assert slideshow["@title"] == "Sample Slide Show"
    assert [slide["title"] for slide in slideshow["slide"]] == ["Wake up to WonderWidgets!", "Overview"]


async def test_by_dashscope(demonstration, provider):
    """The article's configuration as it stands there."""
    model = await provider(dashscope(WRITTEN))
    running = await demonstration(ARTICLE, {"qwen.dns": model.url})
    answer = await running.request("GET", "/xml")
    assert shown(answer) == ("application/json", {"title": "Sample Slide Show"}, "response transformed")
    assert answer.headers["content-length"] == str(len(answer.body))
    asked = model.requests[0].json()
    assert (asked["model"], asked["input"]["messages"][1]["content"]) == ("qwen-max", XML_TO_JSON)
    assert asked["input"]["messages"][2]["content"].startswith(":status:200\n")
    assert "WonderWidgets" in asked["input"]["messages"][2]["content"]


@pytest.mark.parametrize("who", [{"route": "llm", "model": "gpt-4o"}, {"model": "gpt-4o"}], ids=["route", "model"])
async def test_by_any_provider_of_ai_proxy(demonstration, provider, who):
    model = await provider(answers(completion(WRITTEN)))
    proxy = {"provider": {"type": "openai", "apiTokens": ["sk-openai-1"]}}
    llm = {"name": "llm", "match": {"path": "/v1/*"}, "plugins": {"ai-proxy": proxy}}
    running = await demonstration({**ARTICLE, "provider": who}, {"api.openai.com": model.url}, [llm])
    answer = await running.request("GET", "/xml")
    assert shown(answer)[:2] == ("application/json", {"title": "Sample Slide Show"})
    assert model.requests[0].json()["model"] == "gpt-4o"
    await until(lambda: len(running.rows) == 2)
    assert sorted((row.route, row.status) for row in running.rows) == [("httpbin", 200), ("llm", 200)]


async def test_the_prefix_of_a_path(demonstration, provider):
    """The article's prompt for requests."""
    model = await provider(dashscope(":method:GET\n:path:/xml\n\n"))
    transformer = {**ARTICLE, "request": {**ARTICLE["request"], "enable": True}, "response": {}}
    running = await demonstration(transformer, {"qwen.dns": model.url})
    answer = await running.request("GET", "/httpbin/xml")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/xml")


async def test_without_a_key_and_without_a_network(demonstration):
    """The stand-in of DashScope has no model to ask: echo answers, and the message stays as it was."""
    running = await demonstration(ARTICLE)
    answer = await running.request("GET", "/xml")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/xml")
    assert b"WonderWidgets" in answer.body
    assert answer.headers["x-aigw-transformer"] == "response transformed, but the model changed nothing"
    await until(lambda: running.rows)
    assert [row.route for row in running.rows] == ["httpbin"]


async def test_what_the_gateway_asks_is_not_transformed_itself(demonstration, provider):
    """The plugin is on the route that it asks, too."""
    model = await provider(answers(completion(":status:201\nx-a:1\n\nrewritten")))
    proxy = {"provider": {"type": "openai", "apiTokens": ["sk-openai-1"]}}
    llm = {"name": "llm", "match": {"path": "/v1/*"}, "plugins": {"ai-proxy": proxy}}
    both = {"request": {"enable": True, "prompt": "p"}, "response": {"enable": True, "prompt": "p"}}
    running = await demonstration({**both, "provider": {"model": "m"}}, {"api.openai.com": model.url}, [llm])
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "q"}]}).encode()
    answer = await running.request("POST", "/v1/chat/completions", body, content_type="application/json")
    assert (answer.status, answer.headers["x-a"], answer.body) == (201, "1", b"rewritten")
    assert len(model.requests) == 3


async def test_the_stand_in_asks_a_model_of_this_gateway(demonstration, provider):
    model = await provider(answers(completion(WRITTEN)))
    mapped = {"type": "openai", "apiTokens": ["sk-openai-1"], "modelMapping": {"qwen-max": "gpt-4o"}}
    llm = {"name": "llm", "match": {"path": "/v1/*"}, "plugins": {"ai-proxy": {"provider": mapped}}}
    running = await demonstration(ARTICLE, {"api.openai.com": model.url}, [llm])
    answer = await running.request("GET", "/xml")
    assert shown(answer)[:2] == ("application/json", {"title": "Sample Slide Show"})
    assert model.requests[0].json()["model"] == "gpt-4o"


async def test_a_model_that_is_down(demonstration):
    running = await demonstration(ARTICLE, {"qwen.dns": "http://127.0.0.1:1"})
    answer = await running.request("GET", "/xml")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/xml")
    assert answer.headers["x-aigw-transformer"].startswith("response unchanged: dashscope.aliyuncs.com: ")


async def test_other_answers_of_httpbin(demonstration):
    """Streams, pictures, codings, redirections and what has no body pass or are transformed, and none breaks."""
    running = await demonstration({**ARTICLE, "response": {"rules": [{"set": {"seen": True}}]}})
    told = {}
    for path in (
        "/json",
        "/gzip",
        "/brotli",
        "/deflate",
        "/image/png",
        "/status/204",
        "/status/500",
        "/stream/3",
        "/bytes/9",
    ):
        answer = await running.request("GET", path, accept_encoding="gzip, br")
        told[path] = (answer.status, answer.headers["x-aigw-transformer"].partition(":")[0])
        if told[path] == (200, "response transformed"):
            assert json.loads(answer.body)["seen"] is True
            assert "content-encoding" not in answer.headers
    changed = {"/json", "/gzip", "/brotli", "/deflate"}
    assert {path for path, (_, what) in told.items() if what == "response transformed"} == changed
    assert (told["/status/204"][0], told["/status/500"][0], told["/image/png"][0]) == (204, 500, 200)
    answer = await running.request("HEAD", "/json")
    assert answer.headers["x-aigw-transformer"] == "response unchanged: there is no body"


async def test_a_cache_keeps_what_was_transformed_and_nothing_else(gateway, provider, tmp_path):
    """ai-cache stands before ai-transformer."""
    model = await provider(answers(completion("Hi")))
    plugins = {
        "ai-cache": CACHE,
        "ai-transformer": {"response": {"rules": [{"set": {"seen": True}}]}},
        "ai-proxy": {"provider": {"type": "openai", "apiTokens": ["sk-1"]}},
    }
    running = await gateway({"services": {"api.openai.com": model.url}, "plugins": plugins}, folder=tmp_path)
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "q"}]}).encode()
    said = []
    for _ in range(2):
        answer = await running.request("POST", "/v1/chat/completions", body, content_type="application/json")
        said.append((json.loads(answer.body)["seen"], answer.headers["x-aigw-cache"].partition(";")[0]))
        await running.edge.settled()
    assert said == [(True, "miss"), (True, "hit")]
