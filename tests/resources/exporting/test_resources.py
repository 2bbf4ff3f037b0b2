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
from aigw.resources.exporting.resources import exported, files_of
from aigw.resources.exporting.source import Given
from aigw.resources.report import LOST
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
    if loaded is None:
        return True
    back = there_and_back(loaded, text, env)
    assert meaning(back) == meaning(loaded)
    return True


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_means_the_same_afterwards(path):
    loaded = load(path, KEYS)
    back = there_and_back(loaded, path.read_bytes(), KEYS)
    assert meaning(back) == meaning(loaded)


@pytest.mark.parametrize("start", range(20))
def test_a_case_means_the_same_afterwards(start):
    for name, config in list(configurations())[start::20]:
        assert same(config), name


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_what_is_written_has_only_fields_of_the_resources(path):
    for resource in exported(Given(load(path, KEYS), path.read_bytes())).resources:
        assert {"apiVersion", "kind", "metadata"} < set(resource)
        if resource["kind"] in SPECS:
            spec = SPECS[resource["kind"]]
            assert prune(resource["spec"], spec).unknown == []
            msgspec.convert(resource["spec"], spec)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_no_secret_is_written(path):
    result = exported(Given(load(path, KEYS), path.read_bytes()))
    written = "".join(files_of(result.resources).values())
    for key in KEYS.values():
        assert key not in written


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
        ("headers", [{"x-team": "red"}, {"x-a": "1", "x-b": "two words"}]),
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


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(whole())
def test_any_configuration_means_the_same_afterwards(config):
    assert same(config)
