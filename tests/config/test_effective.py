"""What is in force, where it comes from, and that no secret is in it."""

import json

import pytest
import yaml

from aigw.config.effective import data, effective, given, render
from aigw.config.load import load

TEXT = """\
listen: ${LISTEN}
services: {redis.static: "redis://u:hunter2@127.0.0.1/0"}
plugins:
  ai-proxy:
    providers:
      - type: a
        apiTokens: ["${KEY}", literal-secret]
    activeId: "${WHO:-a}"
    _rules_:
      - _match_domain_: ["*.io"]
        activeId: ""
  ai-cache: {key: "multi\\nline"}
routes:
  - {name: app, plugins: {ai-cache: false, ai-proxy: {activeId: a}}}
  - {name: rest}
"""
ENV = {"LISTEN": "127.0.0.1:1", "KEY": "sk-env"}


@pytest.fixture
def shown(read_config, tmp_path):
    loaded, errors, _ = read_config(TEXT, ENV)
    assert errors == []
    result = effective(loaded)
    result.origins = {path: origin.replace(f"{tmp_path}/", "") for path, origin in result.origins.items()}
    return result


def test_values_in_force(shown):
    assert shown.values["plugins"]["ai-cache"] == {"key": "multi\nline", "cacheTTL": 60, "enabled": True}
    assert shown.values["max_body"] == "100MiB"
    assert shown.values["timeouts"] == {"connect": "10s", "first_byte": "15m", "idle": "630s", "body": "1m"}
    assert shown.values["plugins"]["ai-proxy"]["_rules_"][0]["_match_domain_"] == ["*.io"]
    assert shown.values["routes"][0]["plugins"]["ai-cache"] is False
    assert shown.values["routes"][0]["plugins"]["ai-proxy"]["activeId"] == "a"
    assert shown.order == {"app": ["ai-proxy"], "rest": ["ai-cache", "ai-proxy"]}


def test_where_they_come_from(shown):
    proxy = ("plugins", "ai-proxy")
    assert shown.origins["listen",] == "environment LISTEN (aigw.yaml:1)"
    assert shown.origins["max_body",] == "default"
    assert shown.origins[*proxy, "providers", 0, "type"] == "aigw.yaml:6"
    assert shown.origins[*proxy, "providers", 0, "apiTokens", 0] == "environment KEY (aigw.yaml:7)"
    assert shown.origins[*proxy, "_rules_", 0, "providers"] == "as in plugins.ai-proxy"
    assert shown.origins[*proxy, "_rules_", 0, "activeId"] == "aigw.yaml:11"
    assert shown.origins["plugins", "ai-cache", "cacheTTL"] == "default"
    assert shown.origins["routes", 0, "plugins", "ai-proxy", "activeId"] == "aigw.yaml:14"
    assert shown.origins["order", 0] == "Higress's order"


def test_no_secret_is_shown(shown):
    for text in (render(shown), json.dumps(data(shown))):
        for secret in ("sk-env", "literal-secret", "hunter2", "127.0.0.1:1\n"):
            assert secret not in text
    assert shown.values["listen"] == "***"
    assert shown.values["plugins"]["ai-proxy"]["activeId"] == "***"
    assert shown.values["services"]["redis.static"] == "redis://***@127.0.0.1/0"
    assert shown.values["plugins"]["ai-proxy"]["providers"][0]["apiTokens"] == ["***", "***"]


INHERITED = """\
plugins:
  ai-proxy:
    providers: [{type: first}, {type: second}]
    _rules_:
      - {_match_route_: [a], activeId: first}
      - {_match_route_: [b], providers: [{type: third}]}
routes: [{name: a}, {name: b}, {name: c, plugins: {ai-proxy: {}}}]
"""


@pytest.mark.parametrize("chosen", [given, lambda shown: shown])
def test_what_rules_inherit_is_shown_once(read_config, chosen):
    shown = chosen(effective(read_config(INHERITED)[0]))
    first, second = shown.values["plugins"]["ai-proxy"]["_rules_"]
    assert first == {"_match_route_": ["a"], "activeId": "first"}
    assert [each["type"] for each in second["providers"]] == ["third"]
    assert shown.values["routes"][2]["plugins"] == {"ai-proxy": {}}
    text = render(shown)
    assert text.count("type: first") == 1
    assert text.count("# providers: as in plugins.ai-proxy") == 2, "one rule and the route"
    assert yaml.safe_load(text) == shown.values
    assert data(shown)["sources"]["plugins.ai-proxy._rules_[0].providers"] == "as in plugins.ai-proxy"


def test_what_is_shown_nowhere_else_is_shown_in_each_rule(read_config):
    """Rules inherit a global configuration that Higress does not use itself."""
    rules = "_rules_: [{_match_route_: [a], activeId: x}]"
    config = f"fidelity: higress\nplugins: {{ai-proxy: {{providers: [{{type: x}}], activeId: [], {rules}}}}}\nroutes: [{{name: a}}]"
    shown = effective(read_config(config)[0])
    assert shown.values["plugins"]["ai-proxy"]["_rules_"][0]["providers"][0]["type"] == "x"


def test_what_a_rule_does_not_take_over_is_not_shown_as_if_it_did():
    text = """
plugins:
  ai-proxy:
    providers: [{id: a, type: builtin}]
    activeProviderId: a
    _rules_: [{_match_route_: [r], provider: {type: builtin}}]
routes: [{name: r}]
"""
    shown = effective(load(None, {}, text=text.encode()))
    (rule,) = shown.values["plugins"]["ai-proxy"]["_rules_"]
    assert rule.keys() == {"_match_route_", "provider"}


