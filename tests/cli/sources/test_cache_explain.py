"""A request that `aigw cache explain` is given as a body and headers."""

import pytest

from aigw.cli.sources.cache_explain import make_request


@pytest.mark.parametrize(
    ("body", "path"),
    [(b'{"messages": []}', "/v1/chat/completions"), (b'{"prompt": "a"}', "/v1/completions"),
     (b'{"input": "a"}', "/v1/embeddings"), (b'{"messages": [], "input": "a"}', "/v1/chat/completions")],
)  # fmt: skip
def test_a_body_goes_where_its_field_says(body, path):
    request = make_request(body, "", [])
    assert (request.method, request.path, request.query, request.body) == ("POST", path, "", body)
    assert request.headers["host"] == "localhost"
    assert request.is_json


def test_a_path_and_headers_as_curl_takes_them():
    request = make_request(b"{}", "/v1/messages?beta=true", ["X-One:1", "host :  other.test ", "x-url: http://a:1"])
    assert (request.path, request.query) == ("/v1/messages", "beta=true")
    assert (request.headers["x-one"], request.headers["host"], request.headers["x-url"]) == (
        "1",
        "other.test",
        "http://a:1",
    )


@pytest.mark.parametrize(
    ("body", "headers", "message"),
    [(b"{}", ["nothing"], "must look like NAME:VALUE"), (b"[]", [], "is no JSON object"), (b"{", [], "is no JSON object"),
     (b"{}", [], "say where it goes with --path")],
)  # fmt: skip
def test_what_is_no_request(body, headers, message):
    with pytest.raises(ValueError, match=message):
        make_request(body, "", headers)
