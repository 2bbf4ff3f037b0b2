"""What of a request a rule looks at: addresses, cookies and parameters, however a client writes them."""

from ipaddress import ip_address

import pytest
from fakes import chat, make_exchange
from hypothesis import given
from hypothesis import strategies as st

from aigw.plugins.ai_token_ratelimit.values import parse_address, selector


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3:80", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("[::ffff:10.1.2.3]:80", "10.1.2.3"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("[::1]:4700", "::1"),
        ("[::1", "::1"),
        ("", None),
        ("unknown", None),
        ("10.1.2", None),
        ("10.1.2.3.4:80", None),
    ],
)
def test_addresses(text, address):
    assert parse_address(text) == (None if address is None else ip_address(address))


@given(st.ip_addresses(), st.integers(0, 65535))
def test_a_port_says_nothing_about_an_address(address, port):
    plain = parse_address(str(address))
    assert plain is not None
    assert parse_address(f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}") == plain


@given(st.text())
def test_any_text_is_an_address_or_none(text):
    parse_address(text)


def value(kind, name, *, query="", client="", consumer="", **headers):
    request = chat({}, headers={name.replace("_", "-"): value for name, value in headers.items()})
    request.query = query
    exchange = make_exchange(request)
    exchange.client, exchange.consumer = client, consumer
    return selector(kind, name)(exchange)


@pytest.mark.parametrize(
    ("cookie", "found"),
    [("a=1; sid=z", "z"), ("sid=z; sid=y", "z"), ("xsid=z", None), ("sid=", None), (" sid=a=b ", "a=b"), ("sid", None)],
)
def test_cookies(cookie, found):
    assert value("limit_by_cookie", "sid", cookie=cookie) == found


@pytest.mark.parametrize(
    ("query", "found"), [("k=1&k=2", "1"), ("k=", ""), ("j=1", None), ("k=a%20b+c", "a b c"), ("", None)]
)
def test_parameters(query, found):
    assert value("limit_by_param", "k", query=query) == found


@pytest.mark.parametrize(
    ("name", "found"), [("from-remote-addr", "10.0.0.1"), ("from-header-x-ip", "1.1.1.1"), ("from-header-x-no", None)]
)
def test_where_an_address_comes_from(name, found):
    assert value("limit_by_per_ip", name, client="10.0.0.1", x_ip="1.1.1.1, 2.2.2.2") == found


@pytest.mark.parametrize(("name", "message"), [("from-header-", "empty after"), ("x-ip", "must start with")])
def test_an_address_from_nowhere(name, message):
    with pytest.raises(ValueError, match=message):
        selector("limit_by_per_ip", name)
