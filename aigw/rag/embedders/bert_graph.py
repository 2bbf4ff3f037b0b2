"""BERT as a graph of ONNX: from tokens to one vector of length 1 for each text. No I/O but reading the head of a file.

The weights stay where they are: in a file of safetensors, which the runtime maps into memory, or with who gives them to
the runtime. Nothing is exported."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from aigw.rag.embedders.onnx_format import FLOAT, INT64, Axes, constant, external, model, node

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EPSILON = 1e-12
IDS, HIDDEN, MASK, VECTORS = "ids", "hidden", "mask", "vectors"
"""Names of the inputs and the output."""

Weights = dict[str, "NDArray[np.float32]"]
"""Weights by the names that BERT's parts have in transformers."""


class Sizes(NamedTuple):
    hidden: int
    heads: int
    layers: int


MINILM = Sizes(384, 12, 6)


class Place(NamedTuple):
    """Where the numbers of a tensor are in a file."""

    shape: list[int]
    start: int
    length: int


def bert(weights: Path) -> bytes:
    """MiniLM, whose weights are in this file of safetensors. It takes the numbers of tokens (`ids`), and which of them
    are there (`mask`)."""
    there = {
        name: external(name, place.shape, weights.name, place.start, place.length)
        for name, place in places(weights).items()
    }
    graph = _Graph(MINILM, there)
    return graph.whole(graph.embedded(), {IDS: (INT64, ["texts", "tokens"])})


def bert_of_hidden(sizes: Sizes, weights: Weights) -> bytes:
    """A model whose weights are given to the runtime. It takes what is known of each token and its place (`hidden`),
    and which of them are there (`mask`)."""
    there = {name: external(name, each.shape, "given", 0, each.nbytes) for name, each in weights.items()}
    return _Graph(sizes, there).whole(HIDDEN, {HIDDEN: (FLOAT, ["texts", "tokens", "hidden"])})


def places(weights: Path) -> dict[str, Place]:
    """Returns where each tensor is in a file of safetensors. Such a file has the length of a JSON, the JSON, and the
    numbers."""
    with weights.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        head: dict[str, dict[str, Any]] = msgspec.json.decode(file.read(length))
    rows = {name: row for name, row in head.items() if row.get("dtype") == "F32"}
    ends = {name: row["data_offsets"] for name, row in rows.items()}
    return {
        name: Place(row["shape"], 8 + length + ends[name][0], ends[name][1] - ends[name][0])
        for name, row in rows.items()
    }


class _Graph:
    """Nodes are added one after another; each method returns the name of what it has computed. `weights` are tensors by
    their names."""

    def __init__(self, sizes: Sizes, weights: Mapping[str, bytes]) -> None:
        self._sizes = sizes
        self._weights = weights
        self._nodes: list[bytes] = []
        self._tensors: dict[str, bytes] = {}

    def whole(self, hidden: str, inputs: Mapping[str, Axes]) -> bytes:
        hidden = self._normed("embeddings.LayerNorm", hidden)
        mask = self._op("Cast", MASK, to=FLOAT)
        # 0 where there is a token, and so little where there is none that softmax makes 0 of it
        absent = self._op("Mul", self._op("Sub", mask, self._floats(1.0)), self._floats(10_000.0))
        absent = self._op("Unsqueeze", absent, self._ints(1, 2))
        for layer in range(self._sizes.layers):
            hidden = self._layer(f"encoder.layer.{layer}.", hidden, absent)
        self._pooled(hidden, mask)
        mask_too = {**inputs, MASK: (INT64, ["texts", "tokens"])}
        return model(self._nodes, self._tensors.values(), mask_too, {VECTORS: (FLOAT, ["texts", "hidden"])})

    def embedded(self) -> str:
        words = self._op("Gather", self._weight("embeddings.word_embeddings.weight"), IDS)
        tokens = self._op("Slice", self._op("Shape", IDS), self._ints(1), self._ints(2))
        places = self._op(
            "Slice", self._weight("embeddings.position_embeddings.weight"), self._ints(0), tokens, self._ints(0)
        )
        kinds = self._op("Gather", self._weight("embeddings.token_type_embeddings.weight"), self._ints(0))
        return self._op("Add", self._op("Add", words, places), kinds)

    def _layer(self, name: str, hidden: str, absent: str) -> str:
        query, key, value = (
            self._heads(self._dense(f"{name}attention.self.{part}", hidden)) for part in ("query", "key", "value")
        )
        query = self._op("Div", query, self._floats((self._sizes.hidden / self._sizes.heads) ** 0.5))
        scores = self._op("MatMul", query, self._op("Transpose", key, perm=[0, 1, 3, 2]))
        shares = self._op("Softmax", self._op("Add", scores, absent), axis=-1)
        seen = self._op("Transpose", self._op("MatMul", shares, value), perm=[0, 2, 1, 3])
        seen = self._op("Reshape", seen, self._ints(0, 0, self._sizes.hidden))
        seen = self._dense(f"{name}attention.output.dense", seen)
        hidden = self._normed(f"{name}attention.output.LayerNorm", self._op("Add", seen, hidden))
        wide = self._gelu(self._dense(f"{name}intermediate.dense", hidden))
        thought = self._dense(f"{name}output.dense", wide)
        return self._normed(f"{name}output.LayerNorm", self._op("Add", thought, hidden))

    def _pooled(self, hidden: str, mask: str) -> None:
        """The sum over the tokens of a text, with the length 1: as their mean would have it."""
        kept = self._op("Mul", hidden, self._op("Unsqueeze", mask, self._ints(2)))
        total = self._op("Squeeze", self._op("ReduceSum", kept, self._ints(1)), self._ints(1))
        self._nodes.append(node("LpNormalization", [total], VECTORS, axis=1, p=2))

    def _heads(self, hidden: str) -> str:
        heads = self._sizes.heads
        split = self._op("Reshape", hidden, self._ints(0, 0, heads, self._sizes.hidden // heads))
        return self._op("Transpose", split, perm=[0, 2, 1, 3])

    def _dense(self, name: str, hidden: str) -> str:
        by = self._op("Transpose", self._weight(f"{name}.weight"), perm=[1, 0])
        return self._op("Add", self._op("MatMul", hidden, by), self._weight(f"{name}.bias"))

    def _normed(self, name: str, hidden: str) -> str:
        scale, shift = self._weight(f"{name}.weight"), self._weight(f"{name}.bias")
        return self._op("LayerNormalization", hidden, scale, shift, axis=-1, epsilon=EPSILON)

    def _gelu(self, hidden: str) -> str:
        error = self._op("Erf", self._op("Div", hidden, self._floats(2**0.5)))
        half = self._op("Mul", hidden, self._op("Add", error, self._floats(1.0)))
        return self._op("Mul", half, self._floats(0.5))

    def _op(self, kind: str, *inputs: str, **attributes: float | int | list[int]) -> str:
        output = f"{kind}_{len(self._nodes)}"
        self._nodes.append(node(kind, inputs, output, **attributes))
        return output

    def _weight(self, name: str) -> str:
        self._tensors[name] = self._weights[name]
        return name

    def _ints(self, *values: int) -> str:
        name = f"ints_{'_'.join(map(str, values))}"
        self._tensors[name] = constant(name, values)
        return name

    def _floats(self, value: float) -> str:
        name = f"float_{value}"
        self._tensors[name] = constant(name, [value], [])
        return name
