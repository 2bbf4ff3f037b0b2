"""A configuration means the same after an export and an import: each recipe, each case of Higress's behaviour, and
whatever can be put together of their parts."""

import sys
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from meaning import meaning, there_and_back

from aigw.config.load import examine, load
from aigw.config.plugins import find_plugin, installed_plugins
from aigw.resources.exporting.resources import exported, files_of
from aigw.resources.exporting.source import SourceConfig
from aigw.resources.exporting.source import given as read_file
from aigw.resources.importing.configuration import imported
from aigw.resources.resource import read_resources
from aigw.resources.shapes import IngressSpec, McpBridgeSpec, WasmPluginSpec
from aigw.resources.text import yaml_of
from aigw.resources.unknown import prune

TESTS = Path(__file__).parents[2]
RECIPES = sorted((TESTS.parent / "recipes").glob("*.yaml"))
KEYS = {name: f"sk-{name}-0123456789" for name in ("MOONSHOT_API_KEY", "DEEPSEEK_API_KEY", "DASHSCOPE_API_KEY")}
SPECS = {"WasmPlugin": WasmPluginSpec, "Ingress": IngressSpec, "McpBridge": McpBridgeSpec}

sys.path.append(str(TESTS / "conformance"))
from player import cases as player_cases  # noqa: E402
from player.configuration import gateway_config  # noqa: E402


def configurations():
    """Those of the conformance cases that aigw does not refuse, by the name of the case."""
    for file in ("higress-cases.yaml", "more-cases.yaml"):
        for case in player_cases.load(TESTS / "conformance" / file):
            if player_cases.plugins_of(case) and not player_cases.not_built(case):
                yield case["id"], gateway_config(case, {})


def same(config, env=KEYS):
    """Whether a configuration means the same after its way; True also for one that is refused."""
    text = config if isinstance(config, bytes) else yaml.safe_dump(config, sort_keys=False).encode()
    loaded, _ = examine(None, env, text=text)
    if loaded is None or any(
        "share its requests" in each for each in told(exported(SourceConfig(loaded, text)), "none")
    ):
        return True
    back = there_and_back(loaded, text, env)
    assert meaning(back) == meaning(loaded)
    return True


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_means_the_same_afterwards(path):
    loaded = load(path, KEYS)
    back = there_and_back(loaded, path.read_bytes(), KEYS)
    assert meaning(back) == meaning(loaded)


def test_a_case_means_the_same_afterwards(part):
    for name, config in part(list(configurations()), 0):
        assert same(config), name


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_what_is_written_has_only_fields_of_the_resources(path):
    for resource in exported(SourceConfig(load(path, KEYS), path.read_bytes())).resources:
        assert {"apiVersion", "kind", "metadata"} < set(resource)
        if resource["kind"] in SPECS:
            spec = SPECS[resource["kind"]]
            assert prune(resource["spec"], spec).unknown == []
            msgspec.convert(resource["spec"], spec)


def test_what_is_called_exact_is_shown_by_a_case():
    files = [TESTS / "conformance" / name for name in ("higress-cases.yaml", "more-cases.yaml")]
    shown = {name for file in files for case in player_cases.load(file) for name in player_cases.plugins_of(case)}
    abouts = {name: find_plugin(name) for name in installed_plugins()}
    assert {name for name, about in abouts.items() if about and not about.nearest} <= shown


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_no_secret_is_written(path):
    result = exported(SourceConfig(load(path, KEYS), path.read_bytes()))
    written = "".join(files_of(result.resources).values())
    for key in KEYS.values():
        assert key not in written


def written(text, env=KEYS):
    """The resources of a configuration, by kind, and what is told."""
    loaded = load(None, env, text=text.encode())
    result = exported(SourceConfig(loaded, text.encode()))
    kinds = {}
    for resource in result.resources:
        kinds.setdefault(resource["kind"], []).append(resource)
    return kinds, result


