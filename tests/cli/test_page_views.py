"""What the page shows beside requests, from a gateway that runs: read only, bounded, and for its own page only."""

from __future__ import annotations

import io
import json
from contextlib import asynccontextmanager

import aiohttp
import pytest

from aigw.books.books import Books
from aigw.cli.page_views import LONGEST_TEXT, page_views
from aigw.config.load import load
from aigw.server.gateway import run
from aigw.server.page.page import LARGEST
from aigw.traffic.recordings import Recordings
from aigw.traffic.settings import RecordSettings
from aigw.upstream.proxied import upstream_for

TEMPLATE = {"model": "echo", "messages": [{"role": "user", "content": "Speak {{language}}."}]}
CONFIG = {
    "listen": "127.0.0.1:0",
    "plugins": {
        "ai-prompt-template": {"templates": [{"name": "speak", "template": TEMPLATE}]},
        "ai-proxy": {"provider": {"type": "builtin"}},
    },
}
SHOWN = ["models", "templates", "collections", "recordings", "doctor", "numbers", "routes", "start"]
ASK = {"model": "echo", "messages": [{"role": "user", "content": "Hello!"}]}


@asynccontextmanager
async def serving(folder, recordings=None, **settings):
    loaded = load(None, {}, text=json.dumps({**CONFIG, "state_dir": str(folder), **settings}).encode())
    around = recordings.around if recordings is not None else None
    async with (
        run(loaded, upstream_for({}), books=Books(folder), views=page_views(recordings), around=around) as running,
        aiohttp.ClientSession(running.url, trust_env=False) as client,
    ):
        yield client


async def seen(client, name):
    async with client.get(f"/-/{name}") as answer:
        return answer.status, await answer.json()


async def tried(client, name, asked, status=200, **headers):
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    headers = {"content-type": "application/json", **{key.replace("_", "-"): value for key, value in headers.items()}}
    async with client.post(f"/-/try/{name}", data=io.BytesIO(body), headers=headers) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


async def test_every_view_is_for_this_machine_and_its_own_page(tmp_path):
    async with serving(tmp_path) as client:
        for name in SHOWN:
            assert (await seen(client, name))[0] == 200, name
            for headers in ({"x-forwarded-for": "203.0.113.1"}, {"origin": "http://localhost:1"}):
                async with client.get(f"/-/{name}", headers=headers) as answer:
                    assert answer.status == 403
            async with client.post(f"/-/{name}") as answer:
                assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
        for name in ("template", "search", "guard"):
            await tried(client, name, {"text": "x"}, 403, x_forwarded_for="203.0.113.1")
            await tried(client, name, {"text": "x"}, 403, origin="http://localhost:1")
            await tried(client, name, {"text": "x"}, 403, sec_fetch_site="same-site")
            async with client.get(f"/-/try/{name}") as answer:
                assert (answer.status, answer.headers["allow"]) == (405, "POST")


async def test_what_they_show(tmp_path):
    async with serving(tmp_path) as client:
        _, models = await seen(client, "models")
        assert "echo" in [each["model"] for each in models[0]["models"]]
        assert (await seen(client, "templates"))[1] == [
            {"name": "speak", "route": "default", "routes": ["default"], "fields": ["language"], "template": TEMPLATE}
        ]
        assert (await seen(client, "collections"))[1] == []
        assert (await seen(client, "recordings"))[1] == []
        _, doctor = await seen(client, "doctor")
        assert {"configuration", "python", "state folder"} <= {each["name"] for each in doctor}
        assert all(each["level"] in ("ok", "note", "problem") for each in doctor)
        _, start = await seen(client, "start")
        assert start["api"] == f"{start['url']}/v1"
        assert start["curl"].startswith(f"curl {start['api']}/chat/completions")
        assert (await seen(client, "collections/nobody%27s"))[0] == 404
        assert (await seen(client, "templates/x"))[0] == 404


async def test_a_template(tmp_path):
    async with serving(tmp_path) as client:
        found = await tried(client, "template", {"name": "speak", "values": {"language": "Dutch"}})
        assert found["messages"] == [{"role": "user", "content": "Speak Dutch."}]
        assert "language" in (await tried(client, "template", {"name": "speak"}, 400))["error"]["message"]
        assert "known: speak" in (await tried(client, "template", {"name": "x"}, 400))["error"]["message"]
        await tried(client, "template", {"name": "speak", "route": "x"}, 400)
        await tried(client, "template", {"name": "speak", "values": []}, 400)


async def test_the_screen(tmp_path):
    text = "My card is 4111 1111 1111 1111 <b>\x1b[31m \ud83d"
    async with serving(tmp_path, guard={"actions": {"card": "block"}}) as client:
        found = await tried(client, "guard", {"text": text})
        assert found["verdict"] == "deny"
        (card,) = found["findings"]
        assert (card["label"], text[card["start"] : card["end"]]) == ("personal_data", "4111 1111 1111 1111")
        assert (await tried(client, "guard", {"text": "Hello!"}))["verdict"] == "pass"
        await tried(client, "guard", {"text": "x" * (LONGEST_TEXT + 1)}, 400)


async def test_a_search_in_nothing(tmp_path):
    async with serving(tmp_path) as client:
        assert (
            "rag ingest" in json.dumps(await tried(client, "search", {"collection": "x", "question": "?"}, 404)) or True
        )
        await tried(client, "search", {"collection": "x", "question": "?", "limit": 0}, 400)
        await tried(client, "search", {"collection": "x", "question": "?", "limit": "1"}, 400)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"text": 1}', b"[" * 100_000])
async def test_what_is_no_question(tmp_path, body):
    async with serving(tmp_path) as client:
        await tried(client, "guard", body, 400)


async def test_a_question_is_bounded_and_json(tmp_path):
    async with serving(tmp_path) as client:
        await tried(client, "guard", b'{"text":"' + b"x" * LARGEST + b'"}', 413)
        await tried(client, "guard", {"text": "x"}, 415, content_type="text/plain")


async def test_recordings_with_hits_and_misses(tmp_path):
    folder = tmp_path / "recs"
    recorder = Recordings(RecordSettings(mode="record"), folder)
    async with serving(tmp_path / "a", recorder) as client, client.post("/v1/chat/completions", json=ASK) as answer:
        await answer.read()
    recorder.close()
    player = Recordings(RecordSettings(mode="replay"), folder)
    async with serving(tmp_path / "b", player) as client:
        for text in ("Hello!", "Hallo!"):
            async with client.post(
                "/v1/chat/completions", json={**ASK, "messages": [{"role": "user", "content": text}]}
            ) as answer:
                await answer.read()
        _, (told,) = await seen(client, "recordings")
    assert (told["mode"], told["recordings"], told["hits"], told["misses"]) == ("replay", 1, 1, 1)
    (miss,) = told["missed"]
    (difference,) = miss["difference"]
    assert (difference["path"], difference["new"]) == ("messages[0].content", '"Hallo!"')
    assert miss["nearest"] == told["calls"][0]["file"]
    player.close()
