"""Requests to Bedrock are signed as AWS checks it. The vendor of the end-to-end tests checks them, too."""

import pytest
from ai_proxy_world import HELLO, once
from fakes import answer_json, chat

from aigw.core.model import Request
from aigw.providers.aws import Keys, signer

BEDROCK = {"type": "bedrock", "awsAccessKey": "AKID", "awsSecretKey": "secret", "awsRegion": "eu-west-1"}
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "yo"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 3, "outputTokens": 1},
}


async def test_a_chat_client_on_bedrock():
    config = {"provider": {**BEDROCK, "modelMapping": {"*": "anthropic.claude-v1:0"}}}
    upstream, reply, received = await once(config, chat(HELLO), answer_json(ANSWER))
    (sent, target), *_ = upstream.sent
    assert (target.authority, sent.path) == (
        "bedrock-runtime.eu-west-1.amazonaws.com",
        "/model/anthropic.claude-v1%3A0/converse",
    )
    authorization = sent.headers["authorization"]
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKID/")
    assert "/eu-west-1/bedrock/aws4_request, SignedHeaders=content-type;host;" in authorization
    assert b'"content":"yo"' in received and reply.status == 200


async def test_an_api_key_needs_no_signature():
    config = {"provider": {"type": "bedrock", "apiTokens": ["key"], "awsRegion": "us-east-1"}}
    upstream, *_ = await once(config, chat(HELLO), answer_json(ANSWER))
    assert upstream.sent[0][0].headers["authorization"] == "Bearer key"
    half = {"provider": {**config["provider"], "awsAccessKey": "AKID", "awsSessionToken": "t"}}
    upstream, *_ = await once(half, chat(HELLO), answer_json(ANSWER))
    assert upstream.sent[0][0].headers["authorization"] == "Bearer key"
    assert "x-amz-security-token" not in upstream.sent[0][0].headers


def test_the_same_request_at_the_same_time_has_the_same_signature():
    def signed(secret):
        request = Request("POST", "/model/m/converse", "", chat({}).headers, b"{}")
        signer(Keys("AKID", secret), "us-east-1", "bedrock", lambda: 1440938160.0)(request, "host")
        return request.headers["authorization"], request.headers["x-amz-date"]

    assert signed("a") == signed("a") != signed("b")
    assert signed("a")[1] == "20150830T123600Z"


async def test_temporary_keys_have_a_token_which_is_signed():
    config = {"provider": {**BEDROCK, "awsSessionToken": "IQoJb3Jp"}}
    upstream, *_ = await once(config, chat(HELLO), answer_json(ANSWER))
    (sent, _), *_ = upstream.sent
    assert sent.headers["x-amz-security-token"] == "IQoJb3Jp"
    assert "x-amz-security-token" in sent.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0]


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("awsSecretKey", "missing bedrock access authentication parameters"),
        ("awsAccessKey", "missing bedrock access authentication parameters"),
        ("awsRegion", "missing bedrock region parameters"),
    ],
)
async def test_what_is_missing_is_named(missing, message):
    config = {"provider": {name: value for name, value in BEDROCK.items() if name != missing}}
    with pytest.raises(Exception, match=message):
        await once(config, chat(HELLO))
