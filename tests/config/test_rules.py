"""Rule selection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.config.load import load
from aigw.config.rules import HIGRESS_HOSTS, SAFE_HOSTS, PluginRules, Rule, match_keys, matches_domain


def select(rules, route="r1", host="h.io", service="", default=None):
    plugin = PluginRules(rules, [*(f"rule{i}" for i in range(len(rules))), default])
    index = plugin.select(route, host, service)
    return None if index is None else plugin.configs[index]


ROUTE, DOMAIN, SERVICE, PREFIX = (
    Rule(routes=("r1", "r2")), Rule(domains=("*.a.com", "h.io")), Rule(services=("llm.dns", "db.static:80")),
    Rule(prefixes=("ai-", "x-")),
)  # fmt: skip


def test_array_order_wins_over_specificity():
    assert select([Rule(domains=("*",)), ROUTE]) == "rule0"
    assert select([ROUTE, Rule(domains=("*",))]) == "rule0"
    assert select([DOMAIN, ROUTE], host="other") == "rule1"


NAMES = st.lists(st.sampled_from(["r1", "r2", "x-1"]), max_size=2).map(tuple)
HOSTS = st.lists(st.sampled_from(["h.io", "*.io", "a"]), max_size=1).map(tuple)
RULES = st.builds(Rule, NAMES, HOSTS, st.just(()), st.just(("x-",)))


@given(st.lists(RULES, max_size=6), st.sampled_from(["r1", "x-1", "other"]), st.sampled_from(["h.io", "b"]))
def test_the_first_rule_that_matches_counts_whatever_others_name(rules, route, host):
    matching = [f"rule{at}" for at, rule in enumerate(rules) if rule.matches(route, host, "")]
    assert select(rules, route, host) == (matching[0] if matching else None)


def test_without_a_match_the_global_config_or_nothing():
    assert select([ROUTE], route="zz", default="global") == "global"
    assert select([ROUTE], route="zz") is None
    assert select([], default="global") == "global"


@pytest.mark.parametrize(
    ("rule", "route", "host", "service", "matches"),
    [
        (ROUTE, "r2", "", "", True),
        (ROUTE, "r", "", "", False),
        (SERVICE, "", "", "llm.dns:443", True),
        (SERVICE, "", "", "llm.dns", True),
        (SERVICE, "", "", "db.static:80", True),
        (SERVICE, "", "", "db.static:81", False),
        (SERVICE, "", "", "db.static", False),
        (SERVICE, "", "", "", False),
        (PREFIX, "ai-route-1", "", "", True),
        (PREFIX, "my-ai-", "", "", False),
        (DOMAIN, "", "b.a.com", "", True),
        # the route also needs the service if both are there, and the domain does not count
        (Rule(("r1",), ("other.io",), ("llm.dns",)), "r1", "h.io", "llm.dns:443", True),
        (Rule(("r1",), ("other.io",), ("llm.dns",)), "r1", "other.io", "x.dns", False),
        (Rule(("r1",), ("other.io",)), "r1", "h.io", "", True),
        (Rule(("r1",), ("h.io",)), "r2", "h.io", "", False),
        # a domain goes before services, services before prefixes
        (Rule((), ("h.io",), ("llm.dns",)), "r1", "h.io", "x", True),
        (Rule((), ("h.io",), ("llm.dns",)), "r1", "x", "llm.dns", False),
        (Rule((), (), ("llm.dns",), ("r",)), "r1", "h.io", "x", False),
    ],
)
def test_what_a_rule_looks_at(rule, route, host, service, matches):
    assert rule.matches(route, host, service) is matches


@pytest.mark.parametrize(
    ("pattern", "host", "matches"),
    [
        ("*", "anything:1", True),
        ("*.a.com", "b.a.com", True),
        ("*.a.com", "a.com", False),
        ("*a.com", "a.com", True),
        ("api.*", "api.b.c:99", True),
        ("api.*", "xapi.b", False),
        ("h.io", "h.io:8080", True),
        ("h.io", "H.io", False),
        ("h.io:8080", "h.io:8080", False),
        ("[::1]", "[::1]:80", True),
        ("[::1]", "[::1]", True),
        ("[::2]", "[::1]", False),
        ("h.io", "", False),
    ],
)
def test_domain_patterns_of_higress(pattern, host, matches):
    assert is_domain(HIGRESS_HOSTS, pattern, host) is matches


@pytest.mark.parametrize(
    ("pattern", "host", "matches"),
    [
        ("gw.corp", "gw.corp.", True), ("gw.corp", "GW.Corp.:80", True), ("GW.CORP.", "gw.corp", True),
        ("gw.corp", "gw.corp:", True), ("gw.corp:80", "gw.corp", True), ("gw.corp", "xgw.corp", False),
        ("*.Corp", "A.corp.", True), ("*.corp.", "a.CORP:1", True), ("GW.*", "gw.corp.", True), ("*", "", True),
        ("bücher.de", "xn--bcher-kva.de", True), ("xn--bcher-kva.de", "BÜCHER.de.", True),
        ("*.bücher.de", "a.xn--bcher-kva.de", True), ("[::1]", "[0:0::0001]:80", True), ("[::1]", "[::2]", False),
        ("gw.corp", "gw.corp..", False), ("gw.corp", "gw.corp:x", False), ("gw.corp", "", False),
    ],
)  # fmt: skip
def test_all_spellings_of_a_domain_are_one(pattern, host, matches):
    assert is_domain(SAFE_HOSTS, pattern, host) is matches


def is_domain(forms, pattern, host):
    (domain,) = match_keys({"_match_domain_": [pattern]}, forms).domains
    return matches_domain([domain], forms.host(host))


@pytest.mark.parametrize(("fidelity", "domain"), [("safe", "gw.corp"), ("higress", "GW.corp.")])
def test_a_configuration_has_its_patterns_in_the_form_of_its_fidelity(fidelity, domain):
    loaded = load(
        None,
        {},
        text=b"""
