"""Who may call, and what a page in a browser needs."""

import re

import pytest
from stage.answers import PATH, answers, streams, text_events
from stage.gateway import proxied

BODY = b'{"model":"gpt-4o","messages":[]}'
PREFLIGHT = {
    "access_control_request_method": "POST",
    "access_control_request_headers": "authorization, content-type, x-stainless-os, anthropic-version",
}


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:8080", "https://chat.example"])
async def test_preflight(provider, gateway, origin):
    """OPTIONS is answered 204 before anything else, with the headers that the page asked for."""
    upstream = await provider(answers())
    running = await gateway({**proxied(upstream.url, probes=True), "cors": {"origins": ["https://chat.example"]}})
    answer = await running.request("OPTIONS", PATH, origin=origin, **PREFLIGHT)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-headers"] == PREFLIGHT["access_control_request_headers"]
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert int(answer.headers["access-control-max-age"]) > 600
    assert "access-control-allow-credentials" not in answer.headers
    assert upstream.requests == running.outer.exchanges == []


@pytest.mark.parametrize("body", [BODY, BODY[:-1] + b',"stream":true}', b"{"])
async def test_page_reads_the_answer(behind, body):
    """Answers, streams and errors carry the origin, and expose the request id and the limits."""
    stream = b"stream" in body
    running, upstream = await behind(streams(*text_events("a")) if stream else answers())
    answer = await running.request("POST", PATH, body, origin="http://localhost:3000", referer="http://localhost:3000/")
    assert answer.status == (400 if body == b"{" else 200)
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "origin" in answer.headers["vary"].lower()
    exposed = answer.headers["access-control-expose-headers"]
    assert {"x-request-id", "x-ratelimit-remaining-tokens", "retry-after"} <= set(exposed.split(", "))
    for request in upstream.requests:
        assert not {"origin", "referer"} & {name.lower() for name in request.headers}


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://127.0.0.1.nip.io"]
)
@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
async def test_foreign_origin(behind, origin, method):
    """A page of somebody else gets 403 in JSON, nothing that lets it read more, and never reaches a provider."""
    running, upstream = await behind(answers())
    preflight = PREFLIGHT if method == "OPTIONS" else {}
    answer = await running.request(method, PATH, BODY if method == "POST" else b"", origin=origin, **preflight)
    assert (answer.status, answer.json()["error"]["code"]) == (403, "origin_not_allowed")
    assert "cors.origins" in answer.json()["error"]["message"]
    assert "access-control-allow-origin" not in answer.headers
    assert upstream.requests == []


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:4700", "127.0.0.1.evil.example", "8.8.8.8", "[::2]:4700"]
)
async def test_foreign_host(behind, host):
    """A name that is not the gateway's (DNS rebinding) gets 403, on every path."""
    running, upstream = await behind(answers())
    client = await running.connect()
    for method, path in (("POST", PATH), ("GET", "/-/health"), ("GET", "/")):
        answer = await client.request(method, path, BODY if method == "POST" else b"", host=host)
        assert (answer.status, answer.json()["error"]["code"]) == (403, "host_not_allowed")
    assert upstream.requests == []


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "app.localhost:4700", "127.0.0.1:1", "[::1]:4700", "gw.test"]
)
async def test_own_hosts(provider, gateway, host):
    """Loopback by any name, and the names of the configuration."""
    upstream = await provider(answers())
    running = await gateway({**proxied(upstream.url), "hosts": ["gw.test"]})
    assert (await running.request("POST", PATH, BODY, host=host)).status == 200


async def test_star_without_credentials(provider, gateway):
    """`*` lets every page in, each by its own name, never with credentials."""
    upstream = await provider(answers())
    running = await gateway({**proxied(upstream.url), "cors": {"origins": ["*"]}})
    answer = await running.request("POST", PATH, BODY, origin="https://any.example")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "https://any.example")
    assert "access-control-allow-credentials" not in answer.headers


async def test_hop_by_hop(behind):
    """What belongs to one connection stays on it, in both directions; cookies and proxies' headers too."""
    back = {
        "Keep-Alive": "timeout=5",
        "Connection": "x-secret-hop",
        "X-Secret-Hop": "1",
        "Set-Cookie": "a=b",
        "X-Ok": "1",
    }
    running, upstream = await behind(answers(headers=back))
    gone = {
        "connection": "keep-alive, x-private-hop", "x_private_hop": "1", "keep_alive": "timeout=5", "te": "trailers",
        "proxy_authorization": "Basic eA==", "cookie": "a=b", "x_forwarded_for": "1.2.3.4", "sec_fetch_mode": "cors",
        "authorization": "Bearer sk-client", "x_api_key": "sk-client", "api_key": "sk-client", "accept_encoding": "br",
        "x_goog_api_key": "sk-client", "upgrade": "h2c",
    }  # fmt: skip
    kept = {"x_custom": "1", "anthropic_beta": "a,b", "idempotency_key": "k", "user_agent": "me/1"}
    answer = await running.request("POST", PATH, BODY, **gone, **kept)
    got = {name.lower(): value for name, value in upstream.requests[0].headers.items()}
    expected = {name.replace("_", "-"): value for name, value in kept.items()}
    assert re.fullmatch(r"1\.1 aigw-[0-9a-f]{32}", got.pop("via"))
    own = {"host": "api.openai.com", "authorization": "Bearer sk-provider", "content-type": "application/json"}
    assert got == {**expected, **own, "content-length": str(len(BODY))}
    assert answer.headers["x-ok"] == "1"
    assert not {"keep-alive", "x-secret-hop", "set-cookie"} & {name.lower() for name in answer.headers}


@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
async def test_client_key_where_there_is_no_other(provider, gateway, header):
    """Without a token of its own the gateway passes the client's on, as the provider takes it."""
    upstream = await provider(answers())
    running = await gateway(proxied(upstream.url, apiTokens=[]))
    value = "Bearer sk-client" if header == "authorization" else "sk-client"
    await running.request("POST", PATH, BODY, **{header: value})
    assert upstream.requests[0].headers["authorization"] == "Bearer sk-client"
    assert "x-api-key" not in upstream.requests[0].headers
