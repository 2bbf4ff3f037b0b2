"""Plugins, their rules and what routes change about them."""

from dataclasses import replace

import pytest

from aigw.config.effective import effective
from aigw.config.load import load
from aigw.config.plugins import find_plugin, installed_plugins
from aigw.config.rules import NO_CONSUMERS, NO_MATCH_KEY
from aigw.core.plugin import Problem
from aigw.higress.other_plugins import why_missing
from aigw.plugins import ai_proxy
from aigw.plugins.ai_cache import plugin as ai_cache

PROVIDERS = "providers: [{type: a, apiTokens: [k]}, {type: b}]"


def chosen(loaded, name, route="", host="", service=""):
    rules = loaded.plugins[name].rules
    index = rules.select(route, host, service)
    return None if index is None else rules.configs[index]


def test_the_global_config_is_typed(read_config):
    loaded, errors, notes = read_config("plugins: {ai-cache: {key: a, cacheTTL: 5}}")
    assert (errors, notes) == ([], [])
    assert chosen(loaded, "ai-cache").cache_ttl == 5
    assert chosen(loaded, "ai-cache").key == "a"


@pytest.mark.parametrize("empty", ["{}", "", "null"])
def test_an_empty_config_is_a_plugin_that_is_on(read_config, empty):
    loaded, errors, _ = read_config(f"plugins:\n  ai-proxy: {empty}\n")
    assert errors == []
    assert chosen(loaded, "ai-proxy").providers == []


def test_only_rules_means_no_global_config(read_config):
    loaded, errors, _ = read_config("plugins: {ai-cache: {_rules_: [{_match_route_: [r1], key: a}]}}")
    assert errors == []
    assert chosen(loaded, "ai-cache", "r1").key == "a"
    assert chosen(loaded, "ai-cache", "r2") is None


def test_a_rule_replaces_the_global_config(read_config):
    text = "plugins: {ai-cache: {key: g, cacheTTL: 5, _rules_: [{_match_domain_: ['*.io'], key: r}]}}"
    loaded, errors, _ = read_config(text)
    assert errors == []
    assert (chosen(loaded, "ai-cache", host="h.io").key, chosen(loaded, "ai-cache", host="h.io").cache_ttl) == ("r", 60)
    assert (chosen(loaded, "ai-cache").key, chosen(loaded, "ai-cache").cache_ttl) == ("g", 5)


def test_a_rule_of_a_plugin_that_inherits_starts_as_a_copy(read_config):
    text = f"plugins: {{ai-proxy: {{{PROVIDERS}, activeId: a, _rules_: [{{_match_route_: [r2], activeId: b}}]}}}}"
    loaded, errors, _ = read_config(text)
    assert errors == []
    assert chosen(loaded, "ai-proxy", "r2").active_id == "b"
    assert chosen(loaded, "ai-proxy", "r2").providers == chosen(loaded, "ai-proxy").providers


def test_what_rules_inherit_is_read_once(read_config):
    """A thousand rules and a thousand consumers would take minutes."""
    rules = ", ".join(f"{{_match_route_: [r{index}], activeId: a}}" for index in (1, 2))
    loaded, errors, _ = read_config(f"plugins: {{ai-proxy: {{{PROVIDERS}, _rules_: [{rules}]}}}}")
    assert errors == []
    found = [chosen(loaded, "ai-proxy", route).providers for route in ("r1", "r2", "r3")]
    assert len({id(provider) for providers in found for provider in providers}) == len(found[0])


def test_an_inherited_problem_stands_where_it_was_written_and_once(read_config):
    text = """\
plugins:
  ai-proxy:
    providers: [{type: bad}]
    _rules_:
      - _match_route_: [r1]
        activeId: nobody
      - _match_route_: [r2]
        activeId: bad
"""
    _, errors, _ = read_config(text)
    assert errors == [
        "aigw.yaml:3 plugins.ai-proxy.providers[0].type: unknown provider type: bad",
        "aigw.yaml:6 plugins.ai-proxy._rules_[0].activeId: there is no provider 'nobody'",
    ]


