"""Requests through ai-rag: a `Retrieval` with passages that a test chooses, configurations of all forms, and what a
provider gets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fakes import answer_json
from world import world

from aigw.core.retrieval import Hit, NoCollectionError, Passage, RetrievalError
from aigw.plugins.ai_rag.context import NOTE


def hit(text: str, distance: float = 0.2, **more: object) -> Hit:
    return Hit(Passage(str(more.pop("id", text[:8])), text, **more), 1 - distance, distance)  # type: ignore[arg-type]


class FakeRetrieval:
    """Finds `hits` for any question. `asked` is what was searched for."""

    def __init__(self, *hits: Hit, broken: str = "") -> None:
        self.hits: Sequence[Hit] = hits
        self.broken = broken
        self.asked: list[tuple[str, str, int]] = []
        self.versions = {"default": "1"}

    async def names(self) -> Sequence[str]:
        return list(self.versions)

    async def search(self, collection: str, question: str, top: int) -> Sequence[Hit]:
        self.asked.append((collection, question, top))
        if self.broken:
            raise RetrievalError(self.broken)
        if collection not in self.versions:
            raise NoCollectionError(f"there is no collection {collection}; there are: default")
        return self.hits[:top]

    def version(self, collection: str) -> str:
        return self.versions.get(collection, "")


STANDINS = ("dashvector", "dashscope")
LOCAL = {"dashvector": {"topk": 2, "threshold": 0.6}}
TODAY = {
    "dashscope": {"apiKey": "dk", "serviceFQDN": "ds.dns", "servicePort": 443, "serviceHost": "dashscope.aliyuncs.com"},
    "dashvector": {
        "apiKey": "vk", "collection": "col", "serviceFQDN": "dv.dns", "servicePort": 443, "serviceHost": "vrs.host",
        "topk": 2, "threshold": 0.4, "field": "text",
    },
}  # fmt: skip
ORIGINAL = {
    "dashscope": {"apiKey": "dk", "serviceName": "qwen", "servicePort": 443, "domain": "dashscope.aliyuncs.com"},
    "dashvector": {
        "apiKey": "vk", "collection": "default", "serviceName": "dashvector", "servicePort": 443, "domain": "vrs.host",
    },
}  # fmt: skip
INSTALL = hit("Run pip install aigw.", 0.2, id="docs/install.md#1", source="docs/install.md", lines=(3, 9))
START = hit("Then run aigw serve.", 0.5, id="docs/start.md#1", source="docs/start.md", title="Start")
FIRST = f'{NOTE}\n\n<document id="1" source="docs/install.md" lines="3-9">\nRun pip install aigw.\n</document>'
SECOND = '<document id="2" source="docs/start.md" title="Start">\nThen run aigw serve.\n</document>'
QUESTION = "How do I install it?"
ASKED = "Now answer this question:\n" + QUESTION
MAY_HELP = "\nThe documents above may help; use them if they do. Now answer this question:\n"
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {}}}]


def user(text: str = QUESTION) -> dict[str, Any]:
    return {"role": "user", "content": text}


def chat(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(messages) or [user()], **more}


async def ask(
    retrieval: FakeRetrieval, body: Any, config: Mapping[str, Any] = LOCAL, path: str = "/v1/chat/completions"
) -> tuple[Any, Any]:
    """The answer, and the body that went upstream."""
    async with world({"ai-rag": config}, standins=STANDINS, retrieval=retrieval) as it:
        seen = await it.ask(body, path=path)
        return seen, json.loads(it.sent.body)


VECTOR = answer_json({"output": {"embeddings": [{"embedding": [0.1, 0.2]}]}})
FOUND = answer_json({"code": 0, "output": [
    {"id": "d1", "score": 0.2, "fields": {"text": "T1", "raw": "R1"}},
    {"id": "d2", "score": 0.4, "fields": {"text": "T2", "raw": "R2"}},
    {"id": "d3", "score": 0.5, "fields": {"text": "T3", "raw": "R3"}},
    {"id": "d4", "score": 0.1, "fields": {}},
]})  # fmt: skip
MAPPED = {"ds.dns": "http://127.0.0.1:9001", "dv.dns": "http://127.0.0.1:9002"}
