"""The services that `services:` maps are asked as their APIs want it."""

import json

from fakes import answer_json
from retrieval_world import FOUND, MAPPED, QUESTION, STANDINS, TODAY, VECTOR, FakeRetrieval, chat
from world import world


async def test_services_that_are_mapped_are_asked():
    async with world(
        {"ai-rag": TODAY}, VECTOR, FOUND, answer_json({}), services=MAPPED, standins=STANDINS, retrieval=FakeRetrieval()
    ) as it:
        seen = await it.ask(chat(max_tokens=9))
        embedded, queried, sent = it.upstream.json(0), it.upstream.json(1), it.upstream.json(2)
        assert it.upstream.sent[0][1].authority == "dashscope.aliyuncs.com"
        assert it.upstream.sent[0][1].timeouts.first_byte == 50
        assert it.upstream.sent[1][1].timeouts.first_byte == 0.5
    assert embedded["input"] == {"texts": [QUESTION]}
    assert queried == {"vector": [0.1, 0.2], "topk": 2, "output_fields": ["text"], "include_vector": False}
    assert [
        message["content"].partition("\n")[2][:4] if "T" in message["content"] else "" for message in sent["messages"]
    ]
    assert "T1" in sent["messages"][0]["content"] and "T2" in sent["messages"][1]["content"]
    assert "T3" not in json.dumps(sent)
    assert sent["max_tokens"] == 9
    assert seen.headers["x-aigw-rag"].startswith("d1;score=0.800;distance=0.200, d2;")
