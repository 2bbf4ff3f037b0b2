"""Passages are shown with their texts as long as the collection has them, and without what looks like a secret."""

import json
from types import SimpleNamespace

from aigw.config.load import load
from aigw.core.retrieval import NoCollectionError, Passage
from aigw.server.knowledge import searched
from aigw.server.page.passages import with_texts
from aigw.server.page.views import Inside

CONFIG = {
    "plugins": {
        "ai-rag": {
            "dashscope": {"apiKey": "k", "serviceFQDN": "dashscope", "servicePort": 443, "serviceHost": "dashscope"},
            "dashvector": {
                "apiKey": "k", "topk": 1, "threshold": 0.5, "field": "raw", "collection": "docs",
                "serviceFQDN": "dashvector", "servicePort": 443, "serviceHost": "dashvector",
            },
        },
        "ai-proxy": {"provider": {"type": "builtin"}},
    }
}  # fmt: skip


class Collections:
    def __init__(self, *passages):
        self._passages = {each.id: (each, None) for each in passages}

    async def get(self, name):
        if not self._passages:
            raise NoCollectionError("none")
        return SimpleNamespace(fetch=self._fetch)

    async def _fetch(self, ids):
        return {id_: self._passages[id_] for id_ in ids if id_ in self._passages}


def inside(*passages):
    loaded = load(None, {}, text=json.dumps(CONFIG).encode())
    assert searched(loaded) == ["docs"]
    return Inside(loaded, None, SimpleNamespace(collections=Collections(*passages)), None)


async def test_a_passage_has_its_text_and_its_source():
    passage = Passage("a#1", "Penguins swim; sk-abcdefgh12345678.", "birds.md", "Birds")
    told = await with_texts([{"id": "a#1", "score": 0.5}, {"id": "gone", "score": 0.1}], inside(passage))
    assert told == [
        {"id": "a#1", "score": 0.5, "source": "birds.md", "title": "Birds", "text": "Penguins swim; ***."},
        {"id": "gone", "score": 0.1},
    ]


async def test_without_the_collection_there_are_the_ids():
    assert await with_texts([{"id": "a", "score": 1.0}], inside()) == [{"id": "a", "score": 1.0}]
