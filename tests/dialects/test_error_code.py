"""The code of an error, in the shapes that vendors use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.dialects.error_code import code_of


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"error":{"message":"m","type":"invalid_request_error","code":"model_not_found"}}', "model_not_found"),
        ('{"error":{"message":"m","type":"invalid_request_error","code":null}}', "invalid_request_error"),
        ('{"type":"error","error":{"type":"overloaded_error","message":"m"}}', "overloaded_error"),
        ('{"error":{"code":404,"message":"m","status":"NOT_FOUND"}}', "NOT_FOUND"),
        ('[{"error":{"code":404,"message":"m","status":"NOT_FOUND"}}]', "NOT_FOUND"),
        ('{"code":"InvalidParameter","message":"m","request_id":"1"}', "InvalidParameter"),
        ('{"object":"error","message":"m","type":"NotFoundError","code":404}', "NotFoundError"),
        ('{"error":"it failed"}', ""),
        ('{"detail":"Not Found"}', ""),
        ("<html>", ""),
        ("[]", ""),
        ('{"error":{"code":"' + "x" * 500 + '"}}', "x" * 64),
    ],
)
def test_shapes(body, code):
    assert code_of(body.encode()) == code


@given(
    st.binary() | st.recursive(st.none() | st.text(), lambda each: st.lists(each)).map(lambda each: str(each).encode())
)
def test_anything(body):
    assert isinstance(code_of(body), str)


@pytest.mark.parametrize("sign", [r"\n", r"\u001b", r"\u009b", r"\u202e"])
def test_a_code_is_plain(sign):
    assert code_of(f'{{"error":{{"code":"a{sign}b"}}}}'.encode()) == "a\ufffdb"
