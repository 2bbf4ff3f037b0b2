"""key-auth at its seams: who is let in, as whom, and what goes on to the upstream.

What Higress did with a whole configuration is played by tests/conformance."""

import json

import pytest
from fakes import chat
from hypothesis import given
from hypothesis import strategies as st
from world import ROUTE, configured, world

from aigw.config.effective import effective
from aigw.core.errors import ConfigError
from aigw.plugins.key_auth import INVALID, UNAUTHORIZED, Config, Consumer, KeyAuth

ALICE, BOB = {"name": "alice", "credential": "sk-a"}, {"name": "bob", "credentials": ["sk-b1", "sk-b2"]}
KEYS = {"consumers": [ALICE, BOB], "keys": ["x-api-key", "authorization"]}


def read(config, **more):
    return configured({"key-auth": config}, **more)


async def ask(config, headers=None, query="", *, fidelity="safe", route="r"):
    """The exchange after a request, and what the upstream got."""
    async with world({"key-auth": config}, fidelity=fidelity, route=ROUTE._replace(name=route)) as it:
        seen = await it.ask(query=query, **(headers or {}))
    return seen.exchange, it.sent


async def refusal(config, headers=None, query="", *, fidelity="safe", route="r"):
    async with world({"key-auth": config}, fidelity=fidelity, route=ROUTE._replace(name=route)) as it:
        return await it.refused(query=query, **(headers or {}))


@pytest.mark.parametrize(
    ("headers", "query", "name"),
    [
        ({"x-api-key": "sk-a"}, "", "alice"),
        ({"X-API-Key": "sk-b2"}, "", "bob"),
        ({"authorization": "sk-b1"}, "", "bob"),
        ({"authorization": "Bearer sk-b1"}, "", "bob"),
        ({"authorization": "bearer  sk-b1 "}, "", "bob"),
        ({}, "a=1&x-api-key=sk-a", "alice"),
        ({"x-api-key": "wrong", "authorization": "sk-a"}, "", "alice"),
        ({"x-api-key": "sk-b1", "authorization": "sk-a"}, "", "alice"),
        ({"x-hi-original-auth": "sk-a"}, "", "alice"),
        ({"dashvector-auth-token": "sk-a"}, "", "alice"),
    ],
)
async def test_who_has_a_key_is_let_in(headers, query, name):
    exchange, sent = await ask(KEYS, headers, query)
    assert exchange.consumer == name
    assert sent.headers.getall("x-mse-consumer") == [name]


@pytest.mark.parametrize(
    ("headers", "query"),
    [({}, ""), ({"x-api-key": ""}, "x-api-key="), ({"x-api-key": "sk-A"}, ""), ({"other": "sk-a"}, "other=sk-a"),
     ({"x-mse-consumer": "alice"}, ""), ({"authorization": "Basic sk-a"}, ""), ({"x-api-key": "Bearer"}, "")],
)  # fmt: skip
async def test_who_has_none_is_not(headers, query):
    error = await refusal(KEYS, headers, query)
    assert (error.status, error.message, error.plain) == (401, INVALID, (401, INVALID))
    assert error.headers == {"WWW-Authenticate": "Key realm=MSE Gateway"}


async def test_higress_compares_the_whole_value():
    assert (await refusal(KEYS, {"authorization": "Bearer sk-a"}, fidelity="higress")).status == 401


async def test_the_key_goes_no_further():
    _, sent = await ask(KEYS, {"x-api-key": "sk-a", "authorization": "Bearer upstream"})
    assert "x-api-key" not in sent.headers
    assert sent.headers["authorization"] == "Bearer upstream"
    _, sent = await ask(KEYS, {}, "b=%20&x%2Dapi-key=sk-a&c")
    assert sent.query == "b=%20&c"


async def test_the_key_goes_no_further_from_any_place_where_it_stands():
    keys = {**KEYS, "keys": ["x-api-key", "authorization", "token"]}
    headers = {"x-api-key": "sk-b1", "authorization": "Bearer sk-b2", "x-hi-original-auth": "sk-a", "token": "other"}
    exchange, sent = await ask(keys, headers, "x-api-key=sk-b1&token=sk-a&b=1")
    assert exchange.consumer == "alice"
    assert not {"x-api-key", "authorization", "x-hi-original-auth"} & sent.headers.keys()
    assert (sent.headers["token"], sent.query) == ("other", "b=1")


async def test_the_key_stays_where_that_is_wanted_and_with_higress():
    _, sent = await ask({**KEYS, "keep_credential": True}, {"x-api-key": "sk-a"})
    assert sent.headers["x-api-key"] == "sk-a"
    _, sent = await ask(KEYS, {"x-api-key": "sk-a"}, fidelity="higress")
    assert sent.headers["x-api-key"] == "sk-a"


async def test_nobody_says_himself_who_he_is():
    exchange, sent = await ask(KEYS, {"x-api-key": "sk-a", "X-Mse-Consumer": "root"})
    assert exchange.consumer == "alice"
    assert sent.headers.getall("x-mse-consumer") == ["alice"]
    open_ = {**KEYS, "global_auth": False}
    exchange, sent = await ask(open_, {"x-mse-consumer": "root"})
    assert exchange.consumer == ""
    assert "x-mse-consumer" not in sent.headers


