"""What is refused first: a model that there is not, so that a name that clients make up is known as one."""

import pytest

BROKEN = {
    "/v1/chat/completions": [{}, {"messages": "hi"}, {"messages": [{"content": "x"}]}, {"messages": [], "n": -1}],
    "/v1/completions": [{}, {"prompt": {}}],
    "/v1/embeddings": [{}, {"input": {}}],
}


@pytest.mark.parametrize(("path", "body"), [(path, body) for path, bodies in BROKEN.items() for body in bodies])
async def test_a_made_up_model_with_a_broken_body(models, path, body):
    answered = await models().ask(path, {"model": "made-up", **body})
    assert (answered.status, answered.json["error"]["code"]) == (404, "model_not_found")
    assert (await models().ask(path, {"model": "echo", **body})).status == 400


@pytest.mark.parametrize("path", BROKEN)
async def test_no_model(models, path):
    assert (await models().ask(path, {})).status == 400