def test_a_rule_needs_a_match_key(read_config):
    _, errors, _ = read_config(
        "plugins:\n  ai-cache:\n    _rules_:\n      - {key: a}\n      - {key: b, _match_route_: []}\n"
        "      - {key: c, _match_route_: ['']}"
    )
    assert errors == [
        f"aigw.yaml:4 plugins.ai-cache._rules_[0]: {NO_MATCH_KEY}",
        f"aigw.yaml:5 plugins.ai-cache._rules_[1]: {NO_MATCH_KEY}",
        f"aigw.yaml:6 plugins.ai-cache._rules_[2]: {NO_MATCH_KEY}",
    ]


def test_one_bad_rule_is_an_error(read_config):
    _, errors, _ = read_config("plugins: {ai-cache: {key: a, _rules_: [{_match_route_: [r], kye: a}, 3]}}")
    assert errors == [
        "aigw.yaml:1 plugins.ai-cache._rules_[0]: unknown key 'kye'; did you mean 'key'?",
        "aigw.yaml:1 plugins.ai-cache._rules_[0]: the required key 'key' is missing",
        "aigw.yaml:1 plugins.ai-cache._rules_[1]: must be a mapping: match keys and a configuration",
    ]


@pytest.mark.parametrize(
    ("rules", "finding"),
    [
        ("{}", "plugins.ai-cache._rules_: must be a list of rules"),
        (
            "[{_match_route_: r1, key: a}]",
            "plugins.ai-cache._rules_[0]._match_route_: must be a list, got 'r1'; write _match_route_: ['r1']",
        ),
        (
            "[{_match_rout_: [r1], _match_domain_: [h], key: a}]",
            "plugins.ai-cache._rules_[0]: unknown key '_match_rout_'; did you mean '_match_route_'?",
        ),
        (
            "[{_match_route_prefix_: [r], _match_consumer_: [c], key: a}]",
            f"plugins.ai-cache._rules_[0]: {NO_CONSUMERS}",
        ),
    ],
)
def test_malformed_rules(read_config, rules, finding):
    _, errors, _ = read_config(f"plugins: {{ai-cache: {{key: a, _rules_: {rules}}}}}")
    assert f"aigw.yaml:1 {finding}" in errors


def test_higress_tolerates_a_bad_global_config_if_there_are_rules(read_config):
    text = "routes: [{name: r}]\nplugins: {ai-cache: {kye: a, _rules_: [{_match_route_: [r], key: a}]}}"
    assert len(read_config(text)[1]) == 2
    loaded, errors, notes = read_config(f"fidelity: higress\n{text}")
    assert errors == []
    assert len(notes) == 2
    assert "only rules count" in notes[0]
    assert chosen(loaded, "ai-cache", "r").key == "a"
    assert chosen(loaded, "ai-cache", "s") is None


def test_routes_go_before_the_array(read_config):
    text = """\
plugins:
  ai-cache: {key: g, _rules_: [{_match_domain_: ['*'], key: any}]}
routes:
  - {name: none, plugins: {ai-cache: false}}
  - {name: own, plugins: {ai-cache: {key: own}}}
  - {name: plain}
"""
    loaded, errors, _ = read_config(text)
    assert errors == []
    assert chosen(loaded, "ai-cache", "none", "h") is None
    assert chosen(loaded, "ai-cache", "own", "h").key == "own"
    assert chosen(loaded, "ai-cache", "plain", "h").key == "any"
    rules = loaded.plugins["ai-cache"].rules
    assert [rules.depends_on_host(name, "") for name in ("none", "own", "plain")] == [False, False, True]


def test_a_plugin_can_be_on_one_route_only(read_config):
    loaded, errors, _ = read_config("routes: [{name: a, plugins: {ai-cache: {key: x}}}, {name: b}]")
    assert errors == []
    assert (loaded.order("a"), loaded.order("b")) == (["ai-cache"], [])


def test_what_a_route_says_of_a_plugin_that_nobody_has_on(read_config):
    loaded, errors, _ = read_config("routes: [{name: a, plugins: {ai-cache: false}}]")
    assert (errors, loaded.plugins) == ([], {})


def test_findings_on_routes(read_config):
    text = """\
routes:
  - name: a
    plugins:
      ai-cache: {kee: x}
      ai-proxy: on
      ai-cash: {}
"""
    assert read_config(text)[1] == [
        "aigw.yaml:4 routes[0].plugins.ai-cache: unknown key 'kee'; did you mean 'key'?",
        "aigw.yaml:4 routes[0].plugins.ai-cache: the required key 'key' is missing",
        "aigw.yaml:5 routes[0].plugins.ai-proxy: must be a mapping, or false to switch the plugin off on this route",
        "aigw.yaml:6 routes[0].plugins: unknown plugin 'ai-cash'; did you mean 'ai-cache'?",
    ]


