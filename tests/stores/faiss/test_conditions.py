"""Conditions on fields mean in SQL what they mean in Python."""

import fnmatch
import json
import operator
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.retrieval import Both, Comparison, RetrievalError
from aigw.stores.faiss.conditions import clause

VALUES = st.one_of(st.integers(-3, 3), st.sampled_from([0.5, -1.5]), st.booleans(), st.text("ab%_*[]?'\"Z", max_size=4))
NAMES = st.sampled_from(["a", "b", "with space", "it's", "a.b", "$", "[0]"])
FIELDS = st.dictionaries(NAMES, VALUES, max_size=4)
COMPARISONS = st.one_of(
    st.builds(Comparison, NAMES, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), VALUES),
    st.builds(Comparison, NAMES, st.just("in"), st.lists(VALUES, max_size=3)),
    st.builds(Comparison, NAMES, st.just("like"), st.text("ab%_*[]?Z", max_size=4)),
)
CONDITIONS = st.recursive(
    COMPARISONS, lambda inner: st.builds(Both, st.lists(inner, max_size=3).map(tuple), st.booleans()), max_leaves=6
)
ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def holds(condition, fields):
    if isinstance(condition, Both):
        return (all if condition.every else any)(holds(each, fields) for each in condition.conditions)
    name, sign, value = condition
    if name not in fields:
        return False
    mine = fields[name]
    if sign in "!=":
        return (mine == value) == (sign == "=")
    if sign == "in":
        return mine in value
    if sign == "like":
        pattern = value.translate({ord("["): "[[]", ord("*"): "[*]", ord("?"): "[?]", ord("%"): "*", ord("_"): "?"})
        return isinstance(mine, str) and fnmatch.fnmatchcase(mine, pattern)
    alike = isinstance(mine, str) == isinstance(value, str) and not isinstance(mine, bool)
    return alike and ORDERS[sign](mine, value)


@given(CONDITIONS, FIELDS)
def test_they_mean_the_same(condition, fields):
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE passages (fields TEXT)")
        connection.execute("INSERT INTO passages VALUES (?)", (json.dumps(fields),))
        text, bound = clause(condition)
        found = connection.execute(f"SELECT 1 FROM passages WHERE {text}", bound).fetchall()
    connection.close()
    assert bool(found) == holds(condition, fields)


@pytest.mark.parametrize(
    "condition",
    [
        Comparison("a", "; DROP TABLE passages", 1),
        Comparison('a"b', "=", 1),
        Comparison("a", "=", None),
        Comparison("a", "in", "text"),
        Comparison("a", "in", [[1]]),
        Comparison("a", "like", 3),
    ],
)
def test_what_makes_no_sense(condition):
    with pytest.raises(RetrievalError, match="a filter"):
        clause(condition)
