"""What Higress's log takes from a request and an answer, by path; with its gaps."""

import pytest
from any_json import fields
from fakes import chat
from hypothesis import given
from hypothesis import strategies as st

from aigw.higress.log_fields import UNKNOWN, api_of, chat_id, chat_round, is_error, model_of


@pytest.mark.parametrize(
    ("route", "api"),
    [("llm", "-"), ("a@b", "-"), ("a@b@c", "a@b@c"), ("a@b@c@d", "a@b@c"), ("@@", "@@"), ("", "-")],
)
def test_the_api_of_a_route(route, api):
    assert api_of(route) == api


@pytest.mark.parametrize(
    ("body", "path", "model"),
    [
        ({"model": "m"}, "/v1/chat/completions", "m"),
        ({"model": None}, "/v1/chat/completions", ""),
        ({"model": 5}, "/v1/chat/completions", "5"),
        ({"model": "m"}, "/v1beta/models/gemini-pro:generateContent", "m"),
        ({}, "/v1beta/models/gemini-pro:generateContent", "gemini-pro"),
        ({}, "/x/v1/models/gemini-pro:streamGenerateContent", "gemini-pro"),
        ({}, "/v1beta/models/gemini-pro:countTokens", UNKNOWN),
        ({}, "/models/gemini-pro:generateContent", UNKNOWN),
        (b"[]", "/v1/chat/completions", UNKNOWN),
    ],
)
def test_the_model_of_a_request(body, path, model):
    assert model_of(chat(body, path=path)) == model


@pytest.mark.parametrize(
    ("body", "rounds"),
    [
        ({"messages": [{"role": "user"}, {"role": "assistant"}, {"role": "user"}]}, 2),
        ({"messages": []}, 0),
        ({"messages": [], "contents": [{"role": "user"}]}, 0),
        ({"messages": "x", "contents": [{"role": "user"}, {}, {"role": "model"}]}, 2),
        ({"contents": [{"parts": []}, {"role": "model"}]}, 1),
        ({"contents": "x"}, 0),
        ({"messages": ["x"]}, 0),
        (b"[]", 0),
        ({}, 0),
    ],
)
def test_how_often_the_user_spoke(body, rounds):
    request, known = chat(body), chat(body)
    if body != b"[]":
        known.document.refuse_duplicate_names()
    assert (chat_round(request), chat_round(known)) == (rounds, rounds)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"id": "a", "message": {"id": "b"}}, "a"),
        ({"id": None, "response": {"id": "b"}}, "b"),
        ({"responseId": "c", "message": {"id": "d"}}, "c"),
        ({"message": {"id": "d"}}, "d"),
        ({"id": 7}, "7"),
        ({"response": "x"}, None),
        ([], None),
        (None, None),
    ],
)
def test_the_id_of_an_answer(body, found):
    assert chat_id(body) == found


@pytest.mark.parametrize(
    ("body", "expected"),
    [({"error": {"message": "x"}}, True), ({"error": "x"}, True), ({"error": None}, False), ({"error": {}}, False),
     ({}, False), ([{"error": "x"}], False)],
)  # fmt: skip
def test_errors(body, expected):
    assert is_error(body) is expected


@given(fields(model=st.text(), messages=st.lists(fields(role=st.just("user"))), id=st.text()))
def test_any_json_is_looked_at(body):
    request = chat(body)
    assert isinstance(model_of(request), str)
    assert chat_round(request) >= 0
    assert isinstance(chat_id(body), str | None)
