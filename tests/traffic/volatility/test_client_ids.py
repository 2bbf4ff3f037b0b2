"""Which texts of a body are ids that a client made up or passes back."""

import json

import pytest
from any_json import anything
from hypothesis import given

from aigw.traffic.volatility.client_ids import ids_in, session_in


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "tool", "tool_call_id": "an id", "content": "x"}]},
        {"messages": [{"content": [{"type": "tool_result", "tool_use_id": "an id"}]}]},
        {"input": [{"type": "function_call_output", "call_id": "an id", "output": "x"}]},
        {"contents": [{"parts": [{"functionResponse": {"name": "f", "id": "an id"}}]}]},
        {"prompt_cache_key": "an id"},
    ],
)
def test_ids(body):
    assert ids_in(body, json.dumps(body)) == {"an id"}


def test_a_session_is_an_id_and_a_user_is_none():
    claude = json.dumps({"device_id": "0" * 64, "account_uuid": "", "session_id": "1"})
    for user, ids in ((claude, {claude}), ("bob", set())):
        body = {"metadata": {"user_id": user}}
        assert ids_in(body, json.dumps(body)) == ids


@pytest.mark.parametrize("body", [{"id": "an id"}, {"functionResponse": "x"}, {"tool_call_id": 7}, ["call_id"], None])
def test_none(body):
    assert ids_in(body, json.dumps(body)) == set()


@given(anything)
def test_any_body(value):
    body = {"call_id": value, "functionResponse": {"id": value}, "user_id": value}
    assert ids_in(body, json.dumps(body)) <= {value if isinstance(value, str) else None}


SESSION = "0a1b2c3d-0000-4000-8000-00000000000f"


@pytest.mark.parametrize(
    ("user", "session"),
    [
        (json.dumps({"device_id": "0" * 64, "account_uuid": "", "session_id": SESSION}), SESSION),
        (f"user_{'0' * 64}_account__session_{SESSION}", SESSION),
        ("somebody", ""),
        ("session_of_somebody", ""),
    ],
)
def test_the_session_that_claude_code_names(user, session):
    assert session_in(json.dumps({"metadata": {"user_id": user}, "stream": True}).encode()) == session


def test_a_session_elsewhere_is_none():
    assert session_in(json.dumps({"content": f"session_{SESSION}"}).encode()) == ""