def told(result, *levels):
    return [f"{entry.what} {entry.field}: {entry.message}" for entry in result.findings.of(*levels)]


def test_a_plugin_that_is_off_on_a_route_names_the_others():
    kinds, result = written("""
plugins:
  ai-prompt-decorator: {append: [{role: user, content: x}], _rules_: [{_match_service_: [llm.dns], append: []}]}
routes:
  - {name: a, match: {path: /a/*}, upstream: 'llm.dns:80', plugins: {ai-prompt-decorator: false}}
  - {name: b, match: {path: /b/*}, upstream: 'llm.dns:80'}
  - {name: c}
""")
    spec = kinds["WasmPlugin"][0]["spec"]
    assert spec["defaultConfigDisable"] is True
    assert [rule["ingress"] for rule in spec["matchRules"]] == [["b"], ["b", "c"]]
    assert "none" not in {entry.level for entry in result.findings}


def test_a_rule_for_a_host_cannot_leave_a_route_out():
    _, result = written("""
plugins: {model-mapper: {_rules_: [{_match_domain_: [a.com], modelMapping: {'*': mock}}]}}
routes: [{name: a, plugins: {model-mapper: false}}]
""")
    message = "plugin model-mapper _match_domain_: holds in Higress on the routes a, too, where the plugin is off"
    assert told(result, "none") == [message]


def test_where_providers_share_requests_a_rule_for_a_host_comes_too_late():
    _, result = written("""
plugins:
  ai-proxy:
    providers: [{id: a, type: openai}, {id: b, type: qwen, apiTokens: [x]}]
    weights: {a: 2, b: 1}
    _rules_: [{_match_domain_: [a.com], activeProviderId: a}]
""")
    message = "does not hold in Higress on the route default, whose providers share its requests"
    assert f"plugin ai-proxy _match_domain_: {message}" in told(result, "none")


def test_providers_that_share_requests_are_destinations_with_weights():
    kinds, result = written("""
plugins:
  ai-proxy:
    providers: [{id: A, type: openai}, {id: b, type: qwen, apiTokens: [x]}]
    weights: {A: 2, b: 1}
""")
    (ingress,) = kinds["Ingress"]
    assert ingress["metadata"]["annotations"]["higress.io/destination"] == (
        "67% llm-a.internal.dns:443\n33% llm-b.internal.dns:443"
    )
    rules = kinds["WasmPlugin"][0]["spec"]["matchRules"]
    assert [(rule["service"], rule["config"]) for rule in rules] == [
        (["llm-a.internal.dns"], {"activeProviderId": "A"}),
        (["llm-b.internal.dns"], {"activeProviderId": "b"}),
    ]
    (bridge,) = kinds["McpBridge"]
    assert [(each["name"], each["domain"]) for each in bridge["spec"]["registries"]] == [
        ("llm-a.internal", "api.openai.com"),
        ("llm-b.internal", "dashscope.aliyuncs.com"),
    ]
    assert told(result, "none") == []


def test_a_provider_that_shares_requests_is_known_where_the_plugin_is_off_elsewhere():
    kinds, _ = written("""
plugins: {ai-proxy: {providers: [{id: a, type: openai}, {id: b, type: groq, apiTokens: [x]}], weights: {a: 1, b: 1}}}
routes: [{name: llm, match: {path: /v1/*}}, {name: site, upstream: 'http://127.0.0.1:8000', plugins: {ai-proxy: false}}]
""")
    rules = kinds["WasmPlugin"][0]["spec"]["matchRules"]
    assert [rule["ingress"] for rule in rules] == [["llm"]] * 3
    assert all(len(rule["config"]["providers"]) == 2 for rule in rules)


