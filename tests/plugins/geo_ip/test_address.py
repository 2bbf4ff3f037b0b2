"""Whose address it is, behind proxies and without."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.plugins.geo_ip.address import as_higress, behind_proxies, read

TRUSTED = [ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("1.2.3.4", "1.2.3.4"),
        (" 1.2.3.4:80 ", "1.2.3.4"),
        ("2001:db8::1", "2001:db8::1"),
        ('"[2001:db8::1]:80"', "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("unknown", None),
        ("", None),
    ],
)
def test_how_an_address_is_written(text, address):
    assert read(text) == (address and ip_address(address))


@given(st.ip_addresses())
def test_every_address_is_read(address):
    assert read(str(address)) == (getattr(address, "ipv4_mapped", None) or address)


@given(st.text())
def test_any_text_is_an_address_or_none(text):
    read(text)
    as_higress(text)


@pytest.mark.parametrize(
    ("peer", "values", "address"),
    [
        ("127.0.0.1", ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
        ("127.0.0.1", ["6.6.6.6", "1.2.3.4, 10.0.0.9"], "1.2.3.4"),
        ("9.9.9.9", ["1.2.3.4"], "9.9.9.9"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
        ("127.0.0.1", ["1.2.3.4, nobody"], None),
        ("", ["1.2.3.4"], None),
    ],
)
def test_only_trusted_proxies_are_believed(peer, values, address):
    assert behind_proxies(peer, values, TRUSTED) == (address and ip_address(address))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" 1.2.3.4:80,6.6.6.6", "1.2.3.4"),
        ("1.2.3.4 , 6.6.6.6", None),
        ("2001:db8::1", None),
        ("::ffff:1.2.3.4", None),
        ("", None),
    ],
)
def test_higress_takes_the_first_one_of_ipv4(text, address):
    assert as_higress(text) == (address and ip_address(address))
