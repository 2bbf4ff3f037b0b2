"""Mappings of models that differ by destination become those of the providers, where that is possible."""

from copy import deepcopy

import pytest

from aigw.resources.importing.mappings import Use, move_mappings
from aigw.resources.report import Findings


def use(route, provider, main="", rules=""):
    return Use(main or route, rules or route, f"llm-{provider}.dns:443", "ai-proxy", provider)


def rule(route, provider, **mapping):
    return {"_match_route_": [route], "_match_service_": [f"llm-{provider}.dns"], "modelMapping": mapping}


def moved(rules, uses, default=None, **mappings):
    """`mappings` are those that the providers have already. Returns the plugins and the levels of what is told."""
    providers = [{"id": name, **({"modelMapping": mappings[name]} if name in mappings else {})} for name in "abc"]
    plugins = {"ai-proxy": {"providers": providers}, "model-mapper": {**(default or {}), "_rules_": deepcopy(rules)}}
    findings = Findings()
    move_mappings(plugins, uses, findings)
    return plugins, [entry.level for entry in findings]


def mappings_of(plugins):
    return {each["id"]: each.get("modelMapping") for each in plugins["ai-proxy"]["providers"]}


SHARED = [use("r", "a"), use("r", "b"), use("r.fallback", "c", main="r")]
RULES = [rule("r", "a", m="a1"), rule("r", "b", m="b1"), rule("r.fallback", "c", **{"*": "c1"})]


def test_each_provider_gets_its_own():
    plugins, levels = moved(RULES, SHARED)
    assert mappings_of(plugins) == {"a": {"m": "a1"}, "b": {"m": "b1"}, "c": {"*": "c1"}}
    assert "model-mapper" not in plugins
    assert levels == ["approximate"]


def test_other_routes_keep_their_rules():
    other = rule("alone", "d", m="d1")
    plugins, _ = moved([*RULES, other], [*SHARED, use("alone", "d")])
    assert plugins["model-mapper"] == {"_rules_": [other]}


def test_a_route_that_shares_a_provider_goes_along():
    rules = [*RULES, rule("alone", "a", m="a1")]
    plugins, levels = moved(rules, [*SHARED, use("alone", "a")])
    assert "model-mapper" not in plugins
    assert levels == ["approximate", "approximate"]


@pytest.mark.parametrize("uses", [[use("r", "a")], [use("r", "a"), use("r", "b")]])
def test_one_mapping_for_all_stays(uses):
    rules = [rule("r", "a", m="1"), rule("r", "b", m="1")]
    plugins, levels = moved(rules, uses)
    assert plugins["model-mapper"]["_rules_"] == rules
    assert (set(mappings_of(plugins).values()), levels) == ({None}, [])


@pytest.mark.parametrize(
    ("rules", "uses", "default", "mappings"),
    [
        ([*RULES, rule("alone", "a", m="other")], [*SHARED, use("alone", "a")], None, {}),
        (RULES, [*SHARED, use("alone", "a")], None, {}),
        (RULES, SHARED, None, {"a": {"m": "other"}}),
        (RULES, SHARED, {"modelMapping": {"m": "other"}}, {}),
        ([{**RULES[0], "modelToHeader": "x-m"}, *RULES[1:]], SHARED, None, {}),
        ([{key: RULES[0][key] for key in ("_match_service_", "modelMapping")}, *RULES[1:]], SHARED, None, {}),
    ],
)
def test_what_cannot_be_moved_is_told(rules, uses, default, mappings):
    plugins, levels = moved(rules, uses, default, **mappings)
    assert plugins["model-mapper"]["_rules_"] == rules
    assert {name: each for name, each in mappings_of(plugins).items() if each} == mappings
    assert levels == ["none"]