def test_keys_that_aigw_does_not_know_are_given_back_where_they_stood():
    spec = {
        "priority": 100,
        "defaultConfig": {"providers": [{"id": "a", "type": "openai", "new": 1}], "activeProviderId": "a"},
        "matchRules": [{"ingress": ["i"], "config": {"activeProviderId": "a", "newer": 2}}],
    }
    resource = {"kind": "WasmPlugin", "metadata": {"name": "ai-proxy"}, "spec": spec}
    result = imported(read_resources(yaml_of(resource).encode(), "r"))
    assert len(result.findings.of("unknown")) == 2
    result.values["routes"] = [{"name": "r", "plugins": {"ai-proxy": {}}}]
    kinds, _ = written(result.text())
    again = kinds["WasmPlugin"][0]["spec"]
    assert again["defaultConfig"]["providers"][0]["new"] == 1
    assert [rule["config"].get("newer") for rule in again["matchRules"]] == [None, 2]


def test_the_host_of_an_upstream_is_sent():
    kinds, _ = written("routes: [{name: My web, upstream: 'http://127.0.0.1:8000'}]\n")
    assert kinds["Ingress"][0]["metadata"] == {
        "name": "my-web", "namespace": "higress-system",
        "annotations": {
            "higress.io/destination": "my-web-upstream.static:80",
            "higress.io/upstream-vhost": "127.0.0.1:8000",
            "aigw.io/route": "My web",
        },
    }  # fmt: skip
    (registry,) = kinds["McpBridge"][0]["spec"]["registries"]
    assert (registry["name"], registry["type"], registry["domain"]) == ("my-web-upstream", "static", "127.0.0.1:8000")


def test_an_address_of_this_machine_is_none_of_a_cluster():
    text = (
        "services: {redis.static: 'redis://127.0.0.1:6379'}\nplugins: {ai-cache: {redis: {serviceName: redis.static}}}"
    )
    kinds, result = written(text)
    assert "service redis.static : 127.0.0.1 is the gateway itself in a cluster" in told(result, "none")
    (registry,) = kinds["McpBridge"][0]["spec"]["registries"]
    assert registry == {"name": "redis", "type": "static", "domain": "127.0.0.1:6379", "port": 80}


def test_what_only_aigw_has_is_told_and_kept():
    kinds, result = written("""
guard: {strict: true}
services: {redis.static: 'rediss://user:secret-password@10.0.0.5:6380/2', api.openai.com: 'http://127.0.0.1:9'}
plugins:
  ai-budget: {repetition: {}}
  ai-proxy: {provider: {type: builtin}}
  ai-cache: {redis: {serviceName: redis.static}}
""")
    lost = told(result, "none")
    assert "guard : the screen of this machine is not there" in lost
    assert "plugin ai-budget : Higress has no such plugin" in lost
    assert "route default plugin ai-proxy: builtin is a part of aigw" in lost
    assert "services api.openai.com: no service of the configuration has this name" in lost
    assert any(line.startswith("services redis.static: ") for line in lost)
    assert all("secret-password" not in line for line in lost)
    (config_map,) = kinds["ConfigMap"]
    kept = yaml.safe_load(config_map["data"]["aigw.yaml"])
    assert kept["guard"] == {"strict": True}
    assert list(kept["plugins"]) == ["ai-budget"]
    assert kept["services"]["redis.static"].startswith("${secret.aigw.")
    assert [each["metadata"]["name"] for each in kinds["WasmPlugin"]] == ["ai-cache", "ai-proxy"]


def test_variables_of_the_file_become_keys_of_a_secret_unless_they_are_no_secrets():
    text = """
plugins:
  ai-proxy:
    provider: {type: openai, apiTokens: ['${OPENAI_API_KEY}'], modelMapping: {'*': '${MODEL}'}}
  key-auth: {keys: [authorization], consumers: [{name: a, credential: Bearer literal-secret}]}
"""
    kinds, result = written(text, {"OPENAI_API_KEY": "sk-real-0123456789", "MODEL": "gpt-5"})
    by_name = {each["metadata"]["name"]: each["spec"]["defaultConfig"] for each in kinds["WasmPlugin"]}
    assert by_name["ai-proxy"]["provider"]["apiTokens"] == ["${secret.aigw.OPENAI_API_KEY}"]
    assert by_name["ai-proxy"]["provider"]["modelMapping"] == {"*": "gpt-5"}
    assert by_name["key-auth"]["consumers"][0]["credential"] == "${secret.aigw.KEY_AUTH_A_CREDENTIAL}"
    assert result.secrets == {"KEY_AUTH_A_CREDENTIAL": "Bearer literal-secret", "OPENAI_API_KEY": ""}


