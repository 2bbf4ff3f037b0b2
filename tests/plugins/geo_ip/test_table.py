"""Tables of networks: which one counts, and what files may look like."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.plugins.geo_ip.table import INTERNAL_NAME, CidrTable, Layers, Location, internal, read_lines


def at(table, address):
    found = table.get(ip_address(address))
    return found and found.country


def test_the_smallest_network_counts():
    rows = [("1.0.0.0/8", "A"), ("1.2.0.0/16", "B"), ("1.2.3.4", "C"), ("::/0", "D"), ("2001:db8::/32", "E")]
    table = CidrTable((cidr, Location(name)) for cidr, name in rows)
    assert [at(table, each) for each in ("1.9.9.9", "1.2.9.9", "1.2.3.4", "2.0.0.0", "::1", "2001:db8::1")] == [
        "A", "B", "C", None, "D", "E",
    ]  # fmt: skip


networks = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32))


@given(st.lists(networks, max_size=20), st.integers(0, 2**32 - 1))
def test_it_finds_what_a_search_through_all_finds(numbers, wanted):
    rows = dict.fromkeys(ip_network((number, length), strict=False) for number, length in numbers)
    address = ip_address(wanted)
    among = [network for network in rows if address in network]
    best = max(among, key=lambda network: network.prefixlen, default=None)
    table = CidrTable((str(network), Location(str(network))) for network in rows)
    assert at(table, address) == (best and str(best))


def test_the_first_table_that_knows_an_address_counts():
    one, two = (CidrTable([(cidr, Location(name))]) for cidr, name in (("1.2.0.0/16", "A"), ("1.0.0.0/8", "B")))
    layers = Layers(one, two)
    assert [at(layers, each) for each in ("1.2.0.0", "1.3.0.0", "2.0.0.0")] == ["A", "B", None]


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "100.127.255.255", "192.168.1.1", "255.255.255.255"])
def test_internal_addresses(address):
    assert at(internal(higress=True), address) == at(internal(higress=False), address) == INTERNAL_NAME


@pytest.mark.parametrize("address", ["::1", "fe80::1", "fd00::1"])
def test_higress_knows_internal_addresses_of_ipv4_only(address):
    assert (at(internal(higress=True), address), at(internal(higress=False), address)) == (None, INTERNAL_NAME)


@pytest.mark.parametrize("address", ["100.128.0.0", "8.8.8.8", "2606:4700::1111"])
def test_addresses_that_are_somewhere(address):
    assert at(internal(higress=False), address) is None


@pytest.mark.parametrize(
    "text",
    [
        "1.0.1.0/24|中国|福建省|福州市|电信\n1.0.2.0/24|A|0|0|0\n",
        'network,country,province,city,isp\r\n1.0.1.0/24,中国,福建省,福州市,电信,"more, of it"\r\n\r\n',
        "\ufeffCIDR|a|b|c|d\n 1.0.1.0/24 | 中国 | 福建省 | 福州市 | 电信",
    ],
    ids=["Higress", "CSV", "headings and spaces"],
)
def test_files(tmp_path, text):
    (tmp_path / "geo").write_bytes(text.encode())
    table = read_lines(tmp_path / "geo")
    assert table.get(ip_address("1.0.1.9")) == Location("中国", "福建省", "福州市", "电信")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1.0.1.0/24|A|B|C|D\n1.0.1.0/99|A|B|C|D", "line 2: '1.0.1.0/99' is not a CIDR"),
        ("1.0.1|A|B|C|D", "line 1: '1.0.1' is not a CIDR"),
        ("::1/x|A|B|C|D", "line 1: '::1/x' is not a CIDR"),
        ("1.0.1.0/2000|A|B|C|D", "line 1: '1.0.1.0/2000' is not a CIDR"),
        ("1.0.1.0/24,A,B", "line 1: there must be five fields"),
        ("1.0.1.0/24," + "A" * 200_000, "line 1: field larger"),
        (b"\xff\xfe", "codec"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path, text, problem):
    (tmp_path / "geo").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=problem):
        read_lines(tmp_path / "geo")
