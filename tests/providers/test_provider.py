"""What rows of the catalog say about a configuration: URLs that are none, and what is missing in one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.providers.provider import Conflict, NeedsQuery, Required, Unspoken, parse_url


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://a.test:8443/v1", "a.test", 8443, "/v1"),
        ("a.test/v1", "a.test", None, "/v1"),
        ("a.test:80", "a.test", 80, ""),
        ("http://user:pw@a.test/x?y=1", "a.test", None, "/x"),
        ("[::1]:80/v1", "::1", 80, "/v1"),
    ],
)
def test_urls(url, host, port, path):
    found = parse_url(url)
    assert (found.hostname, found.port, found.path) == (host, port, path)


@pytest.mark.parametrize(
    ("url", "message"),
    [("ftp://a.test", "scheme"), ("a.test:99999", "port"), ("a.test:x", "port"), ("http://", "no host"), ("/v1", "no host"),
     ("a.test:0", "no host")],
)  # fmt: skip
def test_what_is_no_url(url, message):
    with pytest.raises(ValueError, match=message):
        parse_url(url)


@given(st.text())
def test_any_text_is_a_url_or_a_value_error(text):
    try:
        assert parse_url(text).hostname
    except ValueError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("check", "config", "fails"),
    [
        (Required("a", "m"), {}, True),
        (Required("a", "m"), {"a": ""}, True),
        (Required("a", "m"), {"a": "x"}, False),
        (Conflict("a", "b", "m"), {"a": 1}, False),
        (Conflict("a", "b", "m"), {"a": 1, "b": 1}, True),
        (Unspoken("a", None, "m"), {"a": "x"}, True),
        (Unspoken("a", "v2", "m"), {"a": "v1"}, False),
        (Unspoken("a", "v2", "m"), {"a": "v2"}, True),
        (NeedsQuery("u", "api-version", "/openai/v1"), {}, False),
        (NeedsQuery("u", "api-version", "/openai/v1"), {"u": "https://a.test/x"}, True),
        (NeedsQuery("u", "api-version", "/openai/v1"), {"u": "https://a.test/x?api-version=1"}, False),
        (NeedsQuery("u", "api-version", "/openai/v1"), {"u": "https://a.test/x?api-version="}, True),
        (NeedsQuery("u", "api-version", "/openai/v1"), {"u": "https://a.test/openai/v1"}, False),
        (NeedsQuery("u", "api-version", "/openai/v1"), {"u": "https://a.test/openai/v1/chat"}, False),
        (NeedsQuery("u", "api-version", "/openai/v1"), {"u": "https://a.test/openai/v10"}, True),
    ],
)
def test_what_fails(check, config, fails):
    assert check.fails(config) is fails


def test_a_url_that_lacks_something_is_named_without_its_secrets():
    check = NeedsQuery("azureServiceUrl", "api-version", "/openai/v1")
    said = check.text({"azureServiceUrl": "https://user:secret@a.test/x?key=secret#secret"})
    assert said == "missing api-version query parameter in azureServiceUrl: https://a.test/x"
