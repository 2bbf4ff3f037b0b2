"""How to begin: what is told is answered, whatever a configuration wants of its callers."""

import asyncio
import json
import os
import re
import subprocess
import sys

import pytest

from aigw.books.books import Books
from aigw.config.load import load
from aigw.server.gateway import run
from aigw.server.page.first_steps import Beginning
from aigw.upstream.http import HttpUpstream

BUILTIN = {"ai-proxy": {"provider": {"type": "builtin"}}}
KEY = {"consumers": [{"name": "ann", "credential": "${ANN_KEY}"}]}
REFUSING = {"unknown_price": "refuse"}
ENV = {"ANN_KEY": "sk-secret-of-ann"}
LACKING = "This configuration does not answer "
ALL = {"OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL"}


def loaded(plugins=BUILTIN, **more):
    return load(None, ENV, text=json.dumps({"plugins": plugins, **more}).encode())


def keyed(**key_auth):
    return BUILTIN | {"key-auth": {**KEY, **key_auth}}


def provider(type_, **more):
    return {"ai-proxy": {"provider": {"type": type_, "apiTokens": ["k"], **more}}}


def start(config, url="http://127.0.0.1:4700"):
    return Beginning(config).start(url)


def exported(begun):
    return set(re.findall(r"export (\w+)=", "\n".join(begun.environment)))


def test_it_names_the_models_and_three_ways():
    begun = start(loaded())
    assert {"echo", "mock"} <= {*begun.models}
    assert all("http://127.0.0.1:4700" in each for each in (begun.curl, begun.python, *begun.environment))


CONFIGS = {
    "built-in models": {},
    "a bearer key": {"plugins": keyed(keys=["Authorization"])},
    "a key in a header": {"plugins": keyed(keys=["x-api-key"])},
    "a key in the query": {"plugins": keyed(keys=["apikey"], in_header=False)},
    "a prefix and a header": {"routes": [{"name": "r", "match": {"path": "/llm/*", "headers": {"x-a": "it's"}}}]},
    "a budget that refuses what has no price": {
        "plugins": BUILTIN | {"ai-budget": {"budgets": [{"name": "r", "per": "run", "usd": 1}], **REFUSING}},
        "prices": {"mock": {"input": 1, "output": 1}},
    },
}
OPENAI = "import openai; print(openai.OpenAI().chat.completions.create(model='mock', messages=[{'role': 'user', 'content': 'Hi'}]))"
AS_CLAUDE_CODE = """curl -sS "$ANTHROPIC_BASE_URL/v1/messages" -H "x-api-key: $ANTHROPIC_API_KEY" -H 'anthropic-version: 2023-06-01' \\
-d '{"model": "mock", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}'"""


@pytest.mark.parametrize("what", CONFIGS)
async def test_what_it_shows_is_answered(what, tmp_path):
    config = loaded(**CONFIGS[what], listen="127.0.0.1:0", state_dir=str(tmp_path))
    async with run(config, HttpUpstream(), books=Books(None)) as running:
        begun = start(config, running.url)
        assert '"object":"chat.completion"' in await said("bash", "-c", f"curl -sS --fail-with-body {begun.curl[5:]}")
        assert "ChatCompletion(" in await said(sys.executable, "-c", begun.python)
        for exports in ["\n".join(begun.environment)] if begun.environment else []:
            if "OPENAI" in exports:
                assert "ChatCompletion(" in await said("bash", "-c", f'{exports}\n"$0" -c "$1"', sys.executable, OPENAI)
            else:
                assert '"type":"message"' in await said("bash", "-c", f"{exports}\n{AS_CLAUDE_CODE}")
    assert "sk-secret" not in str(begun)
    assert LACKING not in str(begun.notes)


async def said(*command):
    env = {"PATH": os.environ["PATH"], **ENV}
    done = await asyncio.to_thread(subprocess.run, command, env=env, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("config", "exports"),
    [
        (provider("claude"), ALL),
        (provider("gemini"), ALL),
        (provider("openai"), ALL),
        ({"ai-proxy": {"provider": {"type": "vllm", "modelMapping": {"mine": "m"}}}}, ALL),
    ],
)
def test_variables_are_those_of_all_clients_whoever_the_provider_is(config, exports):
    begun = start(loaded(config))
    assert exported(begun) == exports and LACKING not in str(begun.notes)


def test_what_no_route_takes_is_said():
    begun = start(loaded(routes=[{"name": "r", "match": {"path": "/v1/chat/completions"}}]))
    assert exported(begun) == {"OPENAI_BASE_URL"}
    assert "Messages" in str(begun.notes).partition(LACKING)[2]


def test_a_client_of_messages_sends_the_key_where_it_is_looked_for():
    plugins = provider("claude") | {"key-auth": {**KEY, "keys": ["x-api-key"]}}
    assert 'ANTHROPIC_BASE_URL=http://h ANTHROPIC_API_KEY="$ANN_KEY"' in str(
        start(loaded(plugins), "http://h").environment
    )
    plugins["key-auth"]["keys"] = ["Authorization"]
    assert 'ANTHROPIC_BASE_URL=http://h ANTHROPIC_AUTH_TOKEN="$ANN_KEY"' in str(
        start(loaded(plugins), "http://h").environment
    )


def test_where_nothing_is_answered():
    begun = start(loaded({}))
    assert "This configuration answers nothing" in begun.lacking
    assert (begun.curl, begun.python, begun.environment) == ("", "", [])


def test_names_are_not_endless():
    names = {f"<b>{n}": "echo" for n in range(80)}
    begun = start(loaded({"ai-proxy": {"provider": {"type": "builtin", "modelMapping": names}}}))
    assert (len(begun.models), begun.more) == (50, 32)
