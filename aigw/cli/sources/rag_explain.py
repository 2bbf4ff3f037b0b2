"""Explains retrieval: what is found for a question, and the prompt that ai-rag of the configuration makes of it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from aigw.cli.sources.rag import Known
from aigw.cli.sources.template_render import RefusedError, render
from aigw.cli.sources.templates import TemplateCall
from aigw.core.retrieval import Hit
from aigw.dialects import apis
from aigw.dialects.greeting import chat_of
from aigw.server.first_call import FirstCall


class Explained(NamedTuple):
    """What was found, and the prompt. `used` are the ids of the passages in the prompt. `prompt` is None if there is
    none, and `note` says why, such as that the configuration has no ai-rag."""

    collection: str
    embedder: str
    question: str
    hits: Sequence[Hit]
    used: Sequence[str]
    prompt: Any
    note: str


async def explain(known: Known, collection: str, question: str, top: int) -> Explained:
    """Raises RetrievalError."""
    name = known.name(collection)
    hits = await known.retrieval.search(name, question, top)
    embedder = (await known.collections.get(name)).info.embedder
    prompt, used, note = await _prompt(known, question)
    if prompt is not None and known.loaded.config.fidelity == "higress":  # it pastes texts, and does not say which
        whole = json.dumps(prompt, ensure_ascii=False)
        used = [hit.passage.id for hit in hits if json.dumps(hit.passage.text, ensure_ascii=False)[1:-1] in whole]
    return Explained(name, embedder, question, hits, used, prompt, note)


async def _prompt(known: Known, question: str) -> tuple[Any, Sequence[str], str]:
    """Returns the request that would go to the provider, the ids of the passages in it, and a remark for the user."""
    if "ai-rag" not in known.loaded.plugins:
        return None, (), "The configuration has no ai-rag to make a prompt of it; `aigw recipes ai-rag` shows one."
    body = chat_of("echo", question)
    headers = {"content-type": "application/json"}
    call = TemplateCall("", apis.CHAT, FirstCall(apis.PATHS[apis.CHAT], headers, body=json.dumps(body)), body)
    try:
        found = await render(known.loaded, call, os.environ)
    except RefusedError as error:
        return None, (), f"The gateway answers this itself: {error}"
    return json.loads(found.body), found.retrieved, ""
