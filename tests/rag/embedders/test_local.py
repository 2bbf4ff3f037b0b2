"""aigw/rag/embedders/local.py: batches of texts of about one length, one at a time, in a thread of their own."""

import asyncio
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.rag.embedders.local import BATCH, BATCH_CHARACTERS, LocalEmbedder, batches


class Letters:
    """A model whose vector tells the length of the text. It waits until it may go on, and says when it begins."""

    name = "letters"
    window = 100

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.threads: set[int] = set()
        self.begun = threading.Semaphore(0)
        self.may = threading.Semaphore(1_000_000)

    def dimension(self) -> int:
        return 2

    def encode(self, texts, purpose):
        self.begun.release()
        self.may.acquire()
        self.threads.add(threading.get_ident())
        self.batches.append(list(texts))
        return np.array([[len(text), purpose == "query"] for text in texts], np.float32)

    def count(self, text):
        return len(text)


@pytest.fixture
def model():
    return Letters()


async def test_rows_are_in_the_order_of_the_texts(model):
    vectors = await LocalEmbedder(model).embed(["ccc", "a", "", "bb"], "query")
    assert vectors.tolist() == [[3, 1], [1, 1], [0, 1], [2, 1]]
    assert model.batches == [["", "a", "bb", "ccc"]]


@given(st.lists(st.integers(0, 40_000)))
def test_batches_have_every_text_once_and_are_not_large(sizes):
    made = list(batches(sizes))
    assert sorted(place for batch in made for place in batch) == list(range(len(sizes)))
    in_order = [sizes[place] for batch in made for place in batch]
    assert in_order == sorted(sizes)
    for batch in made:
        assert 1 <= len(batch) <= BATCH
        assert len(batch) == 1 or sum(sizes[place] for place in batch) <= BATCH_CHARACTERS


async def test_no_texts_have_no_vectors(model):
    assert (await LocalEmbedder(model).embed([], "passage")).shape == (0, 2)
    assert model.batches == []


async def test_all_batches_are_in_one_thread_that_is_not_the_loops(model):
    embedder = LocalEmbedder(model)
    await asyncio.gather(*(embedder.embed(["text"] * (2 * BATCH + 1), "passage") for _ in range(2)))
    assert [len(batch) for batch in model.batches] == [BATCH] * 4 + [1] * 2
    assert len(model.threads) == 1
    assert threading.get_ident() not in model.threads


async def test_a_question_waits_for_one_batch_of_an_ingest(model):
    model.may = threading.Semaphore(0)
    embedder = LocalEmbedder(model)
    ingest = asyncio.create_task(embedder.embed(["passage"] * (3 * BATCH), "passage"))
    await asyncio.to_thread(model.begun.acquire)
    question = asyncio.create_task(embedder.embed(["?"], "query"))
    await asyncio.sleep(0)
    model.may.release(10)
    await asyncio.gather(ingest, question)
    assert ["?"] in model.batches[1:3]


async def test_a_cancelled_call_ends_with_its_batch(model):
    model.may = threading.Semaphore(0)
    embedder = LocalEmbedder(model)
    ingest = asyncio.create_task(embedder.embed(["passage"] * (3 * BATCH), "passage"))
    await asyncio.to_thread(model.begun.acquire)
    ingest.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ingest
    model.may.release(10)
    await embedder.embed(["next"], "passage")
    assert [len(batch) for batch in model.batches] == [BATCH, 1]


async def test_what_is_far_beyond_the_window_does_not_reach_the_model(model):
    await LocalEmbedder(model).embed(["x" * 1_000_000, "\ud800"], "passage")
    assert [[len(text) for text in batch] for batch in model.batches] == [[1, 1600]]
    assert model.batches[0][0] == "?"
