"""Texts beside the turns are found, and what is no text is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.dialects.answer_texts import MemberName
from aigw.dialects.request_texts import other_texts


def found(body, known=()):
    return [place.text for place in other_texts(body.items(), known)]


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ({"tools": [{"type": "function", "id": "x", "function": {"name": "n", "description": "d"}}]}, ["n", "d"]),
        ({"tools": [{"parameters": {"type": "object", "a b": {"default": 123456789}}}]}, ["object", "a b"]),
        ({"messages": [{"role": "user", "tool_call_id": "x", "name": "n"}]}, ["n"]),
        ({"messages": [{"content": [{"type": "tool_use", "input": {"id": "a", "n": 123456789}}]}]}, ["a", "123456789"]),
        ({"messages": [{"content": [{"type": "thinking", "thinking": "signed", "signature": "x"}]}]}, []),
        ({"messages": [{"content": [{"image_url": {"url": "data:x"}}, {"source": {"data": "x"}}]}]}, []),
        ({"input": [{"type": "reasoning", "summary": [{"text": "signed"}]}, {"type": "x_call", "code": "c"}]}, ["c"]),
        ({"mcp_servers": [{"authorization_token": "x"}], "max_tokens": 123456789, "stop": ["s"]}, ["s"]),
        ({"tools": [{"type": "mcp", "headers": {"a": "secret"}, "server_url": "u", "server_label": "l"}]}, ["l"]),
    ],
)
def test_what_is_a_text(body, texts):
    assert found(body) == texts


def test_what_is_known_is_left_out():
    assert found({"messages": [{"content": "known", "name": "n"}]}, {("messages", 0, "content")}) == ["n"]


@pytest.mark.parametrize(
    ("message", "texts"),
    [({"role": "r", "content": "known"}, []), ({"role": "r", "content": "known", "name": "n"}, ["n"]),
     ({"content": "known", "n": "b"}, ["b"])],
)  # fmt: skip
def test_of_a_message_whose_text_is_known_the_rest_is_found(message, texts):
    assert found({"messages": [message]}, {("messages", 0, "content")}) == texts


def test_only_what_a_client_writes_as_text_are_the_arguments_of_a_call():
    body = {"messages": [{"tool_calls": [{"function": {"arguments": "{}"}}, {"function": {"arguments": {"a": "b"}}}]}]}
    assert [place.is_call for place in other_texts(body.items(), ())] == [True, False]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(anything)
def test_of_whatever_is_given_each_text_is_where_its_path_leads(value):
    for place in other_texts([("a", {"input": value})], ()):
        here = {"a": {"input": value}}
        for step in place.path[:-1]:
            here = here[step]
        last = place.path[-1]
        assert place.text == (last if isinstance(last, MemberName) else str(here[last]))