def test_a_key_that_is_not_set_is_not_needed(tmp_path):
    path = tmp_path / "aigw.yaml"
    path.write_text("plugins: {ai-proxy: {provider: {type: openai, apiTokens: ['${K}'], modelMapping: {'*': '${M}'}}}}")
    (plugin,) = (each for each in exported(read_file(path, {})).resources if each["kind"] == "WasmPlugin")
    provider = plugin["spec"]["defaultConfig"]["provider"]
    assert (provider["apiTokens"], provider["modelMapping"]) == (["${secret.aigw.K}"], {"*": "${secret.aigw.M}"})


def test_a_variable_with_a_default_keeps_its_name():
    """Two keys with the same default are not one."""
    text = """
plugins:
  ai-proxy: {provider: {type: qwen, apiTokens: ['${DASHSCOPE_API_KEY:-unused}'], modelMapping: {'*': '${MODEL:-q}'}}}
  key-auth: {keys: [x-key], consumers: [{name: a, credential: '${KEY_OF_A:-unused}'}]}
  ai-cache: {redis: {serviceName: redis.static, username: '${REDIS_USER:-}', password: '${REDIS_PASSWORD:-}'}}
"""
    kinds, result = written(text, {"KEY_OF_A": "key-0123456789"})
    by_name = {each["metadata"]["name"]: each["spec"]["defaultConfig"] for each in kinds["WasmPlugin"]}
    provider = by_name["ai-proxy"]["provider"]
    assert (provider["apiTokens"], provider["modelMapping"]) == (["${secret.aigw.DASHSCOPE_API_KEY}"], {"*": "q"})
    assert by_name["key-auth"]["consumers"][0]["credential"] == "${secret.aigw.KEY_OF_A}"
    assert by_name["ai-cache"]["redis"]["username"] == ""
    assert by_name["ai-cache"]["redis"]["password"] == "${secret.aigw.REDIS_PASSWORD}"
    assert result.secrets == {"DASHSCOPE_API_KEY": "unused", "KEY_OF_A": "", "REDIS_PASSWORD": ""}


def test_another_order_becomes_priorities():
    kinds, _ = written(
        "plugins: {ai-cache: {redis: {serviceName: r.static}}, ai-statistics: {}}\norder: [ai-cache, ai-statistics]"
    )
    assert [(each["metadata"]["name"], each["spec"]["priority"]) for each in kinds["WasmPlugin"]] == [
        ("ai-cache", 20),
        ("ai-statistics", 10),
    ]


@pytest.mark.parametrize(("fidelity", "told_to_higress"), [("safe", {"activeProviderId": "a"}), ("higress", {})])
def test_the_provider_that_a_rule_inherits_is_told_to_higress_which_inherits_none(fidelity, told_to_higress):
    kinds, _ = written(f"""
fidelity: {fidelity}
plugins:
  ai-proxy:
    providers: [{{id: a, type: openai, apiTokens: [k]}}]
    activeProviderId: a
    _rules_: [{{_match_domain_: [a.com]}}]
""")
    spec = kinds["WasmPlugin"][0]["spec"]
    assert [rule["config"] for rule in spec["matchRules"] if rule.get("domain")] == [told_to_higress]


def test_routes_that_higress_would_try_in_another_order_are_told():
    text = "routes: [{name: a}, {name: b, match: {path: /v1/chat/completions}}]"
    assert any("whole paths first" in line for line in told(written(text)[1], "approximate"))
    text = "routes: [{name: b, match: {path: /v1/chat/completions}}, {name: a}]"
    assert not any("whole paths first" in line for line in told(written(text)[1], "approximate"))


