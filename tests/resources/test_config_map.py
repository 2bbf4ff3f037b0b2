"""The ConfigMap with what only aigw knows."""

import msgspec
import pytest

from aigw.config.model import GatewayConfig
from aigw.core.errors import ConfigError
from aigw.resources.config_map import SECTIONS, kept_sections, unmapped, write_sections
from aigw.resources.resource import Resource


def resource(values, kind="ConfigMap"):
    return Resource(kind, "aigw", "higress-system", values, "r.yaml")


def test_what_is_written_is_read_again():
    sections = {"listen": "127.0.0.1:1", "guard": {"rules": [{"words": ["${X}", "a\nb"]}]}}
    found = resource(write_sections(sections, {"b.dns", "a.dns"}, "higress-system"))
    assert kept_sections(found) == sections
    assert unmapped(found) == {"a.dns", "b.dns"}


def test_others_are_not_ours():
    assert kept_sections(resource({"data": {"higress": "x"}})) is None
    assert kept_sections(resource({"data": {"aigw.yaml": "a: 1"}}, "Secret")) is None
    assert kept_sections(resource({"data": []})) is None
    assert kept_sections(resource({"data": {"aigw.yaml": ""}})) == {}
    assert unmapped(resource({})) == set()
    with pytest.raises(ConfigError):
        kept_sections(resource({"data": {"aigw.yaml": "a: ["}}))


def test_each_section_has_a_counterpart_or_a_resource():
    sections = {field.encode_name for field in msgspec.structs.fields(GatewayConfig)}
    assert sections - SECTIONS.keys() == {"plugins", "routes", "services", "order"}
    assert SECTIONS.keys() <= sections
