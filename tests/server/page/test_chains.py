"""The configuration in force, route by route, and without a secret."""

import json

from aigw.config.load import load
from aigw.server.page.chains import chains

ENV = {"OPENAI_KEY": "sk-secret-1234567", "TEAM": "falcon-9"}
CONFIG = {
    "routes": [
        {"name": "code", "match": {"path": "/code/*"}, "plugins": {"ai-statistics": False, "model-mapper": {"modelMapping": {"*": "b"}}}},
        {"name": "rest"},
    ],
    "plugins": {
        "ai-proxy": {"provider": {"type": "openai", "apiTokens": ["${OPENAI_KEY}"]}},
        "ai-statistics": {},
        "model-mapper": {
            "modelMapping": {"*": "${TEAM}"},
            "_rules_": [{"_match_domain_": ["a.example"], "modelMapping": {"*": "a"}}],
        },
        "key-auth": {"consumers": [{"name": "ann", "credential": "short"}], "keys": ["x-k"]},
    },
}  # fmt: skip


def told():
    return {each["name"]: each for each in chains(load(None, ENV, text=json.dumps(CONFIG).encode()))}


def test_plugins_are_in_the_order_in_which_they_see_a_request():
    assert [each["name"] for each in told()["rest"]["plugins"]] == [
        "model-mapper", "model-mapper", "key-auth", "ai-statistics", "ai-proxy",
    ]  # fmt: skip


def test_a_route_switches_off_and_has_its_own():
    plugins = told()["code"]["plugins"]
    assert [(each["name"], each["off"]) for each in plugins if each["name"] == "ai-statistics"] == [
        ("ai-statistics", True)
    ]
    (mapper,) = [each for each in plugins if each["name"] == "model-mapper"]
    assert (mapper["why"], mapper["config"]) == ("route", {"modelMapping": {"*": "b"}, **_rest(mapper)})


def _rest(mapper):
    return {name: value for name, value in mapper["config"].items() if name != "modelMapping"}


def test_rules_for_hosts_are_shown_before_the_others():
    mappers = [each for each in told()["rest"]["plugins"] if each["name"] == "model-mapper"]
    assert [(each["why"], each["config"]["modelMapping"]) for each in mappers] == [
        ("rule", {"*": "a"}),
        ("global", {"*": "***"}),
    ]
    assert mappers[0]["match"] == {"_match_domain_": ["a.example"]}


def test_no_secret_is_shown():
    shown = json.dumps(told())
    for secret in (*ENV.values(), "short"):
        assert secret not in shown
    assert "apiTokens" in shown


def test_without_routes_there_is_the_default_one():
    (only,) = chains(load(None, {}, text=b"{plugins: {ai-proxy: {provider: {type: builtin}}}}"))
    assert (only["name"], [each["name"] for each in only["plugins"]]) == ("default", ["ai-proxy"])