def test_keys_of_aigws_own_are_told():
    text = "plugins: {ai-proxy: {providers: [{id: a, type: openai}], activeProviderId: a, fallback: [a]}}"
    assert "plugin ai-proxy fallback: Higress ignores this key" in told(written(text)[1], "none")


@pytest.mark.parametrize("path", sorted((TESTS / "data" / "higress").glob("*.yaml")), ids=lambda path: path.stem)
def test_what_was_imported_means_the_same_after_an_export(path):
    result = imported(read_resources(path.read_bytes(), path.name))
    env = {name: value or "x" for name, value in result.variables.items()}
    text = result.text().encode()
    loaded = load(None, env, text=text)
    assert meaning(there_and_back(loaded, text, env)) == meaning(loaded)


def test_what_an_import_has_kept_is_given_back():
    path = TESTS / "data" / "higress" / "list.yaml"
    result = imported(read_resources(path.read_bytes(), path.name))
    kinds, _ = written(result.text())
    notes = [each["metadata"]["annotations"] for each in kinds["Ingress"]]
    assert notes[0]["higress.io/some-new-thing"] == "yes"
    assert notes[0]["nginx.ingress.kubernetes.io/rewrite-target"] == "/"
    path = TESTS / "data" / "higress" / "several-of-one.yaml"
    result = imported(read_resources(path.read_bytes(), path.name))
    kinds, _ = written(result.text())
    assert {each["metadata"]["name"] for each in kinds["WasmPlugin"]} >= {"jwt", "model-mapper", "decorate-b"}
    path = TESTS / "data" / "higress" / "console-shares.yaml"
    result = imported(read_resources(path.read_bytes(), path.name))
    kinds, _ = written(result.text(), result.variables)
    specs = {each["metadata"]["name"]: each["spec"] for each in kinds["WasmPlugin"]}
    proxy, auth = specs["ai-proxy.internal"], specs["key-auth.internal"]
    assert [each["id"] for each in proxy["defaultConfig"]["providers"]] == ["first", "odd", "second", "own"]
    assert proxy["defaultConfig"]["providers"][0]["openaiExtraCustomUrls"] == []
    chosen = [rule["config"]["activeProviderId"] for rule in proxy["matchRules"]]
    assert chosen[-4:] == ["first", "odd", "second", "own"]
    assert auth["matchRules"][1]["ingress"] == ["ai-route-chat.fallback.internal"]


def test_what_a_path_is_rewritten_to_goes_with_its_regular_expression():
    text = """
kind: Ingress
metadata: {name: i, annotations: {higress.io/rewrite-target: /$2, higress.io/destination: 'x.dns:80'}}
spec: {rules: [{http: {paths: [{path: '/v1(/|$)(.*)', pathType: Prefix}]}}]}
"""
    result = imported(read_resources(text.encode(), "r.yaml"))
    for changed, path, rewritten in ((False, "/v1(/|$)(.*)", "/$2"), (True, "/v2", None)):
        kinds, _ = written(result.text().replace("path: /v1*", "path: /v2") if changed else result.text())
        (ingress,) = kinds["Ingress"]
        assert ingress["spec"]["rules"][0]["http"]["paths"][0]["path"] == path
        assert ingress["metadata"]["annotations"].get("higress.io/rewrite-target") == rewritten


def test_pages_that_may_call_stand_at_each_ingress():
    kinds, found = written("cors: {origins: ['https://a.com']}\nroutes: [{name: a, upstream: 'http://x.com'}]\n")
    assert kinds["Ingress"][0]["metadata"]["annotations"]["higress.io/cors-allow-origin"] == "https://a.com"
    assert [entry.level for entry in found.findings if entry.what == "cors"] == ["approximate"]


# ---- whatever can be put together