fidelity: %b
plugins: {ai-proxy: {provider: {type: builtin}, _rules_: [{_match_domain_: [GW.corp.]}]}}
routes: [{name: r, match: {hosts: [GW.corp.]}}]
"""
        % fidelity.encode(),
    )
    assert loaded.plugins["ai-proxy"].rules.rules[0].domains == (domain,)
    assert loaded.config.routes[0].match.hosts == [domain]


def test_whether_the_host_matters():
    def depends(*rules, route="r1", service=""):
        return PluginRules(rules, [None] * (len(rules) + 1)).depends_on_host(route, service)

    assert not depends()
    assert not depends(ROUTE)
    assert depends(DOMAIN)
    assert depends(Rule(routes=("r9",)), DOMAIN)
    assert not depends(ROUTE, DOMAIN)  # settled before the domain is looked at
    assert depends(ROUTE, DOMAIN, route="r9")
    assert not depends(Rule(("r9",), ("h.io",)))  # its domain does not count
    assert not depends(SERVICE, DOMAIN, service="llm.dns:1")


def test_a_rule_can_switch_off():
    plugin = PluginRules([ROUTE], [None, "global"])
    assert plugin.select("r1", "", "") is None
    assert plugin.select("r3", "", "") == 1


def test_configs_must_fit_the_rules():
    with pytest.raises(ValueError, match="one config a rule"):
        PluginRules([ROUTE], ["only one"])


def test_match_keys():
    raw = {"_match_route_": ["a"], "_match_service_": [], "_match_route_prefix_": ["p"], "x": 1}
    assert match_keys(raw) == Rule(("a",), (), (), ("p",))


def test_an_empty_name_is_no_name():
    rule = match_keys({"_match_route_": ["", "r1"], "_match_route_prefix_": [""], "_match_service_": [""]})
    assert rule == Rule(routes=("r1",))
