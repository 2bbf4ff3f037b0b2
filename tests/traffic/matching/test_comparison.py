"""What counts as a difference of two requests, and how much of two values is alike."""

import time

import pytest
from any_json import anything
from hypothesis import given, settings
from hypothesis import strategies as st

from aigw.traffic.matching.comparison import changed, likeness, place_of


def test_a_number_that_shifted_is_no_difference():
    old = {"body": {"a": "<uuid 1>", "b": "x <path 2>", "c": 1}}
    new = {"body": {"a": "<uuid 2>", "b": "x <path 3>", "c": 2}}
    assert [each.path for each in changed(old, new)] == [("body", "c")]


def test_it_is_one_where_there_is_no_other():
    (change,) = changed({"body": ["<uuid 1>", "<uuid 1>"]}, {"body": ["<uuid 1>", "<uuid 2>"]})
    assert change.path == ("body", 1)


@pytest.mark.parametrize(
    ("path", "place"),
    [(("body", "a", 0), ("a", 0)), (("form", "file", "sha256"), ("file", "sha256")), (("query", "a"), ("query", "a")),
     (("sha256",), ("body",)), (("text",), ("body",)), (("path",), ("path",))],
)  # fmt: skip
def test_places(path, place):
    assert place_of(path) == place


def test_what_is_more_alike():
    turns = [{"role": "user", "content": f"question number {n}"} for n in range(20)]
    asked = {"model": "m", "messages": turns[:8]}
    order = [
        {"model": "m", "messages": [*turns[:7], {"role": "user", "content": "question number 7?"}]},
        {"model": "m", "messages": [{"role": "user", "content": "other"}, *turns[1:8]]},
        {"model": "m", "messages": turns[:6]},
        {"model": "m", "messages": turns},
        {"model": "m", "messages": [{"role": "user", "content": "other"}]},
        {"prompt": "question number 7"},
    ]
    found = [likeness(each, asked) for each in order]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == len(found)


@given(anything, anything)
@settings(deadline=None)
def test_likeness_is_between_0_and_1(one, other):
    assert 0 <= likeness(one, other) <= 1
    assert likeness(one, one) == 1


@given(st.text(st.sampled_from("ab"), max_size=9), st.text(st.sampled_from("ab"), max_size=9))
def test_likeness_of_texts_goes_both_ways(one, other):
    assert likeness(one, other) == likeness(other, one)


def test_what_is_nested_deeply():
    one, other = 1, 2
    for _ in range(300):
        one, other = [one], [other]
    assert likeness(one, other) == 0


def test_it_takes_little_time():
    one, other = ({"a": [["x" * 100_000, n] * 50 + [word * 10_000] * 50]} for n, word in ((1, "ab"), (2, "ac")))
    begun = time.process_time()
    assert likeness(one, other) < 1
    assert time.process_time() - begun < 0.5
