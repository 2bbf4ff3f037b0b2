"""aigw/rag/embedders/dashscope.py: what is sent to DashScope for a question and for passages."""

import numpy as np
import pytest
from fakes import FakeUpstream, answer_json, make_env

from aigw.rag.embedders.dashscope import dashscope_embedder
from aigw.rag.settings import DashScopeSettings


@pytest.mark.parametrize(("purpose", "text_type"), [("query", "query"), ("passage", "document")])
async def test_the_request_is_as_configured(purpose, text_type):
    upstream = FakeUpstream(answer_json({"output": {"embeddings": [{"text_index": 0, "embedding": [0.0, 2.0]}]}}))
    embedder = dashscope_embedder(DashScopeSettings(api_key="sk-1"), make_env(upstream))
    np.testing.assert_array_equal(await embedder.embed(["text"], purpose), [[0, 1]])
    request, target = upstream.sent[0]
    assert str(target.origin) == "https://dashscope.aliyuncs.com:443"
    assert request.path == "/api/v1/services/embeddings/text-embedding/text-embedding"
    assert upstream.json() == {
        "model": "text-embedding-v2",
        "input": {"texts": ["text"]},
        "parameters": {"text_type": text_type},
    }
    assert embedder.name == "dashscope:text-embedding-v2"
