"""The data of the page: who may read it, and that nothing a client sends breaks it or is shown with its secrets."""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import asynccontextmanager

import aiohttp
import pytest

from aigw.books.books import Books
from aigw.config.load import load
from aigw.server.gateway import run
from aigw.upstream.proxied import upstream_for

KEY = "sk-proj-abcdefghijklmnop1234"
CONFIG = {
    "listen": "127.0.0.1:0",
    "plugins": {
        "ai-prompt-decorator": {"prepend": [{"role": "system", "content": "Be brief."}]},
        "ai-proxy": {"provider": {"type": "builtin"}},
    },
}
VIEWS = ["/-/requests", "/-/events", "/-/requests/x", "/-/requests/x/answer"]
HOSTILE = '<img src=x onerror=alert(1)>\x1b]0;owned\x07\u202e\u2028 "\\'


@asynccontextmanager
async def serving(folder, *, trace=False, **settings):
    loaded = load(None, {}, text=json.dumps({**CONFIG, **settings}).encode())
    books = Books(folder, trace=trace)
    async with (
        run(loaded, upstream_for({}), books=books) as running,
        aiohttp.ClientSession(running.url, trust_env=False) as client,
    ):
        yield client


async def get(client, path, **headers):
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.get(path, headers=sent) as answer:
        return answer.status, await answer.text()


async def seen(client, path="/-/requests", **headers):
    status, text = await get(client, path, **headers)
    assert status == 200, text
    return json.loads(text)


async def ask(client, text="Hello!", model="echo", path="/v1/chat/completions", **more):
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    async with client.post(path, data=io.BytesIO(json.dumps(body).encode()), headers=headers) as answer:
        await answer.read()
        return answer.headers["x-aigw-request-id"]


async def listed(client, number):
    """The list, when so many requests are in it: they are written a moment after their end."""
    there = 0
    async with asyncio.timeout(10), client.get("/-/events?after=0") as events:
        while there < number:
            line = await events.content.readline()
            there += len(json.loads(line[6:])["requests"]) if line.startswith(b'data: {"seq"') else 0
    return (await seen(client))["requests"]


@pytest.mark.parametrize("path", VIEWS)
async def test_who_may_read(tmp_path, path):
    async with serving(tmp_path, admin_key="sk-admin-1") as client:
        assert (await get(client, path, x_forwarded_for="203.0.113.1"))[0] == 403
        assert (await get(client, path, host="evil.example"))[0] == 403
        for status, headers in [
            (403, {"origin": "http://localhost:3000"}),
            (403, {"origin": "null"}),
            (403, {"origin": "https://evil.example"}),
            (403, {"sec_fetch_site": "same-site"}),
            (403, {"sec_fetch_site": "cross-site"}),
        ]:
            assert (await get(client, path, **headers))[0] == status
        async with client.post(path) as answer:
            assert answer.status == 405


async def test_the_page_itself_may(tmp_path):
    async with serving(tmp_path) as client:
        host = f"127.0.0.1:{client._base_url.port}"
        assert await seen(client, origin=f"http://{host}", sec_fetch_site="same-origin")
        assert await seen(client, sec_fetch_site="none")


async def test_the_key_lets_in_from_elsewhere_but_no_other_page(tmp_path):
    async with serving(tmp_path, admin_key="sk-admin-1") as client:
        key = {"forwarded": "for=203.0.113.1", "authorization": "Bearer sk-admin-1"}
        assert await seen(client, **key)
        assert (await get(client, "/-/requests", **key, origin="http://localhost:1"))[0] == 403


async def test_what_passed_before_is_listed_without_details(tmp_path):
    async with serving(tmp_path) as client:
        id_ = await ask(client)
        (request,) = await listed(client, 1)
        assert (request["id"], request["details"], request["status"], request["model"]) == (id_, False, 200, "echo")
        details = await seen(client, f"/-/requests/{id_}")
        assert details["request"] is None
        assert "--inspect" in details["note"]


