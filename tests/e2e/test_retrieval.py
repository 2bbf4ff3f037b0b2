"""ai-rag in a gateway with a collection on disk: what models read, by Anthropic's own client, and what the cache knows."""

import asyncio
import json
import logging

import pytest
from embedding_service import embedding_service
from stage.answers import answers, streams
from stage.gateway import BUILTIN
from stage.wires import Messages
from typer.testing import CliRunner

from aigw.cli.main import app
from aigw.plugins.ai_rag.context import NOTE

TEXT = "Limescale in the kettle goes away with citric acid."
QUESTION = "How does limescale go away?"
RAG = {"dashvector": {"collection": "docs"}}
NEWS = {"dashvector": {"collection": "news"}}
CACHE = {"redis": {"serviceName": "redis.static", "servicePort": 6379}}


@pytest.fixture
def folder(tmp_path):
    """A folder with a document that is in the collection `docs`."""
    with embedding_service() as service:
        configured(tmp_path, {"rag": {**service.rag, "collection": "docs"}})
        (tmp_path / "kettle.md").write_text(TEXT)
        told(tmp_path, "rag", "ingest", str(tmp_path / "kettle.md"))
        yield tmp_path


def configured(folder, more):
    path = folder / "aigw.yaml"
    config = {**(json.loads(path.read_text()) if path.exists() else {"state_dir": str(folder / ".aigw")}), **more}
    path.write_text(json.dumps(config))
    return config


def told(folder, *words):
    done = CliRunner().invoke(app, [*words, "--config", str(folder / "aigw.yaml"), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_anthropics_own_client_before_a_provider_of_messages(folder, provider, gateway, stream):
    wire = Messages()
    events = [*wire.opening(), wire.piece("Acid"), wire.piece("."), *wire.closing(["Acid", "."])]
    upstream = await provider(streams(*events) if stream else answers(wire.plain(["Acid", "."])))
    plugins = {"ai-rag": RAG, "ai-proxy": {"provider": {"type": "claude", "apiTokens": ["sk-1"]}}}
    config = configured(folder, {"services": {wire.host: upstream.url}, "plugins": plugins})
    running = await gateway(config, folder=folder / ".aigw", keeps=True)
    body = wire.body(QUESTION) | {"system": "Be short.", "stop_sequences": ["END"]}
    del body["stream"]
    async with wire.sdk(running) as client:
        if stream:
            async with client.messages.stream(**body) as found:
                assert [text async for text in found.text_stream] == ["Acid", "."]
                headers, message = found.response.headers, await found.get_final_message()
        else:
            raw = await client.messages.with_raw_response.create(**body)
            headers, message = raw.headers, await raw.parse()
    assert (message.content[0].text, message.stop_reason) == ("Acid.", "end_turn")
    sent = json.loads(upstream.requests[0].body)
    ((passage, question),) = [turn["content"] for turn in sent["messages"]]
    assert passage["text"].startswith(NOTE)
    assert TEXT in passage["text"]
    assert question["text"].endswith(QUESTION)
    assert (sent["system"], sent["stop_sequences"], sent["max_tokens"]) == ("Be short.", ["END"], 99)
    assert headers["x-envoy-rag-recall"] == "true"
    (found,) = (await rows(running))[0].retrieved
    assert headers["x-aigw-rag"].startswith(f"{found.id};score={found.score:.3f};")


async def rows(running):
    await running.edge.settled()
    async with asyncio.timeout(10):
        while not running.rows:  # noqa: ASYNC110 - rows are no event
            await asyncio.sleep(0.01)
    return running.rows


async def test_the_cache_says_that_the_collection_is_another_one(folder, gateway):
    plugins = {"ai-cache": CACHE, "ai-rag": RAG, **BUILTIN["plugins"]}
    running = await gateway(configured(folder, {"plugins": plugins}), folder=folder / ".aigw")
    asked = {"model": "echo", "messages": [{"role": "user", "content": QUESTION}]}
    (folder / "asked.json").write_text(json.dumps(asked))

    async def explained(*words):
        return await asyncio.to_thread(told, folder, *words, "cache", "explain", str(folder / "asked.json"))

    async def answered():
        got = await running.request("POST", "/v1/chat/completions", json.dumps(asked).encode())
        assert got.status == 200, got.body
        return got.headers["x-aigw-cache"].partition(";")[0]

    assert [await answered(), await answered()] == ["miss", "hit"]
    async with asyncio.timeout(10):
        while (await explained())["status"] != "hit":
            pass  # an answer is on the disk a moment later
    (folder / "kettle.md").write_text(f"{TEXT} Vinegar never.")
    await asyncio.to_thread(told, folder, "rag", "ingest", str(folder / "kettle.md"))
    found = await explained()
    assert found["status"] == "miss"
    assert [each["where"] for each in found["nearest"]["differences"]] == ["after.collection docs"]
    words = ["cache", "explain", str(folder / "asked.json"), "--config", str(folder / "aigw.yaml")]
    printed = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert "  after.collection docs\n    stored: another state of its passages (" in printed.output
    assert [await answered(), await answered()] == ["miss", "hit"]


async def test_a_collection_that_is_not_there_is_told_at_the_start(folder, gateway, caplog):
    plugins = {**BUILTIN["plugins"], "ai-rag": {"_rules_": [{"_match_domain_": ["a.example"], **RAG}], **NEWS}}
    await gateway(configured(folder, {"plugins": plugins}), folder=folder / ".aigw")
    (told,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert told == (
        "a plugin searches the collection news, which is not there; there are: docs; `aigw rag ingest PATH -n news` "
        "makes it"
    )
    caplog.clear()
    services = {"dashvector": "http://127.0.0.1:9"}
    await gateway(configured(folder, {"plugins": plugins, "services": services}), folder=folder / ".aigw")
    assert not caplog.records
