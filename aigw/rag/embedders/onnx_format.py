"""Writes models in the format of ONNX, as far as aigw needs it: nodes, and tensors whose numbers may stay in a file.

It is protobuf written by hand, because the package `onnx` wants another protobuf than DashVector's SDK. No I/O."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

FLOAT, INT64 = 1, 7
"""Types of numbers in a tensor."""
Axes = tuple[int, list[str]]
"""The type of a tensor, and the names of its dimensions."""
_IR_VERSION = 8
_OPSET = 17
"""The version of ONNX's operators: the first one with LayerNormalization."""
_EXTERNAL = 1


def node(kind: str, inputs: Sequence[str], output: str, **attributes: float | int | list[int]) -> bytes:
    """An operation. `kind` is its name in ONNX. The output names it, too."""
    made = [_field(1, name) for name in inputs]
    made += [_field(2, output), _field(3, output), _field(4, kind)]
    made += [_field(5, _attribute(name, value)) for name, value in attributes.items()]
    return b"".join(made)


def constant(name: str, values: Sequence[int] | Sequence[float], shape: Sequence[int] | None = None) -> bytes:
    """A tensor of a few numbers: integers, or floats if the first one is a float."""
    floats = bool(values) and isinstance(values[0], float)
    raw = struct.pack(f"<{len(values)}{'f' if floats else 'q'}", *values)
    return _tensor(name, FLOAT if floats else INT64, [len(values)] if shape is None else shape) + _field(9, raw)


def external(name: str, shape: Sequence[int], file: str, offset: int, length: int) -> bytes:
    """A tensor of floats that begins at `offset` of a file."""
    places = {"location": file, "offset": str(offset), "length": str(length)}
    entries = b"".join(_field(13, _field(1, key) + _field(2, value)) for key, value in places.items())
    return _tensor(name, FLOAT, shape) + entries + _field(14, _EXTERNAL)


def model(
    nodes: Iterable[bytes], tensors: Iterable[bytes], inputs: Mapping[str, Axes], outputs: Mapping[str, Axes]
) -> bytes:
    """A whole model, by its operations, the tensors that it has, and those that it takes and gives."""
    graph = b"".join(_field(1, each) for each in nodes) + _field(2, "graph")
    graph += b"".join(_field(5, each) for each in tensors)
    graph += b"".join(_field(11, _value(name, *axes)) for name, axes in inputs.items())
    graph += b"".join(_field(12, _value(name, *axes)) for name, axes in outputs.items())
    return _field(1, _IR_VERSION) + _field(7, graph) + _field(8, _field(2, _OPSET))


def _attribute(name: str, value: float | int | list[int]) -> bytes:
    match value:
        case float():
            return _field(1, name) + _field(2, value) + _field(20, 1)
        case int():
            return _field(1, name) + _field(3, value) + _field(20, 2)
        case _:
            return _field(1, name) + b"".join(_field(8, each) for each in value) + _field(20, 7)


def _tensor(name: str, kind: int, shape: Sequence[int]) -> bytes:
    return b"".join(_field(1, size) for size in shape) + _field(2, kind) + _field(8, name)


def _value(name: str, kind: int, dimensions: list[str]) -> bytes:
    shape = b"".join(_field(1, _field(2, each)) for each in dimensions)
    return _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, shape)))


def _field(number: int, value: Any) -> bytes:
    """A field of protobuf: an integer, a float of 32 bits, or bytes with their length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value & (2**64 - 1))
    if isinstance(value, float):
        return _varint(number << 3 | 5) + struct.pack("<f", value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)
