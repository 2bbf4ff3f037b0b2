"""The pages under /-/: who may read them, what they say, and that nothing can be changed there."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import asynccontextmanager
from types import SimpleNamespace

import aiohttp
import pytest

from aigw.books.books import Books
from aigw.books.usage_file import FILE_NAME
from aigw.config.load import load
from aigw.server.admin import Admin
from aigw.server.gateway import run
from aigw.upstream.proxied import upstream_for

CONFIG = {"listen": "127.0.0.1:0", "plugins": {"ai-proxy": {"provider": {"type": "builtin"}}}}
ASK = {"model": "echo", "messages": [{"role": "user", "content": "Hello!"}]}
PAGES = ["/-/usage", "/-/metrics", "/-/config"]


@asynccontextmanager
async def serving(folder, **settings):
    """A gateway with books in `folder` (None: without), and a client of it."""
    loaded = load(None, {}, text=json.dumps({**CONFIG, **settings}).encode())
    books = Books(folder)
    async with (
        run(loaded, upstream_for({}), books=books) as running,
        aiohttp.ClientSession(running.url, trust_env=False) as client,
    ):
        yield client, books


async def get(client, path, **headers):
    async with client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()}) as answer:
        return answer.status, await answer.text()


async def test_health_and_ready_are_for_everybody():
    async with serving(None) as (client, _):
        for path in ("/-/health", "/-/ready"):
            status, body = await get(client, path, x_forwarded_for="203.0.113.1")
            assert (status, json.loads(body)["status"]) == (200, "ok")


async def test_the_page_is_found_where_the_front_is_a_routes_own():
    site = {"name": "site", "match": {"path": "/*"}, "upstream": "http://127.0.0.1:9", "plugins": {"ai-proxy": False}}
    async with serving(None, routes=[site]) as (client, _):
        assert (await get(client, "/", accept="text/html"))[0] == 502
        for accept in ("text/html", "*/*"):
            status, body = await get(client, "/-/", accept=accept)
            assert (status, body[:15]) == (200, "<!doctype html>")
        assert (await get(client, "/-/nothing"))[0] == 404


@pytest.mark.parametrize("page", PAGES)
async def test_the_others_are_not_for_what_a_proxy_lets_in(tmp_path, page):
    async with serving(tmp_path) as (client, _):
        assert (await get(client, page))[0] == 200
        status, body = await get(client, page, x_forwarded_for="203.0.113.1")
        assert status == 403
        assert "set admin_key" in json.loads(body)["error"]["message"]


@pytest.mark.parametrize(
    "name",
    ["via", "forwarded", "x-scheme", "x-request-start", "x-varnish", "fastly-ff", "x-goog-iap-jwt-assertion", "x-host", "cf-ray", "cloudfront-viewer-address", "x-amz-cf-id", "x-arr-log-id", "x-original-url",
     "x-vercel-id", "x-nf-client-connection-ip", "fly-client-ip", "proxy-connection"],
)  # fmt: skip
async def test_each_header_of_a_proxy_shuts_them(tmp_path, name):
    async with serving(tmp_path) as (client, _):
        assert (await get(client, "/-/metrics", **{name: "1"}))[0] == 403


@pytest.mark.parametrize("page", PAGES)
async def test_a_key_lets_others_in(tmp_path, page):
    async with serving(tmp_path, admin_key="sk-admin-1") as (client, _):
        for key, status in (("sk-admin-1", 200), ("sk-admin-2", 403), ("", 403), ("ä", 403)):
            got, body = await get(client, page, forwarded="for=203.0.113.1", authorization=f"Bearer {key}")
            assert got == status
            assert "sk-admin" not in body
        assert (await get(client, page))[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_nothing_can_be_changed(method):
    async with serving(None) as (client, _), client.request(method, "/-/config") as answer:
        assert answer.status == 405
        assert answer.headers["allow"] == "GET, HEAD"


async def test_a_page_that_does_not_exist():
    async with serving(None) as (client, _):
        status, body = await get(client, "/-/reload")
        assert status == 404
        message = json.loads(body)["error"]["message"]
        assert message.endswith("there are /-/health, /-/ready, /-/usage, /-/metrics, /-/config")


async def test_a_page_is_no_request_that_counts(tmp_path):
    async with serving(tmp_path) as (client, books):
        for path in PAGES:
            await get(client, path)
    assert list(books.usage.read()) == []


async def test_usage(tmp_path):
    async with serving(tmp_path) as (client, books):
        async with client.post("/v1/chat/completions", json=ASK) as answer:
            used = (await answer.json())["usage"]
        await books.request_log.aclose()
        for query in ("", "?by=model&since=all", "?by=route&by=model&since=1h&until=2100-01-01"):
            summary = json.loads((await get(client, f"/-/usage{query}"))[1])
            (row,) = summary["rows"]
            assert row["key"]["model"] == "echo"
            assert (row["input"], row["output"]) == (used["prompt_tokens"], used["completion_tokens"])
        assert summary["by"] == ["route", "model"]


@pytest.mark.parametrize("query", ["by=moon", "since=yesterday", "until=x", "since=1m&until=1h"])
async def test_a_question_that_is_none(tmp_path, query):
    async with serving(tmp_path) as (client, _):
        status, body = await get(client, f"/-/usage?{query}")
        assert (status, json.loads(body)["error"]["code"]) == (400, "invalid_query")


async def test_usage_that_cannot_be_read_is_no_bug_of_the_gateway(tmp_path, caplog):
    async with serving(tmp_path) as (client, _):
        (tmp_path / FILE_NAME).mkdir()
        status, body = await get(client, "/-/usage")
        assert (status, json.loads(body)["error"]["code"]) == (503, "usage_unreadable")
        assert FILE_NAME in json.loads(body)["error"]["message"]
    assert "a bug" not in caplog.text


async def test_a_gateway_without_books():
    async with serving(None) as (client, _):
        assert (await get(client, "/-/usage"))[0] == 404
        assert (await get(client, "/-/metrics"))[0] == 200


async def test_the_configuration_without_secrets():
    provider = {"type": "openai", "apiTokens": ["sk-provider"]}
    settings = {"admin_key": "sk-admin", "plugins": {"ai-proxy": {"provider": provider}}}
    async with serving(None, **settings) as (client, _):
        status, body = await get(client, "/-/config")
    assert status == 200
    assert "sk-" not in body
    shown = json.loads(body)
    assert shown["admin_key"] == "***"
    assert shown["plugins"]["ai-proxy"]["provider"]["apiTokens"] == ["***"]


async def test_who_reads_a_long_configuration_holds_up_nobody():
    """It is written down in a thread: here that waits for the loop, which goes on."""
    reached = threading.Event()
    asyncio.get_running_loop().call_soon(reached.set)
    none = SimpleNamespace(methods=lambda name: ())
    admin = Admin(usage=None, metrics=None, clock=None, key="", shown=lambda: reached.wait(5), page=none)
    http = SimpleNamespace(method="GET", headers={}, peer=SimpleNamespace(remote="127.0.0.1"))
    assert (await admin.answer(http, "/-/config", "")).body == b"true"
