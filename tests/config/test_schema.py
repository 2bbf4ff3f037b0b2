"""The JSON Schema says of a file what the check says of it."""

import jsonschema
import msgspec
import pytest
import yaml
from fakes import about
from hypothesis import given
from hypothesis import strategies as st

from aigw.config.check import Checker
from aigw.config.plugins import find_plugin, installed_plugins
from aigw.config.schema import schema
from aigw.config.source import read


@pytest.fixture(scope="module")
def installed():
    written = schema({name: find_plugin(name) for name in installed_plugins()})
    jsonschema.Draft202012Validator.check_schema(written)
    return jsonschema.Draft202012Validator(written)


@pytest.fixture(scope="module")
def validator(abouts):
    written = schema(abouts)
    jsonschema.Draft202012Validator.check_schema(written)
    return jsonschema.Draft202012Validator(written)


RIGHT = """\
- {}
- {plugins: , routes: , listen: }
- {listen: 4700, max_body: 100MiB, timeouts: {connect: 10s, idle: "${IDLE}", first_byte: 3}}
- {fidelity: higress, services: {a.b: "http://x"}, cors: {origins: ["*"]}}
- {fidelity: "${F:-safe}", max_body: "${N}"}
- {rag: {embedder: "st:models/e5", download: true, chunks: {size: 200, overlap: 0}}}
- {rag: {embedder: openai, openai: {url: "http://127.0.0.1:11434/v1", model: bge-m3, api_key: "${TTL}", batch: 8}}}
- {rag: {embedder: dashscope, dashscope: {model: text-embedding-v4, dimensions: 512, window: "8192"}}}
- {plugins: {ai-cache: {key: a, cacheTTL: "5", enabled: "true"}}}
- {plugins: {ai-cache: {key: 1, cacheTTL: "${TTL}", enabled: 1}}}
- {plugins: {ai-cache: {_rules_: [{_match_route_: [r], key: a}]}}}
- {plugins: {ai-proxy: , ai-cache: {key: a}}, order: [ai-cache, ai-proxy]}
- {plugins: {ai-proxy: {providers: [{type: a, apiTokens: [1]}], _rules_: [{_match_domain_: ["*"], activeId: a}]}}}
- {routes: [{name: a, match: {path: /v1/*}, upstream: "http://x", plugins: {ai-cache: false}}]}
- {routes: [{name: a, plugins: {ai-cache: {key: a}, ai-proxy: {}}}]}
"""
WRONG = """\
- []
- {listn: 1}
- {fidelity: high}
- {max_body: 1 XB}
- {max_body: 0}
- {rag: {embedder: word2vec}}
- {rag: {embedder: "st:"}}
- {rag: {openai: {url: 127.0.0.1}}}
- {rag: {openai: {batch: 0}}}
- {rag: {store: elsewhere}}
- {timeouts: {connect: soon}}
- {plugins: {ai-cash: {}}}
- {plugins: {ai-cache: {}}}
- {plugins: {ai-cache: }}
- {plugins: {ai-cache: {key: a, ttl: 1}}}
- {plugins: {ai-cache: {key: a, cacheTTL: 1x}}}
- {plugins: {ai-cache: {key: a, cacheTTL: -1}}}
- {plugins: {ai-cache: {key: a, enabled: 2}}}
- {plugins: {ai-cache: {key: a, _rules_: [{key: a}]}}}
- {plugins: {ai-cache: {key: a, _rules_: [{_match_route_: [r]}]}}}
- {plugins: {ai-proxy: {providers: [{apiTokens: [a]}]}}}
- {routes: [{match: {}}]}
- {routes: [{name: a, match: {path: v1}}]}
- {routes: [{name: a, plugins: {ai-cache: true}}]}
- {routes: [{name: a, plugins: {ai-cache: {}}}]}
"""


@pytest.mark.parametrize("value", yaml.safe_load(RIGHT), ids=str)
def test_right_files(validator, value):
    validator.validate(value)


@pytest.mark.parametrize("value", yaml.safe_load(WRONG), ids=str)
def test_wrong_files(validator, value):
    assert not validator.is_valid(value)


@pytest.mark.parametrize("value", [*yaml.safe_load(RIGHT), *yaml.safe_load(WRONG)], ids=str)
def test_the_check_agrees(validator, read_config, value):
    env = {"IDLE": "5s", "TTL": "1", "N": "1"}
    _, errors, _ = read_config(yaml.safe_dump(value), env)
    assert validator.is_valid(value) is (errors == [])


def test_descriptions_and_defaults_are_there(validator):
    cache = validator.schema["$defs"]["ai-cache"]
    assert cache["description"] == "Keeps answers."
    assert cache["properties"]["cacheTTL"]["description"] == "seconds"
    assert cache["properties"]["cacheTTL"]["default"] == 60
    assert validator.schema["properties"]["listen"]["default"] == "127.0.0.1:4700"


def test_every_installed_plugin_has_a_schema(installed):
    assert set(installed.schema["properties"]["plugins"]["properties"]) == set(installed_plugins())
    installed.validate({"plugins": {"ai-proxy": {"provider": {"type": "qwen", "apiTokens": ["k"], "timeout": "5"}}}})
    assert not installed.is_valid({"plugins": {"ai-proxy": {"provider": {"typ": "qwen"}}}})


class Node(msgspec.Struct):
    children: list["Node"] = []


def test_types_may_contain_themselves():
    validator = jsonschema.Draft202012Validator(schema({"x": about(None, Node)}))
    validator.validate({"plugins": {"x": {"children": [{"children": []}]}}})
    assert not validator.is_valid({"plugins": {"x": {"children": [{"child": 1}]}}})


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 99)
    | st.sampled_from(["", "1", "true", "x", "1.5", "a", "${A}", " 2 "]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)


class Cache(msgspec.Struct, rename={"cache_ttl": "cacheTTL"}):
    key: str
    cache_ttl: int | None = 60
    enabled: bool = True


CACHE = jsonschema.Draft202012Validator(schema({"ai-cache": about(None, Cache)}))


@given(st.sampled_from(["key", "cacheTTL", "enabled", "other"]), JSON)
def test_what_the_check_takes_no_editor_complains_about(key, value):
    values = {"key": "k", key: value}
    source, report = read(b"", {})
    Checker(source, report).convert(values, Cache, ())
    if not report.errors:
        CACHE.validate({"plugins": {"ai-cache": values}})
