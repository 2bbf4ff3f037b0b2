"""A MaxMind database (.mmdb): GeoLite2, GeoIP2, and others that have the same names or plain texts in their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aigw.core.errors import ConfigError
from aigw.core.extras import to_install
from aigw.plugins.geo_ip.table import Address, Location

ENGLISH = "en"
_COUNTRY = ("country", "registered_country", "country_name")
_PROVINCE = ("subdivisions", "region")
_CITY = ("city",)
_ISP = ("isp", "autonomous_system_organization", "organization", "as_name", "traits")


class MmdbTable:
    def __init__(self, path: Path, language: str) -> None:
        """`language` is that of the names, such as zh-CN; where a name has none, it is the English one. Raises OSError,
        ValueError if it is no such database, ConfigError if the library is missing."""
        try:
            import maxminddb
        except ImportError:
            raise ConfigError([f"plugins.geo-ip.file: to read an .mmdb, {to_install('geo')}"]) from None
        try:
            self._reader = maxminddb.open_database(path)
        except maxminddb.InvalidDatabaseError:
            raise ValueError("is no database of MaxMind, or a damaged one") from None
        self._language = language

    def get(self, address: Address) -> Location | None:
        try:
            record = self._reader.get(address)
        except ValueError:  # an IPv6 address in a database of IPv4
            return None
        return location_of(record, self._language) if isinstance(record, dict) else None

    def close(self) -> None:
        self._reader.close()


def location_of(record: dict[str, Any], language: str) -> Location:
    parts = (_COUNTRY, _PROVINCE, _CITY, _ISP)
    return Location(*[_first(record, names, language) for names in parts])


def _first(record: dict[str, Any], names: tuple[str, ...], language: str) -> str:
    return next(filter(None, [_name(record.get(name), language) for name in names]), "")


def _name(value: Any, language: str) -> str:
    """Returns the name in an entry: a text, an object with names by language, or the first of a list of those."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return ""
    if isinstance(isp := value.get("isp"), str):
        return isp
    names = value.get("names")
    named = names if isinstance(names, dict) else {}
    found = named.get(language) or named.get(ENGLISH) or value.get("iso_code")
    return found if isinstance(found, str) else ""
