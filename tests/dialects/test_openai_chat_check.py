"""What OpenAI's APIs insist on, with the place of the mistake as `param`."""

import json

import pytest
from any_json import fields
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.errors import GatewayError
from aigw.dialects import apis
from aigw.dialects.openai_chat_check import check

HI = [{"role": "user", "content": "hi"}]
TOOL = {"type": "function", "function": {"name": "find"}}


@pytest.mark.parametrize(
    ("api", "body"),
    [
        (apis.CHAT, {"model": "m", "messages": HI}),
        (apis.CHAT, {"model": "m", "messages": HI, "n": None, "stream": None, "unknown": [1]}),
        (apis.CHAT, {"model": "m", "messages": HI, "tools": [TOOL], "tool_choice": TOOL}),
        (apis.CHAT, {"model": "m", "messages": HI, "tool_choice": "auto"}),
        (apis.COMPLETIONS, {"model": "m", "prompt": ["a", "b"]}),
        (apis.EMBEDDINGS, {"model": "m", "input": [[1, 2], [3]]}),
        (apis.EMBEDDINGS, {"model": "m", "input": "a", "encoding_format": "base64", "dimensions": 8}),
    ],
)
def test_what_is_right(api, body):
    check(api, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("api", "body", "param", "code"),
    [
        (apis.CHAT, {"messages": HI}, "model", "missing_required_parameter"),
        (apis.CHAT, {"model": "m"}, "messages", "missing_required_parameter"),
        (apis.CHAT, {"model": 5, "messages": HI}, "model", "invalid_value"),
        (apis.CHAT, {"model": "m", "messages": []}, "messages", "invalid_value"),
        (apis.CHAT, {"model": "m", "messages": ["hi"]}, "messages[0]", "invalid_value"),
        (apis.CHAT, {"model": "m", "messages": [*HI, {"content": "x"}]}, "messages[1].role", "missing_required_parameter"),
        (apis.CHAT, {"model": "m", "messages": HI, "n": 129}, "n", "invalid_value"),
        (apis.CHAT, {"model": "m", "messages": HI, "max_tokens": 0}, "max_tokens", "invalid_value"),
        (apis.CHAT, {"model": "m", "messages": HI, "tools": [{"function": {}}]}, "tools[0].function.name", "missing_required_parameter"),
        (apis.CHAT, {"model": "m", "messages": HI, "tool_choice": TOOL}, "tool_choice", "invalid_value"),
        (apis.CHAT, {"model": "m", "messages": HI, "tools": [TOOL], "tool_choice": {"type": "function"}}, "tool_choice", "invalid_value"),
        (apis.COMPLETIONS, {"model": "m", "prompt": []}, "prompt", "invalid_value"),
        (apis.EMBEDDINGS, {"model": "m", "input": "a", "encoding_format": "hex"}, "encoding_format", "invalid_value"),
        (apis.EMBEDDINGS, [], None, "invalid_value"),
    ],
)  # fmt: skip
def test_what_is_wrong_has_a_place(api, body, param, code):
    with pytest.raises(GatewayError) as caught:
        check(api, json.dumps(body).encode())
    error = caught.value
    assert (error.status, error.param, error.code, error.kind) == (400, param, code, "invalid_request_error")
    assert "`" not in error.message and "$" not in error.message
    assert param is None or param in error.message


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a":' * 100_000])
def test_what_is_no_json(body):
    with pytest.raises(GatewayError, match="could not parse the JSON body"):
        check(apis.CHAT, body)


@given(
    fields(
        model=st.text(),
        messages=st.lists(fields(role=st.text()), min_size=1),
        tools=st.lists(fields()),
        tool_choice=fields(),
    )
)
def test_any_json_is_right_or_refused_in_words(body):
    try:
        check(apis.CHAT, json.dumps(body).encode())
    except GatewayError as error:
        assert error.status == 400
        assert error.message
    else:
        assert isinstance(body["model"], str)
        assert all(isinstance(message["role"], str) for message in body["messages"])