def test_the_yaml_reads_back(shown):
    text = render(shown)
    assert yaml.safe_load(text) == shown.values
    assert "- type: a" in text
    assert text.endswith("#   route app: ai-proxy\n#   route rest: ai-cache, ai-proxy")


def test_the_json_reads_back(shown):
    read = data(shown)
    assert read["config"] == shown.values
    assert read["sources"]["plugins.ai-proxy.providers[0].type"] == "aigw.yaml:6"
    assert read["order"] == shown.order


def test_the_defaults_alone():
    shown = effective(load(None, {}))
    sections = {"listen", "fidelity", "state_dir", "cache", "max_body", "max_kept_upload", "timeouts", "rag", "record"}
    sections |= {"responses"}
    assert set(shown.values) == sections
    assert set(shown.origins.values()) == {"default"}
    assert render(shown).endswith("#   route default: none")


def test_what_is_default_is_shown_only_when_asked_for(shown, read_config):
    few = given(shown)
    assert set(few.values) == {"listen", "services", "plugins", "routes"}
    assert few.values["plugins"]["ai-cache"] == {"key": "multi\nline", "enabled": True}
    assert set(few.origins.values()) & {"default", "Higress's order"} == set()
    assert few.values["routes"][1] == {"name": "rest"}
    empty = given(effective(load(None, {}, text=b"plugins: {ai-statistics: {}}")))
    assert "ai-statistics: {}" in render(empty)
    off = "plugins: {ai-cache: {key: x, enabled: false}}"
    assert given(effective(read_config(off)[0])).values["plugins"]["ai-cache"]["enabled"] is False
    assert given(effective(load(None, {}))).values == {}


def test_sizes_are_shown_as_people_write_them():
    assert effective(load(None, {})).values["cache"] == {"size": "1GiB", "memory": "64MiB"}


@pytest.mark.parametrize("width", [60, 80, 200])
def test_it_fits_the_terminal_and_reads_back(read_config, width):
    text = "many words " * 20
    config = f"plugins: {{ai-cache: {{key: '{text}'}}}}\nroutes: [{{name: {'x' * 20}}}, {{name: b}}]\n"
    shown = given(effective(read_config(config)[0]))
    shown.origins = dict.fromkeys(shown.origins, "aigw.yaml:12")
    shown.order = {"b": ["a-plugin-name"] * 12}
    said = render(shown, width)
    assert yaml.safe_load(said) == shown.values
    assert max(map(len, said.splitlines())) <= width + 4


def test_an_order_of_ones_own_has_its_lines(read_config, tmp_path):
    loaded, _, _ = read_config("plugins: {ai-proxy: {}, ai-cache: {key: x}}\norder:\n  - ai-proxy\n  - ai-cache\n")
    shown = effective(loaded)
    assert shown.values["order"] == ["ai-proxy", "ai-cache"]
    assert shown.origins["order", 1] == f"{tmp_path}/aigw.yaml:4"


def test_a_plugin_that_never_runs_is_shown_too(read_config):
    loaded, _, _ = read_config("plugins: {ai-cache: {_rules_: []}}")
    assert effective(loaded).values["plugins"] == {"ai-cache": {"_rules_": []}}


def test_the_key_of_the_admin_pages_is_hidden(read_config):
    loaded, _, _ = read_config(
        "admin_key: literal-secret\nprices: {my-model: {input: 1, output: 2, cacheRead: 0.5}}\n", {}
    )
    result = effective(loaded)
    assert result.values["admin_key"] == "***"
    assert "literal-secret" not in render(result) + json.dumps(data(result))
    assert result.values["prices"]["my-model"] == {"input": 1.0, "output": 2.0, "cacheRead": 0.5}


SWITCHES = """\
plugins:
  ai-proxy:
    provider:
      type: openai
      apiTokens: ["${FROM_FILE}", "${FROM_ENV}", "${FROM_FILE}${FROM_ENV}"]
      retryOnFailure: {maxRetries: 3}
      failover: {enabled: true, healthCheckModel: m}
  ai-statistics: {}
"""


def test_what_is_switched_off_is_said_without_its_defaults(tmp_path):
    file = tmp_path / "aigw.yaml"
    file.write_text(SWITCHES)
    file.with_name(".env").write_text("FROM_FILE=sk-1\nFROM_ENV=sk-2\n")
    shown = effective(load(file, {"FROM_ENV": "sk-3"}))
    provider = shown.values["plugins"]["ai-proxy"]["provider"]
    assert provider["retryOnFailure"] == {"enabled": False, "maxRetries": 3}
    assert provider["failover"]["enabled"] is True
    assert provider["failover"]["failureThreshold"] == 3
    place = ("plugins", "ai-proxy", "provider")
    assert shown.origins[*place, "retryOnFailure", "enabled"] == "default"
    tokens = [shown.origins[*place, "apiTokens", index] for index in range(3)]
    line = f"({file}:5)"
    assert tokens == [
        f".env FROM_FILE {line}", f"environment FROM_ENV {line}", f"environment FROM_ENV, .env FROM_FILE {line}",
    ]  # fmt: skip
    assert "sk-" not in render(shown) + json.dumps(data(shown))
