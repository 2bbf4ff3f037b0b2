"""Each SDK lists models and asks for one, whoever the provider is, and reads the errors."""

import json

import anthropic
import openai
import pytest
from stage.answers import answers
from stage.gateway import BUILTIN
from stage.sdks import MessagesSDK, google

OPENAI = {"object": "list", "data": [{"id": "gpt-x", "object": "model", "created": 1, "owned_by": "openai"}]}
CLAUDE = {
    "data": [{"type": "model", "id": "claude-x", "display_name": "X", "created_at": "2025-01-01T00:00:00Z"}],
    "has_more": False, "first_id": "claude-x", "last_id": "claude-x",
}  # fmt: skip
COMPATIBLE = {"object": "list", "data": [{"id": "models/gemini-x", "object": "model", "owned_by": "google"}]}
LISTS = {"openai": (OPENAI, "gpt-x"), "claude": (CLAUDE, "claude-x"), "gemini": (COMPATIBLE, "gemini-x")}
REFUSALS = {
    "openai": {"error": {"message": "no such key", "type": "invalid_request_error", "code": "invalid_api_key"}},
    "claude": {"type": "error", "error": {"type": "authentication_error", "message": "no such key"}, "request_id": "r"},
    "gemini": [{"error": {"code": 401, "message": "no such key", "status": "UNAUTHENTICATED"}}],
}


@pytest.fixture
def before(provider, gateway):
    """A gateway before one provider of this type, which answers what it is told to."""

    async def start(kind, body, status=200):
        upstream = await provider(answers(json.dumps(body).encode(), status))
        settings = {"type": kind, "apiTokens": ["k"], "providerDomain": "x.example"}
        return await gateway({"plugins": {"ai-proxy": {"provider": settings}}, "services": {"x.example": upstream.url}})

    return start


@pytest.mark.parametrize("kind", LISTS)
async def test_anthropics_client(before, kind):
    listed, name = LISTS[kind]
    async with MessagesSDK().open(await before(kind, listed)) as client:
        page = await client.models.list(limit=20)
    assert [(model.id, model.type) for model in page.data] == [(name, "model")]
    assert (page.has_more, page.first_id, page.last_id) == (False, name, name)
    async with MessagesSDK().open(await before(kind, listed["data"][0])) as client:
        assert (await client.models.retrieve(name)).id == name
    async with MessagesSDK().open(await before(kind, REFUSALS[kind], 401)) as client:
        with pytest.raises(anthropic.AuthenticationError) as caught:
            await client.models.list()
    assert caught.value.body["error"] == {"type": "authentication_error", "message": "no such key"}


@pytest.mark.parametrize("kind", LISTS)
async def test_openais_client(before, kind):
    listed, name = LISTS[kind]
    client = (await before(kind, listed)).sdk()
    assert [model.id async for model in client.models.list()] in ([name], [f"models/{name}"])
    client = (await before(kind, listed["data"][0])).sdk()
    assert (await client.models.retrieve(name)).object == "model"
    with pytest.raises(openai.AuthenticationError, match="no such key"):
        await (await before(kind, REFUSALS[kind], 401)).sdk().models.list()


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("version", ["", "v1", "v1beta"])
async def test_googles_client(before, kind, version):
    """With the key in x-goog-api-key, /v1/models is the path of all three vendors."""
    listed, name = LISTS[kind]
    async with google().open(await before(kind, listed), version) as client:
        assert [model.name async for model in await client.models.list()] == [f"models/{name}"]
    async with google().open(await before(kind, listed["data"][0]), version) as client:
        assert (await client.models.get(model=name)).name == f"models/{name}"
        assert (await client.models.get(model=f"models/{name}")).name == f"models/{name}"
    async with google().open(await before(kind, REFUSALS[kind], 401), version) as client:
        with pytest.raises(Exception, match="no such key") as caught:
            await client.models.list()
    assert (caught.value.code, caught.value.status) == (401, "UNAUTHENTICATED")


async def test_models_of_this_machine(gateway):
    running = await gateway(BUILTIN)
    async with MessagesSDK().open(running) as client:
        assert {"echo", "mock"} <= {model.id async for model in client.models.list()}
        assert (await client.models.retrieve("echo")).display_name == "echo"
        with pytest.raises(anthropic.NotFoundError, match="'nothing' does not exist"):
            await client.models.retrieve("nothing")


async def test_all_models_of_a_vendor_that_lists_them_in_pages(provider, gateway):
    """OpenAI's and Google's clients ask once, and would get the first 20 only."""
    upstream = await provider(answers(json.dumps(CLAUDE).encode()))
    settings = {"type": "claude", "apiTokens": ["k"], "providerDomain": "x.example"}
    running = await gateway({"plugins": {"ai-proxy": {"provider": settings}}, "services": {"x.example": upstream.url}})
    assert [model.id async for model in running.sdk().models.list()] == ["claude-x"]
    async with MessagesSDK().open(running) as client:
        await client.models.list(limit=5, after_id="claude-w")
        await client.models.retrieve("claude-x")
    targets = [request.target for request in upstream.requests]
    assert targets == ["/v1/models?limit=1000", "/v1/models?limit=1000&after_id=claude-w", "/v1/models/claude-x"]
