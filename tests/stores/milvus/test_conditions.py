"""Conditions as filters of Milvus: their text here; what they find is in the contract of all collections."""

import pytest

from aigw.core.retrieval import Both, Comparison, RetrievalError
from aigw.stores.milvus.conditions import clause


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Comparison("age", "=", 3), '(fields["age"] == 3)'),
        (Comparison("age", "!=", 3.5), '(exists fields["age"] and fields["age"] != 3.5)'),
        (Comparison("ok", "=", True), '(fields["ok"] == true)'),
        (
            Comparison('a"] == 1 or key["', "=", 'x" or key > 0 or "'),
            '(fields["a\\"] == 1 or key[\\""] == "x\\" or key > 0 or \\"")',
        ),
        (Comparison("name", "in", []), "(key < 0)"),
        (Comparison("name", "in", ["a", 1]), '(fields["name"] == "a" or fields["name"] == 1)'),
        (Both(()), "(key >= 0)"),
        (Both((), every=False), "(key < 0)"),
        (
            Both((Comparison("a", "<", 1), Both((Comparison("b", ">=", 2),))), every=False),
            '((fields["a"] < 1) or ((fields["b"] >= 2)))',
        ),
    ],
)
def test_what_is_written(condition, text):
    assert clause(condition) == text


@pytest.mark.parametrize(
    "condition",
    [
        Comparison("age", "=", float("nan")),
        Comparison("age", "=", None),
        Comparison("age", "like", 3),
        Comparison("age", "=", "a\nb"),
        Comparison("a\\", "=", "b"),
        Comparison("age", "=", "\\"),
    ],
)
def test_what_cannot_be_compared(condition):
    with pytest.raises(RetrievalError, match="a filter"):
        clause(condition)
