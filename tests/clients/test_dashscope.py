"""DashScope's embeddings: how they are asked for, and answers that have none."""

import pytest
from fakes import Answer, FakeUpstream, answer_json, make_env

from aigw.clients.callout import Callout, CalloutError
from aigw.clients.dashscope import EMBED_HOST, EMBED_PATH, DashScopeClient, embed_body, vectors_in


def client(upstream, model=""):
    return DashScopeClient(Callout(make_env(upstream), "ds.dns", 443, EMBED_HOST, 1.0), "sk-1", model)


@pytest.mark.parametrize(("model", "asked"), [("", "text-embedding-v2"), ("text-embedding-v4", "text-embedding-v4")])
async def test_a_question_is_embedded(model, asked):
    upstream = FakeUpstream(answer_json({"output": {"embeddings": [{"embedding": [0.1, 0.2]}]}}))
    assert bytes(await client(upstream, model).embed("why?")) == b"[0.1, 0.2]"
    assert upstream.last.path == EMBED_PATH
    assert upstream.last.headers["authorization"] == "Bearer sk-1"
    assert (upstream.json()["model"], upstream.json()["input"]) == (asked, {"texts": ["why?"]})


@pytest.mark.parametrize(
    "body", [{}, [], None, {"output": None}, {"output": {"embeddings": []}}, {"output": {"embeddings": [5]}}]
)
async def test_an_answer_without_an_embedding(body):
    with pytest.raises(CalloutError, match="no embedding"):
        await client(FakeUpstream(answer_json(body))).embed("why?")


async def test_a_refusal_names_the_service_and_not_the_key():
    with pytest.raises(CalloutError, match=f"{EMBED_HOST} answered 401") as caught:
        await client(FakeUpstream(Answer(401))).embed("why?")
    assert "sk-1" not in str(caught.value)


def test_vectors_are_in_the_order_of_the_texts():
    rows = [{"text_index": 1, "embedding": [2.0]}, {"text_index": 0, "embedding": [1.0]}]
    assert vectors_in({"output": {"embeddings": rows}}) == [[1.0], [2.0]]


def test_a_passage_and_the_length_of_its_vector_are_named():
    body = embed_body("text-embedding-v4", ["a", "b"], "document", 512)
    assert body["parameters"] == {"text_type": "document", "dimension": 512}
    assert body["input"] == {"texts": ["a", "b"]}
