"""DashVector's API: our client is answered by it, and each path is an operation or is told to be none."""

import msgspec
import numpy as np
import pytest
from fakes import make_env
from multidict import CIMultiDict

from aigw.clients.callout import Callout, CalloutError
from aigw.clients.dashvector import STANDIN, DashVectorClient, Questions
from aigw.config.services import ServiceTable
from aigw.core.model import Request
from aigw.core.retrieval import CollectionInfo, Passage
from aigw.standins.dashvector.codes import TOO_LARGE, UNSUPPORTED
from aigw.standins.dashvector.standin import LARGEST, DashVectorStandin
from aigw.stores.faiss.collections import FaissCollections
from aigw.upstream.standin import StandinUpstream

PASSAGES = [Passage("a", "first", "x.md", "X", fields={"n": 1}), Passage("b", "second", "y.md")]


@pytest.fixture
async def collections(tmp_path):
    found = FaissCollections(tmp_path)
    docs = await found.create(CollectionInfo("docs", 2))
    await docs.upsert(PASSAGES, np.asarray([[1, 0], [0.6, 0.8]], np.float32))
    yield found
    await found.aclose()


def client(collections, name="docs"):
    services = ServiceTable({}).with_standins([STANDIN])
    env = make_env(StandinUpstream({STANDIN: DashVectorStandin(collections, lambda: "id-1")}), services=services)
    return DashVectorClient(Callout(env, "dv.dns", 443, "vrs.host", 1.0, STANDIN), "k", name)


async def test_our_client_is_answered_by_distances(collections):
    found = await client(collections).query({"vector": [1.0, 0.0], "topk": 2})
    assert [(doc.id, round(doc.score, 4)) for doc in found] == [("a", 0.0), ("b", 0.4)]
    assert found[0].fields == {"raw": "first", "source": "x.md", "title": "X", "n": 1}


async def test_only_the_fields_that_are_wanted(collections):
    (found,) = await client(collections).query({"vector": [0.0, 1.0], "topk": 1, "output_fields": ["raw", "none"]})
    assert (found.id, found.fields) == ("b", {"raw": "second"})


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("news", {"vector": [1.0, 0.0]}, "-2021 there is no collection news; there are: docs"),
        ("docs", {"vector": [1.0]}, "-2019 the collection docs has vectors of 2 numbers, not of 1"),
        ("docs", {"vector": "x"}, "-2999 Expected `array"),
        ("docs", {"vector": [1.0, 0.0], "filter": "n is null"}, "-2031 `is` in a filter"),
    ],
)
async def test_what_is_wrong_is_told_as_dashvector_does(collections, name, body, message):
    with pytest.raises(CalloutError, match=message):
        await client(collections, name).query(body)


async def test_our_client_puts_what_it_finds_again(collections):
    questions = Questions(client(collections), 1, lambda score: score < 0.1)
    await questions.add([0.0, 1.0], "why?", "because")
    found = await questions.nearest([0.0, 1.0])
    assert (found.question, found.answer) == ("why?", "because")
    assert (await questions.nearest([-1.0, -1.0])).question == ""


async def told(collections, method, path, body=b"{}"):
    found = await DashVectorStandin(collections, lambda: "id-1")(Request(method, path, "", CIMultiDict(), body))
    assert (found.status, found.headers["content-type"]) == (200, "application/json")
    return msgspec.json.decode(found.body)


async def test_the_version_is_what_a_client_asks_first(collections):
    said = await told(collections, "GET", "/service_version")
    assert (said["code"], said["message"], said["request_id"]) == (0, "Success", "id-1")
    assert said["version"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v1/nothing"), ("POST", "/service_version"), ("PUT", "/v1/collections"), ("GET", "/v1/collections-x"),
        ("POST", "/v1/collections/docs"), ("POST", "/v1/collections/docs/query/x"), ("GET", "/v1/collections/docs/x"),
        ("POST", "/v1/collections/docs/query_group_by"),
    ],
)  # fmt: skip
async def test_what_it_does_not_have_is_said(collections, method, path):
    said = await told(collections, method, path)
    assert said["code"] == UNSUPPORTED
    assert "this stand-in of DashVector does not support it" in said["message"]


async def test_a_body_has_a_bound(collections):
    said = await told(collections, "POST", "/v1/collections", b" " * (LARGEST + 1))
    assert (said["code"], said["message"]) == (TOO_LARGE, "a request has at most 16 MiB")


async def test_names_are_read_from_escapes(collections):
    assert (await told(collections, "GET", "/v1/collections/do%63s"))["output"]["name"] == "docs"
