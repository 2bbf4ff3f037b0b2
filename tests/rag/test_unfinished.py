"""An ingest that was stopped embeds nothing again that it has embedded."""

import os

import numpy as np
import pytest
from small_embedder import DIMENSION, SmallEmbedder

from aigw.core.retrieval import CollectionInfo
from aigw.rag.unfinished import UnfinishedVectors

TEXTS = [f"text {number}" for number in range(5)]
INFO = CollectionInfo("docs", DIMENSION, "small")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state/rag-unfinished/docs"


@pytest.fixture
async def vectors():
    return await SmallEmbedder().embed(TEXTS, "passage")


def taken(path, info=INFO):
    found = UnfinishedVectors(path, info).take(["other", *TEXTS])
    return {place: vector.tolist() for place, vector in found.items()}


async def test_what_was_kept_is_found_by_the_text(path, vectors):
    kept = UnfinishedVectors(path, INFO)
    kept.add(TEXTS[:2], vectors[:2])
    kept.add(TEXTS[2:3], vectors[2:3])
    assert taken(path) == {place + 1: vectors[place].tolist() for place in range(3)}
    assert path.stat().st_mode & 0o077 == 0


async def test_what_is_half_written_does_not_count_and_more_can_be_added(path, vectors):
    UnfinishedVectors(path, INFO).add(TEXTS, vectors)
    whole = path.read_bytes()
    row = (len(whole) - 16) // 5
    for cut in (0, 7, 16, 17, 16 + row, 16 + row + 9, len(whole) - 1):
        path.write_bytes(whole[:cut])
        count = max(cut - 16, 0) // row
        kept = UnfinishedVectors(path, INFO)
        assert list(kept.take(TEXTS)) == list(range(count))
        kept.add(TEXTS[4:], vectors[4:])
        assert list(taken(path)) == [*range(1, count + 1), 5]


async def test_those_of_another_embedder_are_not_taken(path, vectors):
    UnfinishedVectors(path, INFO).add(TEXTS, vectors)
    assert taken(path, INFO._replace(embedder="other")) == {}
    assert not path.stat().st_size


async def test_what_is_no_vector_is_not_taken(path, vectors):
    """The system crashed before all was on the disk."""
    vectors[1] = 0
    vectors[2] = np.nan
    UnfinishedVectors(path, INFO).add(TEXTS, vectors)
    assert list(taken(path)) == [1, 4, 5]


async def test_it_is_cleared_when_nobody_wants_more_of_it(path, vectors):
    UnfinishedVectors(path, INFO).add(TEXTS, vectors)
    kept = UnfinishedVectors(path, INFO)
    kept.take(TEXTS[:4])
    kept.clear()
    assert path.exists()
    kept.take(TEXTS[4:])
    kept.clear()
    assert not path.exists()
    kept.clear(everything=True)


@pytest.mark.skipif(os.name != "posix", reason="a link")
async def test_a_file_that_cannot_be_used_stops_nobody(path, vectors, caplog):
    path.parent.mkdir(parents=True)
    path.symlink_to("/etc/passwd")
    kept = UnfinishedVectors(path, INFO)
    assert kept.take(TEXTS) == {}
    kept.add(TEXTS, vectors)
    assert caplog.text.count("begins its source anew") == 1
