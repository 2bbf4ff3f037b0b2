"""What a breaker found at the edge, each once a bug: with the production runner and raw connections."""

import json

import pytest
from stage.answers import answers


@pytest.fixture
async def builtin(gateway):
    return await gateway({"plugins": {"ai-proxy": {"provider": {"type": "builtin"}}}})


@pytest.mark.parametrize(
    "header, status",
    [
        (b"origin: http://[\r\n", 403),
        (b"origin: http://evil.com@localhost\r\n", 403),
        (b"content-encoding: \xff\r\n", 415),
        (b"content-length: " + b"9" * 5000 + b"\r\n", 400),
        (b"sec-fetch-site: cross-site\r\n", 403),
        (b"upgrade: websocket\r\nconnection: upgrade\r\n", 426),
    ],
)
async def test_odd_headers_get_an_error_in_json(builtin, header, status):
    client = await builtin.connect()
    length = b"" if b"content-length" in header else b"content-length: 2\r\n"
    await client.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n" + length + header + b"\r\n{}")
    answer = await client.answer()
    assert (answer.status, "message" in answer.json()["error"]) == (status, True)


async def test_a_host_that_is_no_text_is_refused(builtin):
    client = await builtin.connect()
    await client.send(b"GET /v1/models HTTP/1.1\r\nhost: \xff\r\n\r\n")
    assert (await client.answer()).status in (400, 403)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/nothing"])
async def test_a_head_answer_has_no_body(builtin, path):
    client = await builtin.connect()
    request = f"HEAD {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()
    await client.send(request + b"GET /-/health HTTP/1.1\r\nhost: localhost\r\n\r\n")
    await client.answer(head_only=True)
    assert json.loads((await client.answer()).body)["status"] == "ok"


async def test_pages_get_no_credentials_of_a_plain_upstream(provider, gateway):
    headers = {"Access-Control-Allow-Credentials": "true", "Access-Control-Allow-Origin": "*", "Vary": "Cookie"}
    upstream = await provider(answers(b"ok", headers=headers))
    running = await gateway({"cors": {"origins": ["*"]}, "routes": [{"name": "r", "upstream": upstream.url}]})
    answer = await running.request("GET", "/x", origin="https://evil.example")
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers.getall("vary") == ["Cookie", "Origin"]


async def test_the_root_says_what_this_is(builtin):
    answer = await builtin.request("GET", "/")
    assert answer.status == 404
    assert answer.json()["error"]["message"].startswith("this is aigw, an AI gateway: its API is below /v1")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings"])
async def test_a_name_that_stands_twice_in_a_body_is_refused(builtin, path):
    """A plugin would decide by one of the values, and the provider take the other one."""
    body = b'{"model":"echo","max_tokens":9,"input":"a","messages":[{"role":"user","content":"a","content":"b"}]}'
    client = await builtin.connect()
    length = f"content-length: {len(body)}\r\n\r\n".encode()
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n".encode()
    await client.send(head + length + body)
    answer = await client.answer()
    assert answer.status == 400
    assert "an object has the name 'content' twice" in answer.json()["error"]["message"]


async def test_with_fidelity_higress_it_passes(gateway):
    config = {"fidelity": "higress", "plugins": {"ai-proxy": {"provider": {"type": "builtin"}}}}
    running = await gateway(config)
    client = await running.connect()
    body = b'{"model":"mock","model":"echo","messages":[{"role":"user","content":"a"}]}'
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    await client.send(head + f"content-length: {len(body)}\r\n\r\n".encode() + body)
    assert (await client.answer()).status == 200
