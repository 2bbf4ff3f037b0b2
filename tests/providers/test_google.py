"""Vertex AI gets a token for which the service account has signed, and asks for a new one only when it must."""

import asyncio
import json
from urllib.parse import parse_qs

import pytest
from ai_proxy_world import HELLO, once
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fakes import Answer, FakeClock, FakeUpstream, answer_json, chat, make_env
from google.auth import jwt

from aigw.core.errors import GatewayError
from aigw.providers.google import GRANT, SCOPE, ServiceAccount, read_key

GEMINI = {"candidates": [{"content": {"role": "model", "parts": [{"text": "yo"}]}, "finishReason": "STOP", "index": 0}],
          "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4}}  # fmt: skip
TOKEN = {"access_token": "ya29.t", "expires_in": 3600, "token_type": "Bearer"}


@pytest.fixture(scope="module")
def key():
    """A service account's key, and what checks its signatures."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = made.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    told = {"type": "service_account", "client_email": "a@p.iam.gserviceaccount.com", "private_key_id": "k1"}
    return json.dumps({**told, "private_key": private.decode()}), public


def account(key, *answers, clock=None):
    upstream = FakeUpstream(*answers)
    return ServiceAccount(key[0], 60, make_env(upstream, **({"clock": clock} if clock else {}))), upstream


async def test_a_chat_client_on_vertex(key):
    config = {
        "provider": {
            "type": "vertex",
            "vertexAuthKey": key[0],
            "vertexRegion": "us-central1",
            "vertexProjectId": "p",
            "modelMapping": {"*": "gemini-2.5-flash"},
        }
    }
    upstream, reply, received = await once(config, chat(HELLO), answer_json(TOKEN), answer_json(GEMINI))
    (asked, where), (sent, target) = upstream.sent
    assert (where.authority, asked.path) == ("oauth2.googleapis.com", "/token")
    form = parse_qs(asked.body.decode())
    claims = jwt.decode(
        form["assertion"][0],
        certs={"k1": key[1]},
        audience="https://oauth2.googleapis.com/token",
        clock_skew_in_seconds=10**10,
    )
    assert (form["grant_type"], claims["iss"], claims["scope"]) == ([GRANT], "a@p.iam.gserviceaccount.com", SCOPE)
    assert target.authority == "us-central1-aiplatform.googleapis.com"
    assert sent.path == "/v1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-flash:generateContent"
    assert sent.headers["authorization"] == "Bearer ya29.t"
    assert (reply.status, b'"content":"yo"' in received) == (200, True)


async def test_its_api_in_openais_format_takes_chats_as_they_are(key):
    provider = {
        "type": "vertex",
        "vertexAuthKey": key[0],
        "vertexRegion": "global",
        "vertexProjectId": "p",
        "vertexOpenAICompatible": True,
        "modelMapping": {"*": "google/gemini-2.5-flash"},
    }
    upstream, *_ = await once({"provider": provider}, chat(HELLO), answer_json(TOKEN), Answer(status=500))
    sent, target = upstream.sent[1]
    assert target.authority == "aiplatform.googleapis.com"
    assert sent.path == "/v1beta1/projects/p/locations/global/endpoints/openapi/chat/completions"
    assert json.loads(sent.body) == {**HELLO, "model": "google/gemini-2.5-flash"}
    assert sent.headers["authorization"] == "Bearer ya29.t"


async def test_the_express_mode_needs_a_key_alone():
    config = {"provider": {"type": "vertex", "apiTokens": ["k"]}}
    upstream, *_ = await once(config, chat({**HELLO, "stream": True}), Answer(status=500))
    (sent, target), *_ = upstream.sent
    assert (target.authority, sent.headers["x-goog-api-key"]) == ("aiplatform.googleapis.com", "k")
    assert sent.target == "/v1/publishers/google/models/gpt-4:streamGenerateContent?alt=sse"


async def test_one_token_is_fetched_for_all_who_wait_and_again_before_it_ends(key):
    clock = FakeClock()
    it, upstream = account(key, answer_json(TOKEN), answer_json({**TOKEN, "access_token": "second"}), clock=clock)
    assert await asyncio.gather(it.token(), it.token()) == ["ya29.t", "ya29.t"]
    clock.now += 3539
    assert await it.token() == "ya29.t"
    clock.now += 2
    assert await it.token() == "second"
    assert len(upstream.sent) == 2


async def test_a_refusal_says_why_and_the_next_request_tries_again(key):
    refused = answer_json({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400)
    it, _ = account(key, refused, answer_json(TOKEN))
    with pytest.raises(GatewayError, match=r"vertexAuthKey: .* 400: Invalid JWT Signature") as failed:
        await it.token()
    assert failed.value.status == 502
    assert await it.token() == "ya29.t"


@pytest.mark.parametrize(
    "given",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"client_email":"a","private_key":1}',
        '{"client_email":"a","private_key":"x","token_uri":"ftp://a"}',
    ],
)
def test_what_is_no_key_is_refused_without_quoting_it(given):
    with pytest.raises(ValueError) as refusal:
        read_key(given)
    assert 'private_key":' not in str(refusal.value)


def test_a_private_key_that_cannot_be_read(key):
    broken = json.dumps(
        {**json.loads(key[0]), "private_key": "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----"}
    )
    with pytest.raises(ValueError, match="private_key that cannot be read"):
        account((broken, b""))
