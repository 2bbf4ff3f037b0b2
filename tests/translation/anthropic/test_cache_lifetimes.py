"""A request in Anthropic's own format for a provider that has no lifetimes of cache marks (BerriAI/litellm#38790)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.document import Document
from aigw.translation.anthropic.cache_lifetimes import drop_lifetimes

LONG, SHORT = '{"type":"ephemeral","ttl":"1h"}', '{"type":"ephemeral"}'


def dropped(body):
    document = Document(body.encode())
    drop_lifetimes(document)
    return document.encode().decode()


@pytest.mark.parametrize(
    "body",
    [
        '{"cache_control":%s,"model":"m"}',
        '{"system":[{"type":"text","text":"a","cache_control":%s}]}',
        '{"tools":[{"name":"f","input_schema":{ },"cache_control":%s}]}',
        '{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b","cache_control":%s}]}]}',
        '{"messages":[{"content":[{"type":"tool_result","content":[{"type":"text","text":"a","cache_control":%s}]}]}]}',
    ],
)
def test_the_lifetime_goes_and_the_mark_stays(body):
    assert dropped(body % LONG) == body % SHORT


@pytest.mark.parametrize(
    "body",
    [
        '{"cache_control" : {"type":"ephemeral"}, "messages":[]}',
        '{"messages":[{"content":[{"type":"tool_use","input":{"cache_control":%s}}]}]}',
        '{"tools":[{"name":"f","input_schema":{"properties":{"cache_control":%s}}}]}',
        '{"messages":[{"content":"\\"ttl\\""}],"system":"a"}',
        '{"messages":7,"system":{"ttl":1},"cache_control":"ttl","tools":["ttl",7]}',
    ],
)
def test_all_else_stays(body):
    body = body.replace("%s", LONG)
    assert dropped(body) == body


values = st.recursive(
    st.none() | st.integers(0, 9) | st.sampled_from(["ttl", "1h", "tool_result"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["ttl", "cache_control", "type", "content", "messages", "system", "tools", "input"]), inner
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["messages", "system", "tools", "cache_control", "ttl"]), values))
def test_any_body_is_left_valid_and_once_is_enough(body):
    once = dropped(json.dumps(body))
    json.loads(once)
    assert dropped(once) == once