def test_unknown_plugins(read_config):
    _, errors, _ = read_config("plugins:\n  ai-proxi: {}\n  bot-detect: {}\n  ai-cache: [1]\n  ../x: {}")
    assert errors[:3] == [
        "aigw.yaml:2 plugins: unknown plugin 'ai-proxi'; did you mean 'ai-proxy'?",
        f"aigw.yaml:3 plugins.bot-detect: {why_missing('bot-detect', 'take it out')}",
        "aigw.yaml:4 plugins.ai-cache: must be a mapping; {} switches the plugin on with nothing set",
    ]
    assert errors[3].startswith("aigw.yaml:5 plugins: unknown plugin '../x'")


def test_a_plugin_without_anything_to_do_is_noted(read_config):
    loaded, errors, notes = read_config("plugins: {ai-cache: {_rules_: []}}")
    assert (errors, loaded.plugins) == ([], {})
    assert notes == [
        "aigw.yaml:1 plugins.ai-cache: has neither a global configuration nor a rule, so that it never runs"
    ]


def test_plugins_are_found_by_their_higress_name():
    assert find_plugin("ai-proxy") is ai_proxy.ABOUT
    assert find_plugin("ai-cache") is ai_cache.ABOUT
    assert {"ai-proxy", "ai-cache"} <= {*installed_plugins()}
    for name in ("ai_proxy", "nope", "os", "..", "ai-proxy.x", "", "AI-PROXY"):
        assert find_plugin(name) is None


class TestAbout:
    TEXT = b"routes: [{name: r}]\nplugins: {ai-cache: {key: g, cacheTTL: 5, _rules_: [{_match_route_: [r], key: r}]}}"

    def test_a_plugin_that_says_nothing_else_replaces_the_global_config(self, abouts):
        loaded = load(None, {}, abouts.get, text=self.TEXT)
        assert chosen(loaded, "ai-cache", "r").cache_ttl == 60
        assert effective(loaded).values["plugins"]["ai-cache"]["_rules_"][0]["key"] == "r"

    def test_what_it_says_itself_counts(self, abouts):
        noting = replace(
            abouts["ai-cache"],
            inherits=True,
            check=lambda config: [Problem(("key",), "is not used by this version", note=True)],
        )
        loaded = load(None, {}, {"ai-cache": noting}.get, text=self.TEXT)
        assert chosen(loaded, "ai-cache", "r").cache_ttl == 5
        assert [note.partition(": ")[2] for note in loaded.notes] == ["is not used by this version"] * 2


@pytest.mark.parametrize(("head", "told"), [("", False), ("fidelity: higress\n", True)])
def test_what_only_higress_refuses(read_config, head, told):
    _, errors, _ = read_config(f"{head}plugins: {{ai-proxy: {{providers: [{{type: new}}]}}}}")
    assert any("providers[0].type: Higress has none" in each for each in errors) == told


@pytest.mark.parametrize(
    ("above", "own", "safe", "higress"),
    [
        ("provider: {type: ollama, ollamaServerHost: h, ollamaServerPort: 1}", "", ["ollama"], []),
        ("providers: [{id: a, type: builtin}], activeProviderId: a", "", ["builtin"], []),
        ("providers: [{id: a, type: builtin}], activeProviderId: a", "provider: {type: generic}", ["generic"], ...),
        ("provider: {type: generic}, providers: [{id: a, type: builtin}]", "activeProviderId: a", ["builtin"], ...),
    ],
)
@pytest.mark.parametrize("fidelity", ["safe", "higress"])
def test_a_rule_replaces_the_choice_of_a_provider(fidelity, above, own, safe, higress):
    rule = f"_match_route_: [r1]{', ' if own else ''}{own}"
    text = f"fidelity: {fidelity}\nplugins: {{ai-proxy: {{{above}, _rules_: [{{{rule}}}]}}}}"
    loaded = load(None, {}, text=text.encode())
    found = [each.type for each in chosen(loaded, "ai-proxy", "r1").active()]
    assert found == (higress if fidelity == "higress" and higress is not ... else safe)