async def test_a_rule_says_who_may_call_there():
    config = {**KEYS, "_rules_": [{"_match_route_": ["r1"], "allow": ["alice"]}]}
    assert (await ask(config, {"x-api-key": "sk-a"}, route="r1"))[0].consumer == "alice"
    error = await refusal(config, {"x-api-key": "sk-b1"}, route="r1")
    assert (error.status, error.message) == (403, UNAUTHORIZED)
    assert (await ask(config))[0].consumer == ""  # global_auth is not set, and there is a rule
    assert (await refusal({**config, "global_auth": True})).status == 401


async def test_an_empty_list_lets_nobody_in_and_a_rule_without_one_everybody_with_a_key():
    config = {**KEYS, "_rules_": [{"_match_route_": ["r1"], "allow": []}, {"_match_route_": ["r2"]}]}
    assert (await refusal(config, {"x-api-key": "sk-a"}, route="r1")).status == 403
    assert (await refusal(config, route="r2")).status == 401
    assert (await ask(config, {"x-api-key": "sk-b2"}, route="r2"))[0].consumer == "bob"


async def test_consumers_may_have_places_of_their_own():
    eve = {"name": "eve", "credential": "sk-e", "keys": ["e"], "in_header": False, "in_query": True}
    config = {"consumers": [ALICE, eve], "keys": ["x-api-key"], "in_query": False}
    assert (await ask(config, {}, "e=sk-e"))[0].consumer == "eve"
    assert (await refusal(config, {"e": "sk-e"})).status == 401
    assert (await refusal(config, {"x-api-key": "sk-e"})).status == 401
    assert (await refusal(config, {}, "x-api-key=sk-a")).status == 401


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({}, "No consumers"),
        ({"consumers": [{"credential": "k"}]}, "can't find 'name' field in consumer."),
        ({"consumers": [{"name": "a\nb", "credential": "k"}]}, "printable"),
        ({"consumers": [{"name": "a"}]}, "at least one of 'credential' and 'credentials' should be set."),
        ({"consumers": [{"name": "a", "credential": "k", "credentials": ["l"]}]}, "can't appear at the same time."),
        ({"consumers": [{"name": "a", "credential": ""}]}, "must not be empty"),
        ({"consumers": [{"name": "a", "credential": "tops"}, {"name": "b", "credential": "tops"}]},
         "duplicate consumer credential: 'b' has one of 'a'"),
        ({"consumers": [ALICE], "in_header": False, "in_query": False}, "must set to true"),
        ({"consumers": [ALICE], "keys": []}, "at least one key has to be configured for a rule; write keys: [Authorization]"),
        ({}, "No consumers and no credentials; write consumers: [{name: ann,"),
        ({"consumers": [ALICE], "_rules_": [{"_match_route_": ["r"], "allow": ["eve"]}]}, "there is no consumer 'eve'"),
    ],
)  # fmt: skip
def test_what_a_configuration_may_be(config, problem):
    with pytest.raises(ConfigError) as caught:
        read({"keys": ["x-api-key"], **config})
    assert problem in str(caught.value)
    assert "tops" not in str(caught.value)


def test_no_credential_is_shown():
    loaded = read(KEYS)
    config = loaded.plugins["key-auth"].rules.configs[-1]
    for text in (repr(config), json.dumps(effective(loaded).values), repr(vars(KeyAuth(config, higress=False)))):
        assert "alice" in text
        assert "sk-" not in text


TEXTS = st.text(st.characters(codec="ascii", exclude_categories=["C"], exclude_characters=" "), min_size=1, max_size=4)


@given(st.lists(st.lists(TEXTS, min_size=1, max_size=3), min_size=1, max_size=4), TEXTS)
def test_a_key_is_its_owners_as_a_model_says(credentials, key):
    owners = {}
    for index, each in enumerate(credentials):
        for credential in each:
            owners.setdefault(credential, index)
    consumers = [
        Consumer(name=str(index), credentials=[c for c in each if owners[c] == index])
        for index, each in enumerate(credentials)
    ]
    plugin = KeyAuth(Config(consumers=consumers, keys=["k"]), higress=True)
    assert plugin._find(chat({}, headers={"k": key})) == owners.get(key)


def test_rules_with_the_same_consumers_have_one_table():
    """A thousand rules and a thousand consumers would be a million digests, at each change of the file."""
    read = []

    class Counted(Consumer, frozen=True):
        def all_credentials(self):
            read.append(self.name)
            return super().all_credentials()

    consumers = [Counted(name="a", credential="k1"), Counted(name="b", credential="k2")]
    one, other = (KeyAuth(Config(consumers=list(consumers), keys=["k"], allow=[name]), higress=False) for name in "ab")
    assert read == ["a", "b"]
    elsewhere = KeyAuth(Config(consumers=consumers, keys=["z"]), higress=False)
    equal = KeyAuth(Config(consumers=[Consumer(name="a", credential="k3")], keys=["k"]), higress=False)
    found = [plugin._find(chat({}, headers={"k": "k2"})) for plugin in (one, other, elsewhere, equal)]
    assert found == [1, 1, None, None]
    assert equal._find(chat({}, headers={"k": "k3"})) == 0
