"""Which headers of a client go on to a provider, and with which key."""

import pytest
from fakes import chat
from multidict import CIMultiDict

from aigw.core.headers import CREDENTIALS
from aigw.providers.catalog import CATALOG
from aigw.providers.headers import add_originals, authenticate, beyond_connection, public
from aigw.providers.provider import BEARER, X_API_KEY


def sent(headers, *, choose=public, stream=None):
    request = chat({}, headers=headers)
    request.upload = stream
    return {name.lower() for name in choose(request)} - {"content-type"}


@pytest.mark.parametrize("choose", [public, beyond_connection])
def test_what_belongs_to_the_connection_stays_here(choose):
    headers = {"Connection": "X-Mine, close", "x-mine": "1", "Keep-Alive": "5", "Accept-Encoding": "br", "Expect": "x",
               "Content-Length": "2", "X-Other": "1"}  # fmt: skip
    assert sent(headers, choose=choose) == {"x-other"}


def test_several_connection_headers_count_together():
    request = chat({}, headers={"a": "1", "b": "2", "c": "3"})
    request.headers.extend([("connection", "a"), ("Connection", "B")])
    assert "c" in public(request)
    assert not {"a", "b"} & set(public(request))


@pytest.mark.parametrize(
    "name",
    [
        *CREDENTIALS,
        "cookie",
        "origin",
        "referer",
        "x-mse-consumer",
        "x-hi-original-auth",
        "Sec-Fetch-Mode",
        "X-Forwarded-For",
        "x-aigw-run",
    ],
)
def test_what_is_private_goes_on_with_higress_only(name):
    assert sent({name: "x"}) == set()
    assert sent({name: "x"}, choose=beyond_connection) == {name.lower()}


def test_an_upload_keeps_the_length_that_its_client_promised():
    assert sent({"content-length": "9"}, stream=iter(())) == {"content-length"}


@pytest.mark.parametrize(
    ("type_", "auth", "client", "token", "sent"),
    [
        ("openai", BEARER, {"authorization": "Bearer mine"}, "sk-1", {"authorization": "Bearer sk-1"}),
        ("claude", X_API_KEY, {"authorization": "Bearer mine"}, "sk-1", {"x-api-key": "sk-1"}),
        ("gemini", None, {"authorization": "Bearer mine"}, "sk-1", {}),
        ("ollama", None, {"authorization": "Bearer mine"}, None, {"authorization": "Bearer mine"}),
        ("openai", BEARER, {}, None, {}),
    ],
)
def test_with_a_key_of_the_configuration(type_, auth, client, token, sent):
    headers = CIMultiDict(client)
    authenticate(headers, CIMultiDict(client), CATALOG[type_], auth, token)
    assert dict(headers) == sent


@pytest.mark.parametrize("value", ["mine", "Bearer mine", "bearer mine"])
def test_without_one_the_clients_own_goes_where_the_provider_looks(value):
    row = CATALOG["openai"]
    name = row.client_tokens[0]
    headers = CIMultiDict()
    authenticate(headers, CIMultiDict({name: value}), row, X_API_KEY, None)
    assert dict(headers) == {"x-api-key": "mine"}


def test_what_higress_keeps_of_the_request():
    request = chat({}, headers={"authorization": "Bearer mine"})
    request.query = "a=1"
    headers = CIMultiDict({"x-hi-original-auth": "of the client"})
    add_originals(headers, request, "/other")
    assert dict(headers) == {
        "x-envoy-original-host": "localhost",
        "x-envoy-original-path": "/v1/chat/completions?a=1",
        "x-hi-original-auth": "Bearer mine",
    }
    headers = CIMultiDict()
    request.headers["x-higress-fallback-from"] = "r"
    add_originals(headers, request, request.path)
    assert dict(headers) == {"x-envoy-original-host": "localhost"}
