"""Services of a McpBridge, read and written."""

import pytest

from aigw.resources.mcp_bridge import Service, read_bridge, write_registries
from aigw.resources.report import Findings
from aigw.resources.resource import Resource


def read(*registries, **spec):
    findings = Findings()
    values = {"spec": {"registries": list(registries), **spec}}
    return read_bridge(Resource("McpBridge", "default", "higress-system", values), findings), findings


@pytest.mark.parametrize(
    ("registry", "service", "url"),
    [
        ({"name": "a", "type": "dns", "domain": "a.com", "port": 443}, Service("a.dns", 443, "https", "a.com:443"), "https://a.com"),
        ({"name": "a", "type": "dns", "domain": "a.com", "port": "80"}, Service("a.dns", 80, "http", "a.com:80"), "http://a.com"),
        (
            {"name": "a", "type": "dns", "domain": "a.com", "port": 8443, "protocol": "HTTPS"},
            Service("a.dns", 8443, "https", "a.com:8443"), "https://a.com:8443",
        ),
        (
            {"name": "a.b", "type": "static", "domain": "10.0.0.1:9000", "port": 80},
            Service("a.b.static", 80, "http", "10.0.0.1:9000"), "http://10.0.0.1:9000",
        ),
        (
            {"name": "a", "type": "static", "domain": "[::1]:9000"},
            Service("a.static", 80, "http", "[::1]:9000"), "http://[::1]:9000",
        ),
    ],
)  # fmt: skip
def test_a_service_that_says_where_it_is(registry, service, url):
    found, findings = read(registry)
    assert found == [service]
    assert service.url == url
    assert [entry.level for entry in findings] == ["exact"]
    assert read(*write_registries(found))[0] == found


@pytest.mark.parametrize(
    "registry",
    [
        {"name": "a", "type": "nacos2", "domain": "10.0.0.1"},
        {"name": "a", "type": "dns", "domain": "http://a.com/x"},
        {"name": "a", "type": "dns", "domain": "a.com", "port": "many"},
        {"type": 7},
        {},
    ],
)
def test_what_cannot_be_found_is_told(registry):
    found, findings = read(registry)
    assert found == []
    assert [entry.level for entry in findings] == ["none"]


@pytest.mark.parametrize(
    ("registry", "told"),
    [
        ({"name": "a", "type": "dns", "domain": "a.com", "port": "many"}, "its port is not a whole number"),
        ({"name": "a", "type": "dns", "domain": ["a.com"]}, "its domain is not text"),
        ({"type": "static", "domain": "a.com"}, "needs a name"),
    ],
)
def test_what_is_wrong_with_a_registry_is_told_in_words(registry, told):
    (entry,) = read(registry)[1]
    assert (told in entry.message, entry.field) == (True, "spec.registries[0]")


@pytest.mark.parametrize(("sni", "told"), [("", 0), ("a.com", 0), ("b.com", 1)])
def test_another_name_in_the_certificate_is_told(sni, told):
    _, findings = read({"name": "a", "type": "dns", "domain": "a.com", "port": 443, "sni": sni})
    assert [entry.field for entry in findings.of("approximate")] == ["spec.registries[0].sni"] * told


def test_what_is_lost():
    found, findings = read({"name": "a", "type": "static", "domain": "10.0.0.1:80,10.0.0.2:80", "authSecretName": "s"})
    assert [service.authority for service in found] == ["10.0.0.1:80"]
    assert [entry.level for entry in findings] == ["approximate", "none"]
    assert [entry.level for entry in read(new=1, proxies=[{}])[1]] == ["unknown", "none"]
    assert read_bridge(Resource("McpBridge", "x", "y", {"spec": []}), Findings()) == []


@pytest.mark.parametrize(("type_", "suffix"), [("nacos2", "nacos"), ("zookeeper", "zookeeper"), ("", "TYPE")])
def test_a_registry_that_is_not_asked_here_says_how_its_services_end(type_, suffix):
    _, findings = read({"name": "a", "type": type_, "domain": "10.0.0.1"})
    assert [f"such as NAME.{suffix}: http" in entry.nearest for entry in findings] == [True]
