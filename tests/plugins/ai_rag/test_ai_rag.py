"""ai-rag behind a cache, which forgets when the collection changes; and which services are asked."""

from ai_cache_world import completion
from fakes import answer_json
from retrieval_world import FOUND, INSTALL, LOCAL, MAPPED, STANDINS, START, TODAY, VECTOR, FakeRetrieval, chat
from world import world

CACHE = {"cache": {"type": "redis", "serviceName": "redis.static", "cacheTTL": 60}}


async def test_a_cache_in_front_knows_the_version_of_the_collection():
    rag = FakeRetrieval(INSTALL)
    async with world(
        {"ai-cache": CACHE, "ai-rag": LOCAL}, answer_json(completion()), standins=STANDINS, retrieval=rag
    ) as it:
        seen = [(await it.ask(chat())).labels.cache for _ in range(2)]
        rag.hits, rag.versions = (START,), {"default": "2"}
        seen += [(await it.ask(chat())).labels.cache for _ in range(2)]
        assert "aigw serve" in it.sent.body.decode()
    assert seen == ["miss", "hit", "miss", "hit"]


async def test_an_answer_without_what_could_not_be_searched_is_not_kept():
    rag = FakeRetrieval(INSTALL, broken="the embedder is busy")
    async with world(
        {"ai-cache": CACHE, "ai-rag": LOCAL}, answer_json(completion()), standins=STANDINS, retrieval=rag
    ) as it:
        seen = [(await it.ask(chat())).labels.cache for _ in range(2)]
        rag.broken = ""
        seen += [(await it.ask(chat())).labels.cache for _ in range(2)]
    assert seen == ["miss", "miss", "miss", "hit"]


async def test_what_is_not_mapped_is_searched_here():
    async with world({"ai-rag": TODAY}, standins=STANDINS, retrieval=FakeRetrieval(INSTALL)) as it:
        it.env.retrieval.versions["col"] = "1"
        await it.ask(chat())
        assert len(it.upstream.sent) == 1


async def test_a_mapped_embedder_alone_changes_nothing():
    """The collection of this machine is embedded by what made it."""
    services = {"ds.dns": MAPPED["ds.dns"]}
    rag = FakeRetrieval(INSTALL)
    async with world({"ai-rag": LOCAL}, services=services, standins=STANDINS, retrieval=rag) as it:
        await it.ask(chat())
        assert len(it.upstream.sent) == 1


async def test_the_stand_ins_answer_as_the_services_do():
    """With fidelity higress the two calls of Higress go to them."""
    async with world({"ai-rag": TODAY}, VECTOR, FOUND, standins=STANDINS, fidelity="higress") as it:
        await it.ask(chat())
        origins = [str(target.origin) for _, target in it.upstream.sent[:2]]
    assert origins == ["standin://dashscope", "standin://dashvector"]
