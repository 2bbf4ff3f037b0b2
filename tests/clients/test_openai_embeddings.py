"""aigw/clients/openai_embeddings.py: what is asked, and answers in any order or without vectors."""

import pytest

from aigw.clients.callout import CalloutError
from aigw.clients.openai_embeddings import embed_body, vectors_in


def test_the_length_is_named_only_where_it_is_chosen():
    assert embed_body("m", ("a", "b")) == {"model": "m", "input": ["a", "b"], "encoding_format": "float"}
    assert embed_body("m", ["a"], 256)["dimensions"] == 256


def test_vectors_are_in_the_order_of_the_texts():
    assert vectors_in({"data": [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]}) == [[1.0], [2.0]]


@pytest.mark.parametrize("answer", [None, {}, {"data": 5}, {"data": [5]}, {"data": [{"index": 0}]}, {"error": {}}])
def test_an_answer_without_vectors(answer):
    with pytest.raises(CalloutError, match="no embeddings"):
        vectors_in(answer)
