"""The names that a shell offers, from files with any mistakes."""

import pytest
from any_json import anything, fields
from hypothesis import given, settings

from aigw.cli.sources.completed_names import budgets_in, models_in, providers_in

PROXY = {
    "providers": [
        {"id": "q", "type": "qwen", "modelMapping": {"gpt-4*": "qwen-max", "fast": "qwen-turbo"}},
        {"type": "builtin"},
    ],
    "byModel": {"qwen*": "q", "deep": "q"},
    "_rules_": [{"_match_route_": ["x"], "provider": {"id": "own", "type": "vllm", "modelMapping": {"a": "$1"}}}],
}
FILE = {
    "plugins": {
        "ai-proxy": PROXY,
        "model-mapper": {"modelMapping": {"alias": "deep"}},
        "ai-budget": {"budgets": [{"name": "run"}, {"name": "day"}], "_rules_": [{"budgets": [{"name": "run"}]}]},
    },
    "routes": [{"name": "b", "plugins": {"ai-proxy": {"provider": {"type": "claude"}}}}],
}


def test_what_a_file_names():
    models = ["alias", "deep", "fast", "qwen-max", "qwen-turbo", "qwen-plus", "echo", "mock", "a", "claude-sonnet-4-5"]
    assert models_in(FILE, {}) == models
    assert providers_in(FILE) == ["q", "builtin", "own", "claude"]
    assert budgets_in(FILE) == ["run", "day"]


@pytest.mark.parametrize("values", [{}, {"plugins": None}, {"listen": "127.0.0.1:1"}])
def test_without_plugins_those_of_the_environment(values):
    assert models_in(values, {"OPENAI_API_KEY": "sk-1", "GROQ_API_KEY": ""}) == ["gpt-4o-mini", "echo", "mock"]
    assert providers_in(values) == budgets_in(values) == []


PARTS = fields(provider=anything, providers=anything, byModel=anything, modelMapping=anything, budgets=anything)


@settings(max_examples=30)
@given(fields(plugins=fields(**{"ai-proxy": PARTS, "model-mapper": PARTS, "ai-budget": PARTS}), routes=anything))
def test_any_file(values):
    found = [*models_in(values, {}), *providers_in(values), *budgets_in(values)]
    assert all(isinstance(name, str) and name for name in found)
