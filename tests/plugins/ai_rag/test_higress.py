"""ai-rag as in Higress: a few fields of the body survive."""

import json

import pytest
from fakes import answer_json
from retrieval_world import FOUND, MAPPED, QUESTION, TODAY, VECTOR, chat, user
from world import world


async def test_higress_writes_the_body_anew():
    async with world({"ai-rag": TODAY}, VECTOR, FOUND, answer_json({}), services=MAPPED, fidelity="higress") as it:
        seen = await it.ask(chat({"role": "system", "content": "s"}, user(), max_tokens=9, temperature=0.5))
        queried, sent = it.upstream.json(1), it.upstream.json(2)
    assert queried == {"topk": 2, "output_fileds": ["text"], "vector": [0.1, 0.2]}
    assert sent == {
        "model": "m", "messages": [{"role": "system", "content": "s"}, user("R1"), user("R2"), user(""), user(f"现在，请回答以下问题：\n{QUESTION}")],
        "frequency_penalty": 0, "presence_penalty": 0, "stream": False, "temperature": 0.5, "top_p": 0,
    }  # fmt: skip
    assert seen.headers["x-envoy-rag-recall"] == "true"
    assert seen.labels.span_tags == {"rag_docs": "d1, d2, d4"}


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}]},
        {"model": "m", "messages": [user()], "top_p": 0.5},
        {"model": "m", "messages": []},
    ],
)
async def test_higress_leaves_what_go_cannot_decode(body):
    async with world({"ai-rag": TODAY}, services=MAPPED, fidelity="higress") as it:
        seen = await it.ask(body)
        assert (len(it.upstream.sent), json.loads(it.sent.body)) == (1, body)
    assert seen.headers["x-envoy-rag-recall"] == "false"
