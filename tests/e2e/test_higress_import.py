"""A route of Higress's console, with two providers of which one stands in for the other, serves here after an import."""

from pathlib import Path

import httpx
import pytest
from aiohttp import web

from aigw.config.load import load
from aigw.resources.importing.configuration import imported
from aigw.resources.resource import read_resources
from aigw.server.gateway import run
from aigw.upstream.http import HttpUpstream

CONSOLE = Path(__file__).parents[1] / "data" / "higress" / "console-fallback.yaml"
ANSWER = {
    "id": "1", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello!"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}  # fmt: skip


@pytest.fixture
async def providers():
    """Two providers at one port: /first fails, /second answers. Gives the port and what they were asked."""
    seen = []

    async def answer(request):
        seen.append((request.path, request.headers["authorization"]))
        if request.path.startswith("/first"):
            return web.json_response({"error": {"message": "overloaded"}}, status=503)
        return web.json_response(ANSWER)

    app = web.Application()
    app.router.add_post("/{name}/v1/chat/completions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield site._server.sockets[0].getsockname()[1], seen
    await runner.cleanup()


async def test_it_serves(providers):
    port, seen = providers
    text = CONSOLE.read_text()
    for name, type_, path in (("qwen", "qwen", "first"), ("ds", "deepseek", "second")):
        url = f"http://127.0.0.1:{port}/{path}/v1"
        text = text.replace(f"id: {name}, type: {type_}", f"id: {name}, type: openai, openaiCustomUrl: '{url}'")
        domain = {"qwen": "dashscope.aliyuncs.com", "ds": "api.deepseek.com"}[name]
        text = text.replace(f"domain: {domain}, port: 443, protocol: https", f"domain: 127.0.0.1, port: {port}")
    result = imported(read_resources(text.encode(), "console.yaml"))
    result.values["listen"] = "127.0.0.1:0"
    loaded = load(None, dict(result.variables), text=result.text().encode())
    async with run(loaded, HttpUpstream()) as running, httpx.AsyncClient(base_url=running.url) as client:
        asked = {"model": "qwen-max", "messages": [{"role": "user", "content": "Hello!"}]}
        headers = {"host": "api.example.com", "x-higress-llm-model": "qwen-max"}
        answer = await client.post("/v1/chat/completions", json=asked, headers=headers)
        assert (answer.status_code, answer.json()["choices"][0]["message"]["content"]) == (200, "Hello!")
        other = await client.post("/v1/chat/completions", json=asked, headers={"host": "api.example.com"})
        assert other.status_code == 404
    assert seen == [
        ("/first/v1/chat/completions", "Bearer sk-qwen-1234567890"),
        ("/second/v1/chat/completions", "Bearer sk-deepseek-1234567890"),
    ]
