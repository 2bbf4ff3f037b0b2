"""An answer as `aigw ask` shows it beside its text: whole for programs, and where its passages are from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from aigw.books.usage_row import UsageRow
from aigw.cli.sources.conversation import Answered
from aigw.cli.views.rag import plain_hit, where
from aigw.core.retrieval import Hit


def data(url: str, answer: Answered, row: UsageRow | None, hits: Sequence[Hit]) -> dict[str, Any]:
    """Returns an answer as plain data, for `--json`. `answer` is the body as the client got it. Values that only the
    books have are None if `row` is."""
    told = answer.told
    return {
        "model": told.model,
        "text": answer.text,
        "tokens": msgspec.to_builtins(row.tokens if row is not None else told.tokens),
        "cost": row.cost if row is not None else None,
        "id": told.id,
        "gateway": url,
        "route": row.route if row is not None else None,
        "provider": row.provider if row is not None else None,
        "cache": row.cache if row is not None else None,
        "total_ms": row.total_ms if row is not None else None,
        **({"passages": [plain_hit(hit) for hit in hits]} if hits else {}),
        "answer": msgspec.json.decode(answer.body),
    }


def sources(hits: Sequence[Hit]) -> Iterator[str]:
    """Yields a line for each passage."""
    for number, hit in enumerate(hits, start=1):
        yield f"[{number}] {where(hit.passage)}"
