"""Where clients reach a gateway, and with which key, as its configuration has it."""

import json
from contextlib import chdir

import pytest

from aigw.cli.sources.config_choice import ConfigChoice
from aigw.cli.sources.entrance import entrance
from aigw.core.errors import ConfigError

NOBODY = "127.0.0.1:1"
KEYED = {
    "key-auth": {"keys": ["Authorization"], "consumers": [{"name": "ann", "credential": "${ANN_KEY}"}]},
    "ai-proxy": {"provider": {"type": "builtin"}},
}


@pytest.fixture
def entered(tmp_path):
    """The entrance of a gateway with this configuration."""

    def found(**config):
        path = tmp_path / "aigw.yaml"
        path.write_text(json.dumps({"listen": NOBODY, **config}))
        return entrance(ConfigChoice(path), None)

    return found


def test_without_a_key_any_will_do(entered):
    found = entered(plugins={"ai-proxy": {"provider": {"type": "builtin"}}})
    assert found._asdict() == {
        "url": "http://127.0.0.1:1", "model": "echo", "key": "unused", "variable": "", "note": "", "headers": frozenset(),
        "runs": False,
    }  # fmt: skip


def test_the_key_is_in_a_variable(entered, tmp_path):
    (tmp_path / ".env").write_text("ANN_KEY=sk-secret\n")
    found = entered(plugins=KEYED)
    assert (found.key, found.variable, found.note) == ("KEY", "", "KEY is ANN_KEY of .env")
    assert found.headers == {"authorization"}
    assert "sk-secret" not in repr(found)


def test_a_route_below_a_path_and_a_wildcard(entered):
    routes = [{"name": "a", "match": {"path": "/team/*"}}]
    plugins = {"ai-proxy": {"provider": {"type": "builtin"}}, "key-auth": KEYED["key-auth"] | {"keys": ["x-team"]}}
    plugins["key-auth"]["consumers"] = [{"name": "ann", "credential": "sk-1"}]
    found = entered(listen="0.0.0.0:1", routes=routes, plugins=plugins)
    assert (found.url, found.headers) == ("http://127.0.0.1:1/team", {"x-team"})
    assert found.note.startswith("KEY is the key in ")


def test_a_free_port_is_nobodys_address(entered):
    with pytest.raises(ConfigError) as caught:
        entered(listen="127.0.0.1:0")
    assert caught.value.findings == ["127.0.0.1:0 takes a free port; say with --url where the gateway is"]


def test_nobody_there_who_shows_a_configuration(tmp_path):
    with chdir(tmp_path), pytest.raises(ConfigError, match="there is no aigw at "):
        entrance(ConfigChoice(), "http://127.0.0.1:1")
