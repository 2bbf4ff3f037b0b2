"""Where recorded requests go: paths at other servers, keys from the environment, another model."""

import json

import pytest

from aigw.cli.sources.remote import remote, with_model
from aigw.traffic.format.call import Sent

CHAT = Sent("POST", "/v1/chat/completions", "", (("content-type", "application/json"),), b'{"model":"m","messages":[]}')
MESSAGES = CHAT._replace(path="/v1/messages")
GEMINI = CHAT._replace(path="/v1beta/models/gemini-pro:generateContent", body=b"{}")
ENV = {
    "OPENAI_API_KEY": "sk-openai", "ANTHROPIC_API_KEY": "sk-ant", "GEMINI_API_KEY": "AIza",
    "DEEPSEEK_API_KEY": "sk-deepseek",
}  # fmt: skip


@pytest.mark.parametrize(
    ("url", "sent", "path"),
    [
        ("https://api.deepseek.com", CHAT, "/v1/chat/completions"),
        ("https://api.openai.com/v1/", CHAT, "/v1/chat/completions"),
        ("https://openrouter.ai/api/v1", CHAT, "/api/v1/chat/completions"),
        ("https://open.bigmodel.cn/api/paas/v4", CHAT, "/api/paas/v4/chat/completions"),
        ("https://host/llm", CHAT, "/llm/v1/chat/completions"),
        ("https://host/v1beta", GEMINI, "/v1beta/models/gemini-pro:generateContent"),
    ],
)
def test_paths(url, sent, path):
    assert remote(url).request(sent, {}).path == path


@pytest.mark.parametrize(
    ("url", "sent", "header"),
    [
        ("https://api.deepseek.com", CHAT, ("authorization", "Bearer sk-deepseek")),
        ("https://api.openai.com/v1", CHAT, ("authorization", "Bearer sk-openai")),
        ("https://llm.example.com/v1", CHAT, ("authorization", "Bearer sk-openai")),
        ("https://llm.example.com", MESSAGES, ("x-api-key", "sk-ant")),
        ("https://llm.example.com", GEMINI, ("x-goog-api-key", "AIza")),
        ("http://127.0.0.1:4700", CHAT, ("authorization", "Bearer sk-openai")),
    ],
)
def test_keys(url, sent, header):
    assert header in remote(url).request(sent, ENV).headers


def test_a_vendor_gets_no_key_of_another():
    env = {"OPENAI_API_KEY": "sk-openai", "AIGW_KEY": "sk-gateway"}
    assert "authorization" not in dict(remote("https://api.deepseek.com").request(CHAT, env).headers)


def test_the_key_of_a_gateway_goes_first():
    sent = remote("http://localhost:4700").request(CHAT, {**ENV, "AIGW_KEY": "sk-gateway"})
    assert dict(sent.headers)["authorization"] == "Bearer sk-gateway"


def test_no_key_leaves_without_tls():
    with pytest.raises(ValueError, match="without TLS"):
        remote("http://llm.example.com").request(CHAT, ENV)
    assert remote("http://llm.example.com").request(CHAT, {}).headers == CHAT.headers


@pytest.mark.parametrize(
    "url", ["llm.example.com", "ftp://host", "https://", "https://me:secret@host/v1", "https://host/v1?key=secret"]
)
def test_no_url(url):
    with pytest.raises(ValueError, match="--against") as caught:
        remote(url)
    assert "secret" not in str(caught.value)


def test_what_the_server_is():
    assert remote("https://api.deepseek.com/v1").service == "deepseek"
    assert remote("https://llm.example.com/v1").service == "llm.example.com"


def test_streams_are_asked_for_their_usage():
    asked = CHAT._replace(body=b'{"model":"m","stream":true}')
    sent = remote("https://host").request(asked, {})
    assert json.loads(sent.body)["stream_options"] == {"include_usage": True}
    assert remote("https://host").request(CHAT, {}).body == CHAT.body
    assert remote("https://host").request(CHAT._replace(body=b"no JSON"), {}).body == b"no JSON"


def test_another_model():
    assert json.loads(with_model(CHAT, "qwen-max").body) == {"model": "qwen-max", "messages": []}
    assert with_model(GEMINI, "flash").path == "/v1beta/models/flash:generateContent"
    for sent in (CHAT._replace(body=b"[]"), CHAT._replace(body=b'{"input":1}'), CHAT._replace(method="GET", body=b"")):
        assert with_model(sent, "qwen-max") == sent
    assert with_model(CHAT, "") == CHAT
