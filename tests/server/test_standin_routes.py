"""Stand-ins over HTTP: off unless the configuration has them on, behind the same guard and the same keys as the rest,
and in the books as what they are."""

from __future__ import annotations

import json

import pytest
from standins_world import BUILTIN, standins_world

from aigw.config.load import load
from aigw.config.model import StandinsConfig
from aigw.core.errors import GatewayError
from aigw.server.protection import is_protected
from aigw.server.standin_routes import explained, names_off, names_on, routes

LIST, VERSION = "/v1/collections", "/service_version"
EMBED = "/api/v1/services/embeddings/text-embedding/text-embedding"
TEXTS = {"model": "text-embedding-v2", "input": {"texts": ["why?"]}}
KEYS = {"key-auth": {"consumers": [{"name": "ann", "credential": "ann-key"}], "keys": ["x-api-key"]}}
OFF = {"dashvector": False, "dashscope": False}


async def test_both_are_off_by_default_and_say_how_to_turn_them_on(tmp_path):
    async with standins_world(tmp_path, standins={}) as it:
        for path, name in (
            (LIST, "dashvector"),
            (f"{LIST}/docs", "dashvector"),
            (VERSION, "dashvector"),
            (EMBED, "dashscope"),
        ):
            status, told = await it.ask("GET", path)
            assert status == 404
            assert told["message"].endswith(
                f"; `standins: {{{name}: on}}` in aigw.yaml lets this gateway answer it as {name} does"
            )
            assert told["request_id"]
        assert (await it.ask("GET", EMBED))[1]["code"] == "InvalidURL"
        assert (await it.ask("GET", LIST))[1]["code"] == -999
        status, told = await it.ask("GET", "/v1/collectionsx")
        assert "standins" not in told["error"]["message"]


async def test_higress_knows_nothing_of_them(tmp_path):
    async with standins_world(tmp_path, standins={}, fidelity="higress") as it:
        status, told = await it.ask("GET", LIST)
        assert status == 404
        assert "standins" not in json.dumps(told)


async def test_one_may_be_on_alone(tmp_path):
    async with standins_world(tmp_path, standins={"dashvector": True}) as it:
        status, told = await it.ask("GET", LIST)
        assert (status, told["code"], told["output"]) == (200, 0, [])
        assert (await it.ask("POST", EMBED, TEXTS))[0] == 404


async def test_models_are_answered_beside_them(tmp_path):
    async with standins_world(tmp_path) as it:
        assert (await it.ask("GET", VERSION))[1]["version"]
        assert (await it.ask("POST", EMBED, TEXTS))[0] == 200
        chat = {"model": "echo", "messages": [{"role": "user", "content": "Hello!"}]}
        assert (await it.ask("POST", "/v1/chat/completions", chat))[0] == 200


async def test_they_come_before_a_route_that_takes_everything(tmp_path):
    routes = [{"name": "all", "match": {"path": "/*"}, "upstream": "http://127.0.0.1:1"}]
    async with standins_world(tmp_path, routes=routes, plugins={}) as it:
        assert (await it.ask("GET", LIST))[1]["code"] == 0
        assert (await it.ask("GET", "/v1/other"))[0] == 502


async def test_web_pages_of_others_stay_outside(tmp_path):
    async with standins_world(tmp_path) as it:
        assert (await it.ask("GET", LIST, origin="https://evil.example"))[0] == 403
        status, told = await it.ask("GET", LIST, host="evil.example")
        assert (status, told["code"]) == (403, -999)
        status, told = await it.ask("POST", EMBED, TEXTS, host="evil.example")
        assert (status, told["code"]) == (403, "AccessDenied")


@pytest.mark.parametrize("header", ["x_api_key", "dashvector_auth_token"])
async def test_keys_are_asked_for(tmp_path, header):
    async with standins_world(tmp_path, plugins={**KEYS, **BUILTIN}) as it:
        for path in (LIST, VERSION):
            status, told = await it.ask("GET", path)
            assert (status, told["message"]) == (401, "Request denied by Key Auth check. Invalid API key")
        assert (await it.ask("GET", LIST, **{header: "ann-key"}))[1]["code"] == 0
        assert (await it.ask("GET", LIST, **{header: "eve-key"}))[0] == 401
        status, told = await it.ask("POST", EMBED, TEXTS)
        assert (status, told["code"]) == (401, "InvalidApiKey")


