"""The semantic cache of `fidelity: higress`: near questions, and services that fail. The wire is in the cases K21-K25
of tests/conformance."""

import json

import pytest
from fakes import Answer, answer_json
from world import world

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.stores import Service

CONFIG = {
    "cache": {"type": "redis", "serviceName": "redis.static"},
    "embedding": {"type": "dashscope", "serviceName": "ds.dns", "apiKey": "ek"},
    "vector": {"type": "dashvector", "serviceName": "dv.dns", "serviceHost": "dv.host", "collectionID": "col", "threshold": 0.5},
    "enableSemanticCache": True,
}  # fmt: skip
EMBEDDING = answer_json({"output": {"embeddings": [{"embedding": [0.1, 0.2]}]}})
COMPLETION = answer_json({"choices": [{"message": {"content": "ANSWER"}}]})
STORED = answer_json({"code": 0})


def found(score, **fields):
    return answer_json({"code": 0, "output": [{"id": "1", "score": score, "fields": fields}]})


async def play(*script, kept=(), **vector):
    """What the client got, what was called, and what is kept after one request."""
    config = {**CONFIG, "vector": {**CONFIG["vector"], **vector}}
    service = Service("redis.static", 80)
    async with world({"ai-cache": config}, *script, fidelity="higress", service=service) as it:
        for question, answer in dict(kept).items():
            await it.kv.put(f"higress-ai-cache:{question}", answer)
        said = (await it.ask({"messages": [{"role": "user", "content": "q"}]})).json()
        calls = [request.path.rpartition("/")[2] for request, _ in it.upstream.sent]
        stored = await it.kept()
    return said["choices"][0]["message"]["content"], calls, stored.get("higress-ai-cache:q")


async def test_a_near_question_has_its_answer_beside_it():
    assert await play(EMBEDDING, found(0.3, query="q0", answer="A0")) == ("A0", ["text-embedding", "query"], b"A0")


async def test_a_near_question_has_its_answer_in_the_cache():
    calls = ["text-embedding", "query"]
    assert await play(EMBEDDING, found(0.3, query="q0"), kept={"q0": b"A0"}) == ("A0", calls, b"A0")


async def test_the_host_as_the_documents_name_it_and_no_number():
    vector = {**CONFIG["vector"], "serviceHost": "", "serviceDomain": "dv.host", "topK": 0}
    config, service = {**CONFIG, "vector": vector}, Service("redis.static", 80)
    async with world(
        {"ai-cache": config}, EMBEDDING, found(0.3, answer="A0"), fidelity="higress", service=service
    ) as it:
        await it.ask({"messages": [{"role": "user", "content": "q"}]})
        query, target = it.upstream.sent[1]
    assert (target.authority, json.loads(query.body)["topk"]) == ("dv.host", 1)


@pytest.mark.parametrize("relation", ["lt", "lte", "gt", "gte"])
@pytest.mark.parametrize("score", [0.4, 0.5, 0.6])
async def test_relations(relation, score):
    near = {"lt": score < 0.5, "lte": score <= 0.5, "gt": score > 0.5, "gte": score >= 0.5}[relation]
    said, _, _ = await play(
        EMBEDDING, found(score, query="q0", answer="A0"), COMPLETION, STORED, thresholdRelation=relation
    )
    assert said == ("A0" if near else "ANSWER")


async def test_a_far_question_is_asked_and_its_vector_kept():
    calls = ["text-embedding", "query", "completions", "docs"]
    for nothing in (
        found(0.9, query="q0", answer="A0"),
        answer_json({"code": 0, "output": []}),
        answer_json({"code": 0}),
    ):
        assert await play(EMBEDDING, nothing, COMPLETION, STORED) == ("ANSWER", calls, b"ANSWER")


@pytest.mark.parametrize(
    "broken",
    [
        answer_json({"message": "no"}, status=500),
        answer_json({"output": None}),
        answer_json([]),
        Answer(pieces=[b"x"]),
        Answer(error=UpstreamError(UpstreamFault.CONNECT, "refused")),
    ],
)
async def test_an_embedding_that_fails_is_a_miss(broken):
    assert await play(broken, COMPLETION) == ("ANSWER", ["text-embedding", "completions"], b"ANSWER")


@pytest.mark.parametrize(
    "broken", [answer_json({}, status=401), answer_json([]), answer_json({"output": [1]}), found("near", query="q0")]
)
async def test_vectors_that_fail_are_a_miss(broken):
    assert await play(EMBEDDING, broken, COMPLETION) == (
        "ANSWER",
        ["text-embedding", "query", "completions"],
        b"ANSWER",
    )


async def test_a_vector_that_cannot_be_kept_changes_nothing():
    said, calls, stored = await play(EMBEDDING, answer_json({}), COMPLETION, answer_json({}, status=500))
    assert (said, calls[-1], stored) == ("ANSWER", "docs", b"ANSWER")
