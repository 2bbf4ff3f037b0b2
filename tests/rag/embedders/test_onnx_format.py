"""aigw/rag/embedders/onnx_format.py: what it writes, onnxruntime computes."""

import struct

import numpy as np
import onnxruntime
import pytest

from aigw.rag.embedders.onnx_format import FLOAT, INT64, constant, external, model, node


def run(nodes, tensors, values, options=None):
    written = model(nodes, tensors, {"x": (INT64, ["rows", "columns"])}, {"y": (FLOAT, ["rows", "columns"])})
    session = onnxruntime.InferenceSession(written, options, providers=["CPUExecutionProvider"])
    return session.run(["y"], {"x": np.array(values, np.int64)})[0]


def test_an_operation_with_attributes_and_a_constant():
    nodes = [
        node("Cast", ["x"], "floats", to=1),
        node("Transpose", ["floats"], "turned", perm=[1, 0]),
        node("Add", ["turned", "half"], "more"),
        node("Elu", ["more"], "y", alpha=2.0),
    ]
    result = run(nodes, [constant("half", [0.5], [])], [[1, 2, 300], [4, -5, 6]])
    expected = np.array([[1.5, 4.5], [2.5, 2 * (np.exp(-4.5) - 1)], [300.5, 6.5]])
    np.testing.assert_allclose(result, expected, rtol=1e-5)


@pytest.mark.parametrize("shift", [0, -1, 127, 128, -(2**40), 2**62])
def test_integers_of_any_size(shift):
    nodes = [
        node("Add", ["x", "shift"], "moved"),
        node("Sub", ["moved", "shift"], "back"),
        node("Cast", ["back"], "y", to=1),
    ]
    assert run(nodes, [constant("shift", [shift])], [[1, 2]]).tolist() == [[1.0, 2.0]]


def test_numbers_in_another_file(tmp_path):
    (tmp_path / "weights").write_bytes(b"head" * 4 + struct.pack("<4f", 1, 2, 3, 4))
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(tmp_path))
    nodes = [node("Cast", ["x"], "floats", to=1), node("MatMul", ["floats", "w"], "y")]
    assert run(nodes, [external("w", [2, 2], "weights", 16, 16)], [[1, 10]], options).tolist() == [[31.0, 42.0]]
