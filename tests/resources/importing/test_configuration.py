"""Resources as people have them become a configuration that starts, without a secret, and the report says what became
of each part."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aigw.config.load import load
from aigw.core.errors import ConfigError
from aigw.resources.exporting.resources import exported
from aigw.resources.exporting.source import SourceConfig
from aigw.resources.importing.configuration import imported
from aigw.resources.resource import read_resources
from aigw.resources.text import yaml_of

DATA = Path(__file__).parents[2] / "data" / "higress"
FILES = sorted(DATA.glob("*.yaml"))
SECRETS = ("sk-qwen-1234567890", "sk-deepseek-1234567890", "YOUR_QWEN_API_TOKEN", "topsecret-0123456789", "c2VjcmV0", "123456'")  # fmt: skip


ROUTE = """
kind: Ingress
metadata: {{name: {name}, annotations: {{higress.io/destination: 'x.dns:80', {more}}}}}
spec: {{rules: [{{http: {{paths: [{{path: /v1, pathType: Prefix}}]}}}}]}}
"""


def taken(text, **options):
    text = text if isinstance(text, bytes) else text.encode()
    return imported(read_resources(text, "r.yaml"), **options)


def file(name):
    return imported(read_resources((DATA / name).read_bytes(), name))


def started(result):
    return load(None, {name: value or "x" for name, value in result.variables.items()}, text=result.text().encode())


def told(result, level):
    return [f"{entry.what} {entry.field}: {entry.message}" for entry in result.findings.of(level)]


def wasm(name, spec, **metadata):
    return {"kind": "WasmPlugin", "apiVersion": "x/v1", "metadata": {"name": name, **metadata}, "spec": spec}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_starts_and_has_no_secret(path):
    result = file(path.name)
    started(result)
    for secret in SECRETS:
        assert secret not in result.text()
        assert all(secret not in "".join(entry) for entry in result.findings)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_entry_that_is_about_a_place_names_it(path):
    placed = [entry for entry in file(path.name).findings if entry.place]
    assert placed
    for entry in placed:
        name, line = entry.place.rsplit(":", 1)
        assert name == path.name
        assert 1 <= int(line) <= len(path.read_bytes().splitlines())


def test_a_route_of_the_console_with_a_fallback():
    result = file("console-fallback.yaml")
    config = started(result).config
    (route,) = config.routes
    assert route.name == "ai-route-chat.internal"
    assert (route.match.path, route.match.hosts) == ("/*", ["api.example.com"])
    assert route.match.headers == {"x-higress-llm-model": "qwen-max"}
    assert route.upstream == "llm-qwen.internal.dns:443"
    assert route.plugins == {"ai-proxy": {"activeProviderId": "qwen", "fallback": ["ds"]}}
    assert config.hosts == ["api.example.com"]
    assert config.services == {"redis.static": "redis://10.0.0.5:6379"}  # providers are where they are
    assert result.variables == {
        "DASHSCOPE_API_KEY": "sk-qwen-1234567890",
        "DEEPSEEK_API_KEY": "sk-deepseek-1234567890",
    }
    assert "#   DASHSCOPE_API_KEY  (plugins.ai-proxy.providers[0].apiTokens[0])" in result.text()
    assert told(result, "none") == told(result, "unknown") == []


def test_a_route_of_the_console_whose_providers_have_models_of_their_own():
    result = file("console-shares.yaml")
    loaded = started(result)
    (route,) = loaded.config.routes
    assert route.match.path == "/v1/chat/completions*"
    assert route.plugins == {
        "ai-proxy": {"activeProviderId": "first", "weights": {"first": 80, "second": 20}, "fallback": ["own"]},
    }
    assert {each["id"]: each.get("modelMapping") for each in result.values["plugins"]["ai-proxy"]["providers"]} == {
        "first": {"chat": "large-1"}, "second": {"chat": "large-2"}, "own": {"*": "small"},
    }  # fmt: skip
    assert loaded.config.services == {}  # providers are where they are
    assert list(loaded.plugins) == ["key-auth", "ai-proxy"]
    assert not loaded.notes
    (rule,) = result.values["plugins"]["key-auth"]["_rules_"]
    assert rule["_match_route_"] == ["ai-route-chat.internal"]
    assert told(result, "unknown") == []
    assert len(told(result, "none")) == 2  # the provider of a kind that nobody knows, and its rule


def test_destinations_of_one_provider_are_one():
    text = (DATA / "console-fallback.yaml").read_text()
    for shares, chosen in (
        ("100% llm-ds.internal.dns\\n0% llm-qwen.internal.dns", {"activeProviderId": "ds"}),
        ("60% llm-qwen.internal.dns\\n40% llm-qwen.internal.dns", {"activeProviderId": "qwen", "fallback": ["ds"]}),
    ):
        changed = text.replace('"100% llm-qwen.internal.dns:443"', f'"{shares}"')
        assert taken(changed).values["routes"][0]["plugins"]["ai-proxy"] == chosen


def test_old_names_and_texts_for_numbers():
    result = file("old-names.yaml")
    loaded = started(result)
    rules = loaded.plugins["ai-proxy"].rules
    index = rules.select("default/chat", "", "qwen.dns:443")
    assert rules.configs[index].provider.api_tokens == ["YOUR_QWEN_API_TOKEN"]
    assert rules.default is None  # it is switched off
    assert loaded.plugins["ai-token-ratelimit"].rules.default.rejected_code == 429
    assert loaded.config.services == {"redis.static": "redis://10.0.0.5:6379"}
    assert "WasmPlugin ai-proxy-1.0.0 _rules_[0].provider.apiToken: is read as apiTokens" in told(result, "exact")


def test_registries_that_have_to_be_asked():
    result = file("registries.yaml")
    assert result.values["services"] == {
        "llm-vllm.internal.static": "http://10.0.0.6:8000",
        "httpbin.dns": "http://httpbin.org",
    }
    assert [each["name"] for each in result.values["x-higress"]["registries"]] == ["nacos", "zk"]
    lost = told(result, "none")
    assert "McpBridge default spec.proxies[0]: no proxy stands in front of a service here" in lost
    assert any("no resource says where orders.DEFAULT-GROUP.public.nacos is" in line for line in lost)
    (httpbin,) = [route for route in result.values["routes"] if route["name"] == "httpbin"]
    assert httpbin["upstream"] == "http://httpbin.org"


def test_a_list_with_crlf_tabs_shares_and_other_kinds():
    result = file("list.yaml")
    assert [route["name"] for route in result.values["routes"]] == ["shares", "shares#2"]
    assert [route["match"]["path"] for route in result.values["routes"]] == ["/exact*", "/v1*"]
    kept = result.values["x-higress"]["routes"]["shares"]["annotations"]
    assert kept == {"nginx.ingress.kubernetes.io/rewrite-target": "/", "higress.io/some-new-thing": "yes"}
    lost = told(result, "none")
    assert "Ingress shares destination: all requests go to llm-a.internal.dns" in lost
    assert "ConfigMap higress-config : settings of the whole gateway are not read" in lost
    unknown = told(result, "unknown")
    assert "EnvoyFilter fallback : is not applied: there is no Envoy" in lost
    assert "Ingress shares higress.io/some-new-thing: has no meaning here" in unknown


def test_an_ingress_that_shares_with_another_one_is_kept():
    (main,) = yaml.safe_load_all(ROUTE.format(name="b", more=""))
    result = taken(ROUTE.format(name="a", more="higress.io/canary: 'true'") + "---\n" + yaml.safe_dump(main))
    assert [route["name"] for route in result.values["routes"]] == ["b"]
    assert [each["metadata"]["name"] for each in result.values["x-higress"]["resources"]] == ["a"]
    assert told(result, "none")[0].startswith("Ingress a canary: takes no requests")


def test_several_resources_of_one_plugin():
    result = file("several-of-one.yaml")
    plugins = result.values["plugins"]
    assert list(plugins) == ["ai-prompt-decorator"]
    assert plugins["ai-prompt-decorator"]["append"] == [{"role": "user", "content": "everywhere"}]
    (rule,) = plugins["ai-prompt-decorator"]["_rules_"]
    assert rule["_match_route_"] == ["a"]  # the rule that is disabled is left out
    kept = [each["metadata"]["name"] for each in result.values["x-higress"]["resources"]]
    assert kept == ["ai-cache.internal", "jwt", "model-mapper"]
    said = "aigw does not have this plugin, which asks clients for a JWT"
    assert f"WasmPlugin jwt plugin jwt-auth: {said}" in told(result, "unknown")
    (refused,) = told(result, "none")
    assert refused.startswith("WasmPlugin model-mapper modelMapping: must be")
    assert refused.endswith("; the plugin is left out, though Higress refuses requests then (failStrategy)")
    assert not any("model-mapper" in line for line in told(result, "exact"))


def test_another_order_of_plugins_becomes_one():
    plugins = [wasm("ai-cache", {"priority": 10, "defaultConfig": {"redis": {"serviceName": "redis.static"}}})]
    plugins.append(wasm("ai-statistics", {"priority": 5, "defaultConfig": {}}))
    assert started(taken(stream(*plugins))).config.order == ["ai-cache", "ai-statistics"]
    plugins[1]["spec"]["priority"] = 900
    assert started(taken(stream(*plugins))).config.order is None


def test_weights_of_destinations_become_weights_of_providers():
    text = (DATA / "console-fallback.yaml").read_text()
    text = text.replace('"100% llm-qwen.internal.dns:443"', '"80% llm-qwen.internal.dns\\n20% llm-ds.internal.dns"')
    (route,) = taken(text).values["routes"]
    assert route["plugins"]["ai-proxy"] == {
        "activeProviderId": "qwen", "weights": {"qwen": 80, "ds": 20}, "fallback": ["ds"],
    }  # fmt: skip


def test_what_looks_like_a_reference_stays_a_text():
    spec = {"defaultConfig": {"append": [{"role": "user", "content": "in ${HOME}, $${X} and ${geo-city}"}]}}
    result = taken(stream(wasm("ai-prompt-decorator", spec)))
    config = started(result).plugins["ai-prompt-decorator"].rules.default
    assert config.append[0].content == "in ${HOME}, $${X} and ${geo-city}"
    assert not result.variables


def test_a_secret_of_the_cluster_becomes_a_variable():
    provider = {"type": "openai", "apiTokens": ["${secret.default/auth.openai-key}", "sk-literal-0123456789"]}
    result = taken(stream(wasm("ai-proxy", {"defaultConfig": {"provider": provider}})))
    tokens = result.values["plugins"]["ai-proxy"]["provider"]["apiTokens"]
    assert tokens == ["${AUTH_OPENAI_KEY}", "${OPENAI_API_KEY}"]
    assert result.variables == {"AUTH_OPENAI_KEY": "", "OPENAI_API_KEY": "sk-literal-0123456789"}


def test_safe_is_said_to_differ():
    result = taken(stream(wasm("ai-proxy", {"defaultConfig": {"provider": {"type": "builtin"}}})), fidelity="safe")
    assert result.values["fidelity"] == "safe"
    (line,) = told(result, "approximate")
    assert "things are safer than in Higress: aigw plugins ai-proxy" in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: WasmPlugin\nmetadata: {}\n", "r.yaml:2 metadata: this WasmPlugin needs a name"),
        ("a: 1\n", "r.yaml:1: is not a Kubernetes resource: it has no kind"),
        ("- 1\n", "r.yaml:1: must be a mapping of keys to values"),
        ("kind: A\n\tb: 1\n", "r.yaml:2: YAML:"),
        ("kind: WasmPlugin\nmetadata: {name: x}\nspec:\n  priority: high\n", "r.yaml:4 spec.priority: must be a whole"),
        ("kind: WasmPlugin\nmetadata: {name: x}\nspec:\n  matchRules: [{config: {}}]\n", "r.yaml:4 WasmPlugin x: rule 1"),
        (
            "kind: Ingress\nmetadata:\n  name: x\n  annotations: {higress.io/destination: 'a b c d'}\nspec:\n"
            "  rules: [{http: {paths: [{path: /}]}}]\n",
            "r.yaml:4 Ingress x: destination: 'a b c d' is not",
        ),
        ("kind: WasmPlugin\nspec: 7\nmetadata: {name: x}\n", "r.yaml:2 spec: must be a mapping"),
        (
            "kind: ConfigMap\nmetadata: {name: aigw}\ndata:\n  aigw.yaml: '[1'\n",
            "r.yaml:4:",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_line(text, words):
    with pytest.raises(ConfigError) as caught:
        taken(text)
    assert caught.value.findings[0].startswith(words)


JUNK = [
    None, 0, -1, "", True, "x", [], {}, [[]], {"a": {"b": 1}}, "*", "${X}", [None], {"": ""}, 1.5, "100% a b c", "/", "\x00", "日本", " ",
]  # fmt: skip
NAMES = ["x", "apiTokens", "_rules_", "higress.io/use-regex", "config", "pluginConfig", "items", "matchRules"]
DOCUMENTS = [each for path in FILES for each in yaml.safe_load_all(path.read_bytes())]


def places(value, path=()):
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in inside:
        yield from places(item, (*path, step))


def change(random, document):
    """Puts something else into a place of a document, or takes it out."""
    path = random.choice(list(places(document)) or [("x",)])
    around = document
    for step in path[:-1]:
        around = around[step]
    choice = random.random()
    if choice < 0.25:
        around.pop(path[-1], None) if isinstance(around, dict) else around.pop(path[-1])
    elif choice < 0.4 and isinstance(around, dict):
        around[random.choice(NAMES)] = deepcopy(random.choice(JUNK))
    else:
        around[path[-1]] = deepcopy(random.choice(JUNK))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False))
def test_whatever_stands_in_resources_is_refused_or_starts(random):
    documents = deepcopy(random.sample(DOCUMENTS, random.randint(1, 4)))
    for _ in range(random.randint(1, 4)):
        change(random, random.choice(documents))
    try:
        result = taken(stream(*documents))
    except ConfigError as error:
        assert error.findings
        return
    text = result.text().encode()
    exported(SourceConfig(started(result), text))


def stream(*resources):
    return "---\n".join(map(yaml_of, resources))
