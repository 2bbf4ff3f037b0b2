"""Changes between JSON values: applied one after the other they turn the old into the new, and they are few."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigw.core.difference import MAX_DEPTH, MAX_PAIRS, Change, changes

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
keys = st.sampled_from(["a", "b", "c", "", "0"])
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=4), max_leaves=25
)


def applied(value, found):
    box = [copy.deepcopy(value)]
    for change in found:
        *above, last = (0, *change.path)
        place = box
        for step in above:
            place = place[step]
        if change.op == "add":
            place.insert(last, change.new) if isinstance(place, list) else place.update({last: change.new})
        else:
            assert written(place[last]) == written(change.old)
            if change.op == "remove":
                del place[last]
            else:
                place[last] = change.new
    return box[0]


def written(value):
    return json.dumps(value, sort_keys=True)


@given(values, values)
@settings(max_examples=300, deadline=None)
def test_the_changes_turn_the_old_into_the_new(old, new):
    assert written(applied(old, changes(old, new))) == written(new)


@given(st.lists(values, max_size=6), st.data())
@settings(max_examples=200, deadline=None)
def test_a_few_edits_of_a_list(old, data):
    new = list(old)
    for _ in range(data.draw(st.integers(0, 3))):
        new.insert(data.draw(st.integers(0, len(new))), data.draw(values))
    assert written(applied(old, changes(old, new))) == written(new)
    assert [each.op for each in changes(old, new)] == ["add"] * (len(new) - len(old))


@given(values)
def test_the_same_has_no_changes(value):
    assert list(changes(value, copy.deepcopy(value))) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"a": 1}, {"a": 1.0}, [Change("replace", ("a",), 1, 1.0)]),
        ({"a": 1}, {"a": True}, [Change("replace", ("a",), 1, True)]),
        ([1], {"a": 1}, [Change("replace", (), [1], {"a": 1})]),
        (
            {"messages": [{"role": "user", "content": "a"}], "model": "x"},
            {"messages": [{"role": "system"}, {"role": "user", "content": "a"}, {"role": "end"}], "model": "y"},
            [
                Change("add", ("messages", 0), None, {"role": "system"}),
                Change("add", ("messages", 2), None, {"role": "end"}),
                Change("replace", ("model",), "x", "y"),
            ],
        ),
        ([{"a": 1, "b": 1}, 5], [{"a": 1, "b": 2}], [Change("replace", (0, "b"), 1, 2), Change("remove", (1,), 5)]),
    ],
)
def test_what_is_said(old, new, expected):
    assert list(changes(old, new)) == expected


def test_long_lists_are_compared_place_by_place():
    size = int(MAX_PAIRS**0.5) + 1
    old, new = list(range(size)), list(range(1, size + 1))
    assert len(list(changes(old, new))) == size
    assert applied(old, changes(old, new)) == new


def test_what_is_nested_deeply_is_compared_as_a_whole():
    old, new = 1, 2
    for _ in range(MAX_DEPTH + 5):
        old, new = [old], [new]
    (change,) = changes(old, new)
    assert len(change.path) == MAX_DEPTH
