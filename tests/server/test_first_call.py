"""The call that a start shows is answered by the configuration in force, however a client must ask it."""

import asyncio
import json
import re
import shlex
import urllib.request
from urllib.error import HTTPError

import pytest

from aigw.books.books import Books
from aigw.config.load import load
from aigw.dialects.greeting import GREETED, greeting
from aigw.server.first_call import first_call
from aigw.server.gateway import run
from aigw.upstream.http import HttpUpstream

BUILTIN = {"ai-proxy": {"provider": {"type": "builtin"}}}
ANN = {"consumers": [{"name": "ann", "credential": "${ANN_KEY}"}]}
REFUSING = {"budgets": [{"name": "run", "per": "run", "usd": 1}], "unknown_price": "refuse"}
ENV = {"ANN_KEY": "sk-secret-of-ann", "BOB_KEY": "sk-secret-of-bob"}


def keyed(**key_auth):
    return {"plugins": BUILTIN | {"key-auth": {**ANN, "keys": ["Authorization"], **key_auth}}}


def routed(*matches, plugins=BUILTIN):
    routes = [{"name": f"r{index}", "match": match} for index, match in enumerate(matches)]
    return {"plugins": plugins, "routes": routes}


ANSWERED = {
    "nothing special": {"plugins": BUILTIN},
    "a bearer key": keyed(),
    "a key in a header": keyed(keys=["x-api-key"]),
    "a key in the query": keyed(keys=["apikey"], in_header=False),
    "a key that only some may use": {
        "plugins": BUILTIN
        | {
            "key-auth": {
                "consumers": [{"name": "ann", "credential": "x"}, {"name": "bob", "credential": "${BOB_KEY}"}],
                "keys": ["Authorization"],
                "_rules_": [{"_match_route_": ["default"], "allow": ["bob"]}],
            }
        }
    },
    "a key of several": keyed(consumers=[{"name": "ann", "credentials": ["${ANN_KEY}", "x"]}]),
    "a key at a route": {
        "plugins": BUILTIN | {"key-auth": {**ANN, "keys": ["x-key"], "global_auth": False}},
        "routes": [{"name": "r", "plugins": {"key-auth": {"allow": ["ann"]}}}],
    },
    "a budget that refuses what has no price": {
        "plugins": BUILTIN | {"ai-budget": REFUSING},
        "prices": {"mo*": {"input": 1, "output": 1}},
    },
    "a prefix": routed({"path": "/llm/*"}),
    "a version in the prefix": routed({"path": "/v1/*"}),
    "one path": routed({"path": "/v1/embeddings"}),
    "a path of Responses": routed({"path": "/v1/completions", "methods": ["POST"]}),
    "the beginning of a header": routed({"headers": {"x-stage": "dev-*"}}),
    "a header": routed({"headers": {"x-stage": "it's dev"}}),
    "a host": routed({"hosts": ["*.localhost"]}),
    "a host of ours": routed({"hosts": ["gateway.test"]}) | {"hosts": ["gateway.test"]},
    "the second route, which needs less": routed({"headers": {"x-a": "b"}}, {"path": "/v1/*"}),
    "a route without an AI": {
        "plugins": BUILTIN,
        "routes": [
            {"name": "plain", "match": {"path": "/v1/chat/completions"}, "plugins": {"ai-proxy": False}},
            {"name": "ai", "match": {"path": "/v1/*"}},
        ],
    },
    "a model that chooses the route": routed(
        {"headers": {"x-higress-llm-model": "coder"}},
        plugins=BUILTIN
        | {"model-router": {"modelToHeader": "x-higress-llm-model"}, "model-mapper": {"modelMapping": {"*": "mock"}}},
    ),
    "how the name of a model begins, which chooses the route": routed(
        {"headers": {"x-higress-llm-model": "moc*"}},
        plugins=BUILTIN | {"model-router": {"modelToHeader": "x-higress-llm-model"}},
    ),
    "built-in models behind others": {
        "plugins": {
            "ai-proxy": {
                "providers": [{"id": "o", "type": "openai", "apiTokens": ["k"]}, {"id": "b", "type": "builtin"}],
                "activeProviderId": "o",
                "byModel": {"mock": "b"},
            }
        }
    },
    "a vllm of which nobody knows the models": {
        "plugins": {"ai-proxy": {"provider": {"type": "vllm", "vllmServerHost": "h.test"}}}
    },
}


