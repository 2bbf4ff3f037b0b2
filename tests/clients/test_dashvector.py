"""DashVector: the nearest question if it is near enough, and answers that are no result."""

import pytest
from fakes import FakeUpstream, answer_json, make_env

from aigw.clients.callout import Callout, CalloutError
from aigw.clients.dashvector import RELATIONS, DashVectorClient, Doc, NearestQuestion, Questions

VECTOR = [0.1, 0.2]


def client(upstream):
    callout = Callout(make_env(upstream), "dv.dns", 443, "dv.host", 1.0)
    return DashVectorClient(callout, "token", "col")


def questions(upstream):
    return Questions(client(upstream), 3, lambda score: score < 0.5)


@pytest.mark.parametrize(
    ("output", "found"),
    [
        (
            [{"score": 0.4, "fields": {"query": "q", "answer": "a"}}, {"score": 0.1, "fields": {}}],
            NearestQuestion(VECTOR, "q", "a"),
        ),
        ([{"score": 0.4, "fields": {"query": "q"}}], NearestQuestion(VECTOR, "q")),
        ([{"score": 0.4, "fields": None}], NearestQuestion(VECTOR)),
        ([{"score": 0.4}], NearestQuestion(VECTOR)),
        ([{"score": 0.6, "fields": {"query": "q", "answer": "a"}}], NearestQuestion(VECTOR)),
        ([], NearestQuestion(VECTOR)),
        (None, NearestQuestion(VECTOR)),
    ],
)
async def test_the_nearest_counts_if_it_is_near_enough(output, found):
    upstream = FakeUpstream(answer_json({"output": output}))
    assert await questions(upstream).nearest(VECTOR) == found
    assert (upstream.last.path, upstream.json()["topk"]) == ("/v1/collections/col/query", 3)
    assert upstream.last.headers["dashvector-auth-token"] == "token"


@pytest.mark.parametrize(
    "body",
    [[], 5, None, {"output": 5}, {"output": [5]}, {"output": [{}]}, {"output": [{"score": "x"}]},
     {"output": [{"score": 10**400}]}, *({"output": [{"score": 1, "fields": each}]} for each in ("x", 5, [{"raw": "t"}]))],
)  # fmt: skip
async def test_an_answer_that_is_no_result(body):
    with pytest.raises(CalloutError, match="result of a query"):
        await questions(FakeUpstream(answer_json(body))).nearest(VECTOR)


async def test_documents_are_searched():
    upstream = FakeUpstream(
        answer_json({"code": 0, "output": [{"id": 7, "score": "0.5"}, {"id": "b", "score": 1, "fields": {"raw": "t"}}]})
    )
    found = await client(upstream).query({"vector": VECTOR, "topk": 2})
    assert found == [Doc("7", 0.5, {}), Doc("b", 1.0, {"raw": "t"})]
    assert upstream.json() == {"vector": VECTOR, "topk": 2}


async def test_a_refusal_in_an_answer_of_status_200():
    upstream = FakeUpstream(answer_json({"code": -2021, "message": "there is no collection col"}))
    with pytest.raises(CalloutError, match="-2021 there is no collection col"):
        await client(upstream).query({"vector": VECTOR})


async def test_the_name_of_a_collection_stays_one_segment():
    upstream = FakeUpstream(answer_json({"output": []}))
    await DashVectorClient(Callout(make_env(upstream), "dv.dns", 443, "", 1.0), "t", "a/../b").query({})
    assert upstream.last.path == "/v1/collections/a%2F..%2Fb/query"


async def test_a_question_is_kept_with_its_answer():
    upstream = FakeUpstream(answer_json({"code": 0}))
    await questions(upstream).add(VECTOR, "q", "a")
    assert upstream.last.path == "/v1/collections/col/docs"
    assert upstream.json() == {"docs": [{"vector": VECTOR, "fields": {"query": "q", "answer": "a"}}]}


@pytest.mark.parametrize(("name", "near"), [("lt", [0.4]), ("lte", [0.4, 0.5]), ("gt", [0.6]), ("gte", [0.5, 0.6])])
def test_relations_to_a_threshold(name, near):
    assert [score for score in (0.4, 0.5, 0.6) if RELATIONS[name](score, 0.5)] == near
