import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.retrieval import CollectionInfo, Passage, RetrievalError, Source
from aigw.stores.milvus import rows
from aigw.stores.milvus.rows import Identity

IDENTITY = Identity(CollectionInfo("docs", 4, "e5", "euclidean", {"age": "int"}), "salt")
VECTOR = np.ones(4, np.float32)


@given(st.text("abzAZ09_-.", min_size=1, max_size=64))
def test_a_name_comes_back_from_milvus(name):
    table = rows.table_name(name)
    assert table.replace("_", "").isalnum()
    assert table.isascii()
    assert len(table) <= 255
    assert rows.collection_name(table) == name


@pytest.mark.parametrize("table", ["others", "aigw_a_b", "aigw_x_4", "aigw_é"])
def test_what_is_none_of_ours(table):
    assert rows.collection_name(table) is None


def test_what_a_collection_is_comes_back():
    assert rows.identity_of("docs", {rows.PROPERTY: rows.described(IDENTITY)}) == IDENTITY


@pytest.mark.parametrize("properties", [{}, {"aigw": "{"}, {"aigw": "{}"}, {"aigw": "3"}, {"aigw": '{"format": 99}'}])
def test_what_somebody_else_wrote(properties):
    with pytest.raises(RetrievalError, match=r"aigw_docs.*drop it"):
        rows.identity_of("docs", properties)


@pytest.mark.parametrize(
    "passage",
    [
        Passage("a", "text"),
        Passage("a1", "文本", "a.md", "Guide > Install", (3, 9), 2, {"n": 1, "x": "y", "f": 0.5, "ok": True}, "right"),
    ],
)
def test_a_passage_comes_back(passage):
    assert rows.passage_of(rows.passage_row(IDENTITY, passage, VECTOR, 0, 7)) == passage


def test_a_source_comes_back():
    source = Source("a.md", "digest", 10, "Title", 3, 5.5)
    assert rows.source_of(rows.source_row(IDENTITY, source, 7)) == source


def test_only_rows_of_sources_have_keys_of_their_own():
    passage = Passage("a", "text", "a.md")
    keys = {rows.passage_row(IDENTITY, passage, VECTOR, 0, 7)["key"] for _ in range(3)}
    assert len(keys) == 3
    assert rows.passage_row(IDENTITY, passage, VECTOR, 0, 0)["key"] == IDENTITY.place("default", "a")


def test_another_collection_has_other_numbers():
    assert IDENTITY.origin("a") != IDENTITY._replace(salt="other").origin("a")
    assert IDENTITY.place("a", "b\0c") != IDENTITY.place("a\0b", "c")


@pytest.mark.parametrize(
    "passage",
    [
        Passage("a", "文" * 22_000),
        Passage("a", "text", title="x" * 70_000),
        Passage("a", "text", fields={"x": "y" * 70_000}),
        Passage("a", "text", fields={"x": float("nan")}),
        Passage("a", "text", fields={"x": {1}}),
    ],
)
def test_what_milvus_does_not_keep(passage):
    with pytest.raises(RetrievalError, match="the passage a "):
        rows.passage_row(IDENTITY, passage, VECTOR, 0, 0)


@given(st.lists(st.integers(0, 300)), st.integers(1, 5000))
def test_batches_have_all_rows_in_order(lengths, most):
    some = [{"text": "x" * length, "vector": VECTOR} for length in lengths]
    found = rows.batches(some, most)
    assert [row for batch in found for row in batch] == some
    assert all(found)
