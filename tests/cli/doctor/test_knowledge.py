"""A collection that is searched and is not there is named, with those that are."""

import json

import numpy as np
import pytest

from aigw.cli.doctor.knowledge import collections_of
from aigw.config.load import load
from aigw.core.retrieval import CollectionInfo, Passage
from aigw.stores.faiss.collections import FaissCollections


@pytest.fixture
async def loaded(tmp_path):
    collections = FaissCollections(tmp_path / "rag")
    docs = await collections.create(CollectionInfo("docs", 2))
    await docs.upsert([Passage("1", "t")], np.eye(1, 2, dtype=np.float32))
    await collections.aclose()

    def with_plugins(services=(), **plugins):
        config = {"state_dir": str(tmp_path), "services": dict(services), "plugins": plugins}
        return load(None, {}, text=json.dumps(config).encode())

    return with_plugins


async def test_there(loaded):
    (check,) = await collections_of(loaded(**{"ai-rag": {"dashvector": {"collection": "docs"}}}))
    assert (check.level, check.message) == ("ok", "docs has 1 passage, embedded by clients")


async def test_not_there(loaded):
    (check,) = await collections_of(loaded(**{"ai-rag": {"dashvector": {"collection": "news"}}}))
    assert (check.level, check.message) == ("note", "there is no collection news; there are: docs")
    assert "aigw rag ingest PATH -n news" in check.remedy


async def test_one_of_a_service_elsewhere_cannot_be_seen(loaded):
    service = {"apiKey": "k", "serviceName": "v", "servicePort": 443, "domain": "vrs.example"}
    plugin = {"dashscope": {**service, "serviceName": "q"}, "dashvector": {**service, "collection": "news"}}
    assert len(await collections_of(loaded(**{"ai-rag": plugin}))) == 1
    assert await collections_of(loaded({"vrs.example": "https://vrs.example"}, **{"ai-rag": plugin})) == []


async def test_nothing_is_searched(loaded):
    assert await collections_of(loaded(**{"ai-proxy": {"provider": {"type": "builtin"}}})) == []