NAMES = ["one", "two", "three", "One of them", "ns/four"]
DECORATIONS = st.sampled_from([{"append": [{"role": "user", "content": word}]} for word in ("a", "b", "${x}", "$${Y}")])
MAPPINGS = st.sampled_from([{"modelMapping": {"*": word}} for word in ("mock", "echo")])
PROVIDERS = [
    {"id": "here", "type": "builtin"},
    {"id": "qwen", "type": "qwen", "apiTokens": ["sk-literal-123456", "${DASHSCOPE_API_KEY}"]},
    {"id": "own", "type": "openai", "openaiCustomUrl": "http://127.0.0.1:9999/v1"},
]
CHOICES = st.sampled_from(
    [
        {"activeProviderId": "here"},
        {"activeProviderId": "qwen"},
        {"activeProviderId": "own", "fallback": ["qwen"]},
        {"weights": {"qwen": 2, "own": 1}},
        {},
    ]
)
MATCHES = st.one_of(
    st.fixed_dictionaries({"_match_route_": st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True)}),
    st.fixed_dictionaries({"_match_domain_": st.sampled_from([["a.com"], ["*.b.com"], ["c*"]])}),
    st.fixed_dictionaries({"_match_service_": st.sampled_from([["llm.dns"], ["llm.dns:443"], ["127.0.0.1:8000"]])}),
    st.fixed_dictionaries({"_match_route_prefix_": st.sampled_from([["t"], ["nowhere"], ["ns/"]])}),
    st.fixed_dictionaries({"_match_route_": st.just(["two"]), "_match_service_": st.just(["llm.dns"])}),
)


@st.composite
def plugin(draw, configs, always=None):
    """A plugin with a global configuration, rules, or both."""
    rules = [
        {**draw(MATCHES), **draw(configs)} for _ in range(draw(st.integers(0, 3)))
    ]  # fmt: skip
    found = {**(always or {}), **draw(configs)} if always or draw(st.booleans()) or not rules else {}
    return {**found, **({"_rules_": rules} if rules else {})}


@st.composite
def route(draw, name):
    match = {"path": draw(st.sampled_from(["/*", "/v1/*", "/v1*", "/v1/chat/completions", "/a.b/*", "/"]))}
    for key, values in (
        ("hosts", [["a.com"], ["*.b.com", "a.com"], ["c*"]]),
        ("methods", [["GET"], ["POST", "PUT"]]),
        ("headers", [{"x-team": "red"}, {"x-a": "1", "x-b": "two words"}, {"x-model": "qwen-*"}]),
    ):
        if draw(st.booleans()):
            match[key] = draw(st.sampled_from(values))
    found = {"name": name, "match": match}
    upstream = draw(st.sampled_from(["", "llm.dns:443", "http://127.0.0.1:8000", "https://example.com", "a.nacos:80"]))
    if upstream:
        found["upstream"] = upstream
    own = draw(st.dictionaries(st.sampled_from(["ai-prompt-decorator", "model-mapper"]), st.just(False)))
    if draw(st.booleans()):
        own["ai-proxy"] = draw(CHOICES)
    if own:
        found["plugins"] = own
    return found


@st.composite
def whole(draw):
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    plugins = {
        "ai-prompt-decorator": draw(plugin(DECORATIONS)),
        "model-mapper": draw(plugin(MAPPINGS)),
        "ai-proxy": draw(plugin(CHOICES, {"providers": PROVIDERS})),
    }
    found = {
        "fidelity": draw(st.sampled_from(["safe", "higress"])),
        "plugins": plugins,
        "routes": [draw(route(name)) for name in names],
        "services": draw(
            st.dictionaries(
                st.sampled_from(["llm.dns", "llm.dns:443", "dashscope.aliyuncs.com", "other.static"]),
                st.sampled_from(["http://127.0.0.1:7000", "https://llm.example.com"]),
            )
        ),
    }
    if draw(st.booleans()):
        found["order"] = draw(st.permutations(list(plugins)))
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(whole())
def test_any_configuration_means_the_same_afterwards(config):
    assert same(config)
