"""Which plugin a resource is, and what the gateway gets. tests/conformance plays the rest (W02)."""

import pytest

from aigw.core.plugin import Place
from aigw.resources.report import Findings
from aigw.resources.resource import Resource
from aigw.resources.wasm_plugin import NAME_LABEL, image_of, plugin_name, read_plugin, write_plugin


def resource(spec, name="x", labels=None):
    values = {"kind": "WasmPlugin", "metadata": {"name": name, "labels": labels or {}}, "spec": spec}
    return Resource("WasmPlugin", name, "higress-system", values)


@pytest.mark.parametrize(
    ("url", "name", "labels", "expected"),
    [
        ("oci://r.cn/plugins/ai-proxy:1.0.0", "x", {NAME_LABEL: "ai-cache"}, "ai-cache"),
        ("oci://r.cn/plugins/ai-proxy:1.0.0", "x", None, "ai-proxy"),
        ("oci://r.cn:5000/plugins/ai-proxy", "x", None, "ai-proxy"),
        ("oci://r.cn/plugins/ai-proxy@sha256:ab12", "x", None, "ai-proxy"),
        ("file:///opt/plugins/ai-proxy/plugin.wasm", "x", None, "ai-proxy"),
        ("https://a.com/ai-proxy/main.wasm?x=1", "x", None, "ai-proxy"),
        ("http://a.com/ai-rag.wasm", "x", None, "ai-rag"),
        ("", "ai-proxy-1.0.0", None, "ai-proxy"),
        ("", "ai-proxy.internal", None, "ai-proxy"),
        ("", "ai-proxy", None, "ai-proxy"),
    ],
)
def test_which_plugin_it_is(url, name, labels, expected):
    assert plugin_name(resource({"url": url}, name, labels)) == expected


def test_what_is_read_can_be_written_again():
    spec = {
        "url": "oci://r.cn/plugins/ai-proxy:9", "phase": "AUTHN", "priority": 7, "failStrategy": "FAIL_CLOSE",
        "vmConfig": {"env": [{"name": "A", "valueFrom": "INLINE", "value": "x"}]}, "imagePullPolicy": "Always",
        "defaultConfig": {"a": 1}, "defaultConfigDisable": False,
        "matchRules": [
            {"ingress": ["r"], "service": ["s.dns"], "configDisable": False, "config": {"a": 2}},
            {"domain": ["*.com"], "configDisable": False, "config": {"a": 3}},
            {"ingress": ["q"], "configDisable": True, "config": {"a": 4}},
        ],
        "someNewField": 1,
    }  # fmt: skip
    findings = Findings()
    part = read_plugin(resource(spec), findings)
    assert part.place == Place("AUTHN", 7)
    assert part.configuration == {
        "a": 1,
        "_rules_": [
            {"_match_route_": ["r"], "_match_service_": ["s.dns"], "a": 2},
            {"_match_domain_": ["*.com"], "a": 3},
        ],
    }
    assert [(entry.level, entry.field) for entry in findings] == [("unknown", "spec.someNewField")]
    written = write_plugin(part.plugin, "higress-system", part.place, part.configuration, part.settings)
    assert written["spec"] == spec


def test_a_rule_for_grpc_alone_is_told():
    rule = {"ingress": ["r"], "config": {"a": 1}, "routeType": "GRPC"}
    findings = Findings()
    read_plugin(resource({"matchRules": [{**rule, "routeType": "HTTP"}, rule]}), findings)
    assert [(entry.level, entry.field) for entry in findings] == [("none", "spec.matchRules[1].routeType")]


def test_an_image_has_the_version_of_higress_2():
    start = "oci://higress-registry.cn-hangzhou.cr.aliyuncs.com/plugins/"
    assert image_of("ai-proxy") == f"{start}ai-proxy:2.0.0"
    assert image_of("ai-context-limit") == f"{start}ai-context-limit:1.0.0"


def test_a_plugin_that_is_only_off_is_written_as_off():
    written = write_plugin("ai-cache", "n", Place("", 1), {"_rules_": []}, {})
    assert written["spec"]["defaultConfigDisable"] is True
    assert read_plugin(resource(written["spec"]), Findings()).configuration is None
    empty = write_plugin("ai-cache", "n", Place("", 1), {}, {})
    assert read_plugin(resource(empty["spec"]), Findings()).configuration == {}
    assert not read_plugin(resource(empty["spec"], "ai-cache"), Findings()).has_settings
