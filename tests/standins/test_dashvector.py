"""DashVector's queries, as its client asks them."""

import msgspec
import numpy as np
import pytest
from fakes import make_env
from multidict import CIMultiDict

from aigw.clients.callout import Callout, CalloutError
from aigw.clients.dashvector import STANDIN, DashVectorClient
from aigw.config.services import ServiceTable
from aigw.core.model import Request
from aigw.core.retrieval import CollectionInfo, Passage
from aigw.standins.dashvector import DashVectorStandin
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
        ("docs", {"vector": [1.0]}, "vectors of 2 numbers, not of 1"),
        ("docs", {}, "vector is missing"),
        ("docs", {"vector": "x"}, "Expected `array"),
    ],
)
async def test_what_is_wrong_is_told_as_dashvector_does(collections, name, body, message):
    with pytest.raises(CalloutError, match=message):
        await client(collections, name).query(body)


async def test_what_it_does_not_have_is_said(collections):
    request = Request("PUT", "/v1/nothing", "", CIMultiDict(), b"{}")
    found = await DashVectorStandin(collections, lambda: "id-1")(request)
    assert msgspec.json.decode(found.body)["message"] == "PUT /v1/nothing has no stand-in"
