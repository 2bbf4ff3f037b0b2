"""The texts of the passages that were put into a request, from the collections that plugins search.

Rule: what is not there any more is shown by its id alone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from aigw.core.redaction import without_secrets
from aigw.core.retrieval import RetrievalError
from aigw.server.knowledge import searched
from aigw.server.page.requests import readable
from aigw.server.page.views import Inside

_LONGEST = 20_000


async def with_texts(passages: Sequence[dict[str, Any]], inside: Inside) -> list[dict[str, Any]]:
    """`passages` have an `id` and a `score` each."""
    texts: dict[str, dict[str, Any]] = {}
    collections = inside.knowledge.collections
    if collections is None or not passages:
        return list(passages)
    for name in searched(inside.loaded):
        with suppress(RetrievalError):
            found = await (await collections.get(name)).fetch([each["id"] for each in passages])
            for id_, (passage, _) in found.items():
                told = {"source": readable(passage.source), "title": readable(passage.title)}
                texts.setdefault(id_, {**told, "text": readable(without_secrets(passage.text[:_LONGEST]))})
    return [{**each, **texts.get(each["id"], {})} for each in passages]