async def test_a_rule_may_name_their_routes(tmp_path):
    rules = {"_rules_": [{"_match_route_": ["standins.dashvector"], "allow": ["ann"]}]}
    keys = {"key-auth": {**KEYS["key-auth"], **rules, "global_auth": False}}
    async with standins_world(tmp_path, plugins={**keys, **BUILTIN}) as it:
        assert (await it.ask("GET", LIST))[0] == 401
        assert (await it.ask("GET", LIST, x_api_key="ann-key"))[0] == 200
        assert (await it.ask("POST", EMBED, TEXTS))[0] == 200


def test_a_gateway_is_protected_only_if_they_are():
    def protected(**settings):
        keys = {"key-auth": {**KEYS["key-auth"], "_rules_": [{"_match_route_": ["llm"], "allow": ["ann"]}]}}
        values = {"routes": [{"name": "llm"}], "plugins": {**keys, **BUILTIN}, **settings}
        return is_protected(load(None, {}, text=json.dumps(values).encode()))

    assert protected()
    assert not protected(standins={"dashvector": True})
    assert protected(standins={"dashvector": True}, plugins={**KEYS, **BUILTIN})


async def test_a_body_has_a_bound(tmp_path):
    async with standins_world(tmp_path, max_body=1000) as it:
        status, told = await it.ask("POST", f"{LIST}/docs/docs", {"docs": [{"vector": [0.5] * 1000}]})
        assert (status, told["code"]) == (413, -999)


async def test_a_body_may_be_compressed(tmp_path):
    async with standins_world(tmp_path) as it:
        body = json.dumps({"name": "docs", "dimension": 2}).encode()
        headers = {"content-type": "application/json"}
        async with it.http.post(LIST, data=body, headers=headers, compress="gzip") as answer:
            assert (await answer.json())["code"] == 0


async def test_nobody_looks_into_a_body_on_the_way(tmp_path):
    """It may have megabytes of vectors, and no plugin decides by it."""
    async with standins_world(tmp_path, plugins={**KEYS, **BUILTIN}) as it:
        headers = {"content-type": "application/json", "x-api-key": "ann-key"}
        duplicates = b'{"extra_params": {"x": "1", "x": "2"}, "name": "docs", "dimension": 2}'
        async with it.http.post(LIST, data=duplicates, headers=headers) as answer:
            assert (answer.status, (await answer.json())["code"]) == (200, 0)
        async with it.http.post("/v1/chat/completions", data=duplicates, headers=headers) as answer:
            assert answer.status == 400


async def test_the_books_have_them_as_no_calls_of_a_model(tmp_path):
    async with standins_world(tmp_path) as it:
        await it.ask("POST", EMBED, TEXTS)
        await it.ask("GET", LIST)
        await it.ask("POST", f"{LIST}/none/query", {"vector": [1.0]})
    rows = list(it.books.usage.read())
    assert [(row.route, row.model, row.asked, row.status, row.tokens.input, row.cost) for row in rows] == [
        ("standins.dashscope", "", "", 200, None, 0.0),
        ("standins.dashvector", "", "", 200, None, 0.0),
        ("standins.dashvector", "", "", 200, None, 0.0),
    ]


async def test_without_a_state_folder_there_is_no_dashvector():
    async with standins_world(None) as it:
        assert (await it.ask("GET", LIST))[0] == 404
        assert (await it.ask("POST", EMBED, TEXTS))[0] == 200


def test_what_is_on():
    loaded = load(None, {}, text=b"standins: {dashvector: on}")
    assert names_on(loaded.config.standins) == ["dashvector"]
    config = StandinsConfig(dashscope=True)
    assert names_on(config) == ["dashscope"]
    assert [route.name for _, route in routes(config, ["dashscope", "dashvector"])] == ["standins.dashscope"] * 2
    assert routes(config, []) == []


def test_only_what_is_not_there_is_explained():
    error = GatewayError(404, "no", code="unknown_url")
    off = names_off(StandinsConfig())
    assert explained(error, LIST, names_off(StandinsConfig(dashvector=True))) is error
    assert explained(error, "/v1/chat/completions", off) is error
    assert explained(GatewayError(403, "no"), LIST, off).message == "no"
    assert explained(error, LIST, off).code == "unknown_url"
