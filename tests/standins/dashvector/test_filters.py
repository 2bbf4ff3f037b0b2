"""Filters are read as DashVector writes them; what is wrong is told with its place."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.retrieval import Both, Comparison
from aigw.standins.dashvector.codes import BAD_FILTER, UNSUPPORTED, DashVectorError
from aigw.standins.dashvector.filters import MOST_CONDITIONS, MOST_LETTERS, parse

A, B, C = (Comparison(name, "=", 1) for name in "abc")


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("age > 18", Comparison("age", ">", 18)),
        ("age>=-1.5e1", Comparison("age", ">=", -15.0)),
        ("age != .5", Comparison("age", "!=", 0.5)),
        ("name='Ann'", Comparison("name", "=", "Ann")),
        ('name = "it\'s"', Comparison("name", "=", "it's")),
        (r"name = 'it\'s'", Comparison("name", "=", "it's")),
        ("name = 'it''s'", Comparison("name", "=", "it's")),
        ("name = '中 (and) or'", Comparison("name", "=", "中 (and) or")),
        ("male = TRUE", Comparison("male", "=", True)),
        ("name like 'A%'", Comparison("name", "like", "A%")),
        ("name IN ('a', \"b\")", Comparison("name", "in", ("a", "b"))),
        ("age not in (1, 2)", Both((Comparison("age", "!=", 1), Comparison("age", "!=", 2)))),
        ("any-key_1 = 1", Comparison("any-key_1", "=", 1)),
        ("a=1 and b=1", Both((A, B))),
        ("a=1 or b=1 AND c=1", Both((A, Both((B, C))), every=False)),
        ("(a=1 or b=1) and c=1", Both((Both((A, B), every=False), C))),
        ("((a=1))", A),
    ],
)
def test_what_is_read(text, condition):
    assert parse(text) == condition
    assert parse(f"  {text}\n") == condition


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the name of a field in the place of its end"),
        ("age", "in like in the place of its end"),
        ("age >", "a number, true, false or a text in quotes in the place of its end"),
        ("age = old", "in quotes in the place of `old` at letter 7"),
        ("age == 1", "in quotes in the place of `=` at letter 6"),
        ("age <> 1", "in the place of `>` at letter 6"),
        ("name like 5", "a text in quotes in the place of `5`"),
        ("name like '%a%b%'", "at most 2 `%`"),
        ("name = 'open", "in the place of `'` at letter 8"),
        ("a=1 b=1", "`and`, `or` or the end in the place of `b` at letter 5"),
        ("(a=1", r"`\)` in the place of its end"),
        ("a in ()", r"in the place of `\)`"),
        ("a in 1", r"`\(` in the place of `1`"),
        ("1 = a", "the name of a field in the place of `1`"),
        ("a = 1; drop", "in the place of `;` at letter 6"),
        ("a not like 'x'", "`in` in the place of `like`"),
        ("(" * 40 + "a=1" + ")" * 40, "at most 32 open parentheses"),
        (" or ".join(["a=1"] * (MOST_CONDITIONS + 1)), f"at most {MOST_CONDITIONS} comparisons"),
        ("a" * (MOST_LETTERS + 1), f"at most {MOST_LETTERS} letters"),
    ],
)
def test_what_is_wrong(text, message):
    with pytest.raises(DashVectorError, match=message) as caught:
        parse(text)
    assert caught.value.code == BAD_FILTER


@pytest.mark.parametrize(
    "text", ["a is null", "a is not null", "not a=1", "tags contain_any ('x')", "a CONTAIN_ALL (1)"]
)
def test_what_only_dashvector_itself_has(text):
    with pytest.raises(DashVectorError, match="in a filter: this stand-in of DashVector does not support it") as caught:
        parse(text)
    assert caught.value.code == UNSUPPORTED


def test_a_field_whose_name_looks_like_a_number():
    assert parse("0E0 = 1e1") == Comparison("0E0", "=", 10.0)
    with pytest.raises(DashVectorError, match="the name of a field in the place of `1`"):
        parse("1 = 1")


names = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=8).filter(
    lambda name: not name.isdigit() and name.lower() not in ("and", "or", "in", "is", "not", "like", "contain_any")
)
values = st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9) | st.text(max_size=12)
comparisons = st.builds(Comparison, names, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), values)
conditions = st.recursive(
    comparisons,
    lambda inner: st.builds(Both, st.lists(inner, min_size=2, max_size=3).map(tuple), every=st.booleans()),
    max_leaves=12,
)


def written(condition):
    if isinstance(condition, Both):
        return "(" + (" and " if condition.every else " or ").join(map(written, condition.conditions)) + ")"
    value = condition.value
    if isinstance(value, str):
        value = "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return f"{condition.field} {condition.operator} {value}"


@given(conditions)
def test_what_was_written_is_read_again(condition):
    assert parse(written(condition)) == condition


@given(st.text(string.printable, max_size=60) | st.text("()'\"\\=<>!,. andorilk01", max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        parse(text)
    except DashVectorError as error:
        assert error.code in (BAD_FILTER, UNSUPPORTED)
