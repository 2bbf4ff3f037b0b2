"""Databases of MaxMind, made here by a writer of their format."""

from ipaddress import ip_address

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from aigw.plugins.geo_ip.database import MmdbTable, location_of
from aigw.plugins.geo_ip.table import Location

RECORD = {
    "country": {"iso_code": "CN", "names": {"en": "China", "zh-CN": "中国"}},
    "subdivisions": [{"names": {"en": "Zhejiang", "zh-CN": "浙江"}}, {"names": {"en": "Other"}}],
    "city": {"names": {"en": "Hangzhou"}},
    "traits": {"isp": "CT"},
}


@pytest.fixture
def path(tmp_path):
    writer = MMDBWriter(ip_version=4, database_type="Test")
    writer.insert_network(IPSet(["1.2.3.0/24"]), RECORD)
    writer.to_db_file(str(tmp_path / "geo.mmdb"))
    return tmp_path / "geo.mmdb"


@pytest.mark.parametrize(
    ("language", "place"),
    [("zh-CN", ("中国", "浙江", "Hangzhou", "CT")), ("en", ("China", "Zhejiang", "Hangzhou", "CT"))],
)
def test_names_in_a_language(path, language, place):
    table = MmdbTable(path, language)
    assert table.get(ip_address("1.2.3.4")) == Location(*place)
    assert table.get(ip_address("1.2.4.4")) is None
    assert table.get(ip_address("2001:db8::1")) is None
    table.close()


def test_other_databases():
    flat = {"country_name": "China", "region": "Zhejiang", "city": "Hangzhou", "as_name": "CT"}
    assert location_of(flat, "zh-CN") == Location("China", "Zhejiang", "Hangzhou", "CT")
    asn = {"autonomous_system_organization": "CT", "country": {"iso_code": "CN"}, "city": 7, "subdivisions": []}
    assert location_of(asn, "en") == Location("CN", "", "", "CT")


def test_what_is_no_database(tmp_path):
    (tmp_path / "geo.mmdb").write_bytes(b"no database")
    with pytest.raises(ValueError, match="no database of MaxMind"):
        MmdbTable(tmp_path / "geo.mmdb", "en")
    with pytest.raises(OSError, match="geo"):
        MmdbTable(tmp_path / "geo", "en")