async def test_what_passes_afterwards_has_details(tmp_path):
    async with serving(tmp_path) as client:
        await seen(client)
        id_ = await ask(client, "Hello!", stream=True)
        (request,) = await listed(client, 1)
        assert request["details"]
        assert (request["method"], request["path"]) == ("POST", "/v1/chat/completions")
        assert "ai-prompt-decorator" in request["plugins"]
        details = await seen(client, f"/-/requests/{id_}")
        assert [step["name"] for step in details["trace"]["steps"][:2]] == ["ai-prompt-decorator", "ai-proxy"]
        assert details["trace"]["steps"][0]["changed"]["body"][0]["path"] == "messages[0]"
        said = [(part["role"], part["kind"], part["text"], part["answer"]) for part in details["conversation"]]
        assert said == [("user", "text", "Hello!", False), ("assistant", "text", "Hello!", True)]
        assert details["answer"]["body"].endswith("data: [DONE]\n\n")
        assert not details["answer"]["truncated"]


async def test_only_what_is_newer_is_listed(tmp_path):
    async with serving(tmp_path) as client:
        first = await ask(client)
        await listed(client, 1)
        last = (await seen(client))["seq"]
        second = await ask(client)
        await listed(client, 2)
        assert [each["id"] for each in (await seen(client, f"/-/requests?after={last}"))["requests"]] == [second]
        assert [each["id"] for each in (await seen(client, "/-/requests?after=999"))["requests"]] == [first, second]
        assert [each["id"] for each in (await seen(client, "/-/requests?limit=1"))["requests"]] == [second]


@pytest.mark.parametrize("query", ["after=x", "after=-1", "limit=1e9", "after=" + "9" * 50, "after=٣"])
async def test_a_number_that_is_none(tmp_path, query):
    async with serving(tmp_path) as client:
        assert (await get(client, f"/-/requests?{query}"))[0] == 400


async def test_no_secret_is_shown(tmp_path):
    async with serving(tmp_path) as client:
        await seen(client)
        id_ = await ask(client, f"my key is {KEY}", user=KEY, path=f"/v1/chat/completions?key={KEY}")
        await listed(client, 1)
        for path in ("/-/requests", f"/-/requests/{id_}", f"/-/requests/{id_}/request", f"/-/requests/{id_}/answer"):
            _, text = await get(client, path)
            assert "abcdefghijklmnop" not in text
        details = await seen(client, f"/-/requests/{id_}")
        assert '-H "authorization: Bearer $OPENAI_API_KEY"' in details["curl"]
        assert "os.environ['OPENAI_API_KEY']" in details["python"]


async def test_hostile_texts_are_texts(tmp_path):
    async with serving(tmp_path) as client:
        await seen(client)
        id_ = await ask(client, HOSTILE * 6_000, model=HOSTILE, user="\ud83d")
        (request,) = await listed(client, 1)
        status, text = await get(client, f"/-/requests/{id_}")
        assert (status, text.isprintable()) == (200, True)
        details = json.loads(text)
        assert details["request"]["truncated"]
        assert request["asked"].startswith("<img")
        async with client.get(f"/-/requests/{id_}/request") as answer:
            assert answer.headers["content-type"] == "text/plain; charset=utf-8"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in answer.headers["content-security-policy"]


async def test_a_refusal_has_its_answer(tmp_path):
    consumers = [{"name": "ann", "credential": "sk-of-ann-1234"}]
    plugins = {**CONFIG["plugins"], "key-auth": {"consumers": consumers, "keys": ["authorization"]}}
    async with serving(tmp_path, plugins=plugins) as client:
        await seen(client)
        id_ = await ask(client)
        (request,) = await listed(client, 1)
        assert (request["status"], request["plugins"]) == (401, ["key-auth"])
        details = await seen(client, f"/-/requests/{id_}")
        assert details["answer"]["status"] == 401
        assert "error" in json.loads(details["answer"]["body"])


async def test_traces_on_disk_are_found(tmp_path):
    async with serving(tmp_path, trace=True) as client:
        id_ = await ask(client)
        await listed(client, 1)
        async with asyncio.timeout(10):
            while not (details := await seen(client, f"/-/requests/{id_}"))["trace"]:
                pass  # another thread writes it
        assert details["trace"]["steps"][0]["name"] == "ai-prompt-decorator"
        assert "--trace" in details["note"]
        watched = await ask(client)
        await listed(client, 2)
        assert (await seen(client, f"/-/requests/{watched}"))["request"]["method"] == "POST"


async def test_nothing_is_known_of_an_unknown_request(tmp_path):
    async with serving(tmp_path) as client:
        for path in ("/-/requests/x", "/-/requests/x/request", "/-/requests/", "/-/requests/x/y", "/-/events/x"):
            assert (await get(client, path))[0] == 404
