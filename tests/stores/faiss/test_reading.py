"""Searches of vectors that clients brought have exact scores, however segments keep them."""

import numpy as np
import pytest
from collection_contract import DIMENSION, info

from aigw.core.retrieval import Comparison, Passage, Query
from aigw.stores.faiss import building
from aigw.stores.faiss.collections import FaissCollections

ROWS = building.FLAT_ROWS + 1


@pytest.fixture
async def collections(tmp_path):
    collections = FaissCollections(tmp_path)
    yield collections
    await collections.aclose()


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "dotproduct"])
async def test_exact_scores(collections, metric):
    docs = await collections.create(info(embedder="", metric=metric))
    draw = np.random.default_rng(0)
    vectors = draw.standard_normal((ROWS, DIMENSION)).astype(np.float32)
    await docs.upsert([Passage(str(number), "", fields={"n": number}) for number in range(ROWS)], vectors)
    assert (await docs.stats()).kinds == ["sq8"]
    asked = draw.standard_normal(DIMENSION).astype(np.float32)
    if metric == "euclidean":
        scores = ((vectors - asked) ** 2).sum(axis=1)
    else:
        scores = vectors @ asked
        if metric == "cosine":
            scores /= np.linalg.norm(vectors, axis=1) * np.linalg.norm(asked)
    best = np.argsort(scores if metric == "euclidean" else -scores)[:10]
    found = (await docs.search(Query(asked, top=10))).near
    passages = await docs.passages([each.key for each in found])
    assert [passages[each.key].id for each in found] == [str(number) for number in best]
    assert [each.score for each in found] == pytest.approx(scores[best], rel=1e-5)
    few = (await docs.search(Query(asked, top=10, where=Comparison("n", "<", 3)))).near
    assert sorted(each.score for each in few) == pytest.approx(sorted(scores[:3]), rel=1e-5)
    assert (await docs.search(Query(asked, top=10, where=Comparison("n", "<", 0)))).near == []
