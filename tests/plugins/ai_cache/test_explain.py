"""The stored request that is nearest to one, and where they differ."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.plugins.ai_cache.entry import Entry
from aigw.plugins.ai_cache.explain import KeyDifference, differences, nearest


def parts(**more):
    return json.dumps({"path": "/v1/chat/completions", "headers": {}, "after": {}, "body": {}} | more).encode()


def entry(created=1.0, **more):
    return Entry(
        created=created, ttl=0, api="chat", model="m", streamed=False, content_type="", body=b"", parts=parts(**more)
    )


@pytest.mark.parametrize(
    ("stored", "asked", "found"),
    [
        ({"body": {"model": "a"}}, {"body": {"model": "b"}}, [KeyDifference("body.model", "a", "b")]),
        ({"body": {"n": [1, {"x": 2}]}}, {"body": {"n": [1, {"x": 3}]}}, [KeyDifference("body.n[1].x", 2, 3)]),
        ({"headers": {"x": "1"}}, {}, [KeyDifference("headers.x", "1", None)]),
        (
            {"body": {"model": "a"}, "path": "/a"},
            {"body": {"model": "b"}, "path": "/b"},
            [KeyDifference("path", "/a", "/b"), KeyDifference("body.model", "a", "b")],
        ),
        ({"body": {"a": 1, "b": 2}}, {"body": {"b": 2, "a": 1}}, []),
    ],
)
def test_where_two_requests_differ(stored, asked, found):
    assert differences(parts(**stored), parts(**asked)) == found


def test_long_texts_are_compared_by_what_is_kept_of_them():
    (found,) = differences(parts(body={"q": "x" * 5000}), parts(body={"q": "x" * 4999 + "y"}))
    assert "5000 characters" in found.stored
    assert found.stored != found.asked


def test_the_nearest_has_the_fewest_differences_and_is_the_newest():
    asked = parts(body={"model": "m", "q": "new"})
    entries = [
        ("far", entry(9.0, body={"model": "x", "q": "y"})),
        ("old", entry(1.0, body={"model": "m", "q": "a"})),
        ("new", entry(2.0, body={"model": "m", "q": "b"})),
    ]
    found = nearest(asked, entries)
    assert (found.key, found.created) == ("new", 2.0)
    assert found.differences == [KeyDifference("body.q", "b", "new")]
    assert nearest(asked, []) is None


def test_the_same_call_of_another_run_is_nearer_than_the_call_before_it():
    """What tells why an agent's second run misses is the time in the result of its tool, not that it said more."""

    def conversation(at, *, calls):
        called = [{"role": "assistant", "tool_calls": [{"id": f"call_{at}", "name": "look"}]},
                  {"role": "tool", "tool_call_id": f"call_{at}", "content": f"at {at}"}]  # fmt: skip
        return {"messages": [{"role": "user", "content": "q"}, *called * calls]}

    entries = [
        ("same run", entry(9.0, body=conversation(2, calls=1))),
        ("same call", entry(1.0, body=conversation(1, calls=2))),
    ]
    found = nearest(parts(body=conversation(2, calls=2)), entries)
    assert found.key == "same call"


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)),
)
def test_requests_differ_where_a_field_does(stored, asked):
    found = {each.where for each in differences(parts(body=stored), parts(body=asked))}
    assert found == {f"body.{name}" for name in "abc" if stored.get(name) != asked.get(name)}
