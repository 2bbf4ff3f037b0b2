"""BERT as a graph of ONNX: from the numbers of tokens to one vector of length 1 for each text.

The weights stay in the file of safetensors, which the runtime maps into memory: nothing is exported or copied. No I/O
but reading the head of that file."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from aigw.rag.embedders.onnx_format import constant, external, model, node

HIDDEN, HEADS, LAYERS = 384, 12, 6
"""The sizes of all-MiniLM-L6-v2."""
EPSILON = 1e-12
IDS, MASK, VECTORS = "ids", "mask", "vectors"
"""Names of the inputs and the output."""


class _Weight(NamedTuple):
    shape: list[int]
    start: int
    length: int


def bert(weights: Path) -> bytes:
    """The model whose weights are in this file. It takes `ids` and `mask`, both of integers, [texts, tokens], and gives
    `vectors`, [texts, HIDDEN]."""
    return _Graph(weights.name, _head(weights)).whole()


def _head(weights: Path) -> dict[str, _Weight]:
    """What is where in a file of safetensors: the length of a JSON, the JSON, and the numbers."""
    with weights.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        head: dict[str, dict[str, Any]] = msgspec.json.decode(file.read(length))
    tensors = {name: row for name, row in head.items() if row.get("dtype") == "F32"}
    places = {name: row["data_offsets"] for name, row in tensors.items()}
    return {
        name: _Weight(row["shape"], 8 + length + places[name][0], places[name][1] - places[name][0])
        for name, row in tensors.items()
    }


class _Graph:
    """Nodes are added one after another; each method returns the name of what it has computed."""

    def __init__(self, file: str, weights: dict[str, _Weight]) -> None:
        self._file = file
        self._weights = weights
        self._nodes: list[bytes] = []
        self._tensors: dict[str, bytes] = {}

    def whole(self) -> bytes:
        hidden = self._embedded()
        mask = self._op("Cast", MASK, to=1)
        # 0 where there is a token, and so little where there is none that softmax makes 0 of it
        absent = self._op("Mul", self._op("Sub", mask, self._floats(1.0)), self._floats(10_000.0))
        absent = self._op("Unsqueeze", absent, self._ints(1, 2))
        for layer in range(LAYERS):
            hidden = self._layer(f"encoder.layer.{layer}.", hidden, absent)
        self._pooled(hidden, mask)
        axes = ["texts", "tokens"]
        return model(self._nodes, self._tensors.values(), {IDS: axes, MASK: axes}, {VECTORS: ["texts", "hidden"]})

    def _embedded(self) -> str:
        words = self._op("Gather", self._weight("embeddings.word_embeddings.weight"), IDS)
        tokens = self._op("Slice", self._op("Shape", IDS), self._ints(1), self._ints(2))
        places = self._op(
            "Slice", self._weight("embeddings.position_embeddings.weight"), self._ints(0), tokens, self._ints(0)
        )
        kinds = self._op("Gather", self._weight("embeddings.token_type_embeddings.weight"), self._ints(0))
        return self._normed("embeddings.LayerNorm", self._op("Add", self._op("Add", words, places), kinds))

    def _layer(self, name: str, hidden: str, absent: str) -> str:
        query, key, value = (
            self._heads(self._dense(f"{name}attention.self.{part}", hidden)) for part in ("query", "key", "value")
        )
        scores = self._op("MatMul", query, self._op("Transpose", key, perm=[0, 1, 3, 2]))
        scores = self._op("Div", scores, self._floats((HIDDEN / HEADS) ** 0.5))
        shares = self._op("Softmax", self._op("Add", scores, absent), axis=-1)
        seen = self._op("Transpose", self._op("MatMul", shares, value), perm=[0, 2, 1, 3])
        seen = self._dense(f"{name}attention.output.dense", self._op("Reshape", seen, self._ints(0, 0, HIDDEN)))
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
        split = self._op("Reshape", hidden, self._ints(0, 0, HEADS, HIDDEN // HEADS))
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
        shape, start, length = self._weights[name]
        self._tensors[name] = external(name, shape, self._file, start, length)
        return name

    def _ints(self, *values: int) -> str:
        name = f"ints_{'_'.join(map(str, values))}"
        self._tensors[name] = constant(name, values)
        return name

    def _floats(self, value: float) -> str:
        name = f"float_{value}"
        self._tensors[name] = constant(name, [value], [])
        return name