def loaded(config):
    return load(None, ENV, text=json.dumps(config).encode())


async def answer(config):
    """Runs the gateway and what it shows; returns the status and what was shown."""
    config = {"listen": "127.0.0.1:0", **config}
    books = Books(None)
    async with run(loaded(config), HttpUpstream(), books=books) as running:
        shown = first_call(loaded(config)).curl(running.url)
        return await asyncio.to_thread(typed, shown), shown


def typed(shown):
    """What a shell and curl make of it."""
    words = shlex.split(re.sub(r"\$(\w+)", lambda found: ENV[found[1]], shown.replace("\\\n", " ")))
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    data = words[words.index("-d") + 1].encode() if "-d" in words else None
    try:
        with urllib.request.urlopen(urllib.request.Request(words[1], data, headers), timeout=10) as response:
            return response.status
    except HTTPError as error:
        return error.code


@pytest.mark.parametrize("what", [name for name in ANSWERED if "vllm" not in name])
async def test_it_is_answered(what, tmp_path):
    status, shown = await answer({"state_dir": str(tmp_path)} | ANSWERED[what])
    assert status == 200, shown
    assert "sk-secret" not in shown
    assert "MODEL" not in shown


def test_a_model_that_nobody_knows_is_left_to_fill_in():
    call = first_call(loaded(ANSWERED["a vllm of which nobody knows the models"]))
    assert '"model":"MODEL"' in call.curl("http://h")
    assert call.notes == ["MODEL is a model of the provider; /v1/models may list them"]


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ({"type": "qwen", "modelMapping": {"text-embedding-3-small": "e", "gpt-4": "qwen-max"}}, "gpt-4"),
        ({"type": "qwen", "modelMapping": {"gpt-4-*": "qwen-max", "*": "qwen-plus"}}, "gpt-4"),
        ({"type": "qwen", "modelMapping": {"*": "qwen-turbo"}}, "qwen-turbo"),
        ({"type": "qwen", "modelMapping": {"~gpt(.*)": "qwen$1"}}, "qwen-plus"),
        ({"type": "deepseek"}, "deepseek-chat"),
        ({"type": "claude"}, "claude-sonnet-4-5"),
    ],
)
def test_a_real_model(provider, model):
    config = {"plugins": {"ai-proxy": {"provider": {"apiTokens": ["k"], **provider}}}}
    assert f'"model":"{model}"' in first_call(loaded(config)).curl("http://h")


def test_a_model_whose_name_begins_as_the_route_wants():
    router = {"modelToHeader": "x-higress-llm-model"}
    plugins = {"ai-proxy": {"provider": {"type": "openai", "apiTokens": ["k"]}}, "model-router": router}
    config = routed({"headers": {"x-higress-llm-model": "qwen-*"}}, plugins=plugins)
    assert '"model":"qwen-plus"' in first_call(loaded(config)).curl("http://h")


def test_a_provider_without_a_key_takes_that_of_the_client():
    config = {"plugins": {"ai-proxy": {"provider": {"type": "openai"}}}}
    assert '-H "authorization: Bearer $OPENAI_API_KEY"' in first_call(loaded(config)).curl("http://h")


def test_a_key_that_stands_in_the_file_is_not_shown(tmp_path):
    file = tmp_path / "aigw.yaml"
    text = "plugins:\n  key-auth:\n    keys: [x]\n    consumers:\n    - {name: a, credential: sk-secret}\n"
    file.write_text(text + "  ai-proxy: {provider: {type: builtin}}\n")
    call = first_call(load(file, {}))
    assert "-H 'x: KEY'" in call.curl("http://h")
    assert call.key.note == f"KEY is the key in {file}:5"


def test_what_is_no_ai_and_what_is_nothing():
    plain = {"routes": [{"name": "r", "match": {"path": "/app/*"}, "upstream": "http://h.test"}]}
    assert first_call(loaded(plain)).curl("http://h") == "  curl http://h/app/"
    assert first_call(loaded({})) is None


def test_it_fits_80_columns():
    shown = first_call(loaded(keyed())).curl("http://127.0.0.1:4700")
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("api", GREETED)
def test_every_greeting_names_the_model(api):
    assert json.loads(greeting(api, "m"))["model"] == "m"
