"""When others may reach a gateway: only where key-auth asks all of them, first of all."""

import json

import pytest

from aigw.config.load import load
from aigw.server.protection import is_protected

KEYS = {"consumers": [{"name": "alice", "credential": "sk-a"}], "keys": ["x-api-key"]}
PROXY = {"provider": {"type": "builtin"}}
RULE = {"_match_route_": ["a"], "allow": ["alice"]}
ROUTES = [{"name": "a", "match": {"path": "/a"}}, {"name": "b"}]


def protected(auth, *, routes=(), **more):
    plugins = {"ai-proxy": PROXY, **({} if auth is None else {"key-auth": auth})}
    config = {"plugins": plugins, "routes": list(routes), **more}
    return is_protected(load(None, {}, text=json.dumps(config).encode()))


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        (None, False),
        (KEYS, True),
        ({**KEYS, "global_auth": True}, True),
        ({**KEYS, "global_auth": False}, False),
        ({**KEYS, "_rules_": [RULE]}, False),
        ({**KEYS, "_rules_": [RULE], "global_auth": True}, True),
        ({**KEYS, "_rules_": [RULE, {**RULE, "_match_route_": ["b"]}]}, True),
        ({**KEYS, "_rules_": [{"_match_domain_": ["*"], "allow": ["alice"]}]}, False),
    ],
)
def test_every_route_must_ask(auth, expected):
    assert protected(auth, routes=ROUTES) is expected


def test_without_routes_the_default_one_counts():
    assert protected(KEYS)
    assert not protected({**KEYS, "_rules_": [RULE]})


def test_a_route_that_switches_it_off_opens_the_gateway():
    assert not protected(KEYS, routes=[{**ROUTES[0], "plugins": {"key-auth": False}}, ROUTES[1]])


def test_it_must_be_asked_first():
    assert protected(KEYS, order=["key-auth", "ai-proxy"])
    assert not protected(KEYS, order=["ai-proxy", "key-auth"])
