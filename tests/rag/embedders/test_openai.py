"""aigw/rag/embedders/openai.py: what is sent to a service with OpenAI's API."""

import numpy as np
from fakes import FakeUpstream, answer_json, make_env

from aigw.rag.embedders.openai import openai_embedder
from aigw.rag.settings import OpenAISettings


async def test_the_request_is_as_configured():
    upstream = FakeUpstream(answer_json({"data": [{"index": 0, "embedding": [0.0, 2.0]}]}))
    settings = OpenAISettings(url="http://127.0.0.1:11434/v1", model="bge-m3", dimensions=2, api_key="sk-1")
    embedder = openai_embedder(settings, make_env(upstream))
    np.testing.assert_array_equal(await embedder.embed(["text"], "query"), [[0, 1]])
    assert upstream.last.path == "/v1/embeddings"
    assert upstream.last.headers["authorization"] == "Bearer sk-1"
    assert upstream.json() == {"model": "bge-m3", "input": ["text"], "encoding_format": "float", "dimensions": 2}
    assert embedder.name == "openai:bge-m3"
