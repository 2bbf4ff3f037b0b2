"""The page at /: what it shows is answered, and it is plain, escaped, and with nothing that a browser would run or
fetch."""

import asyncio
import html
import json
import os
import re
import subprocess
import sys

import pytest

from aigw.books.books import Books
from aigw.config.load import load
from aigw.server.front import FRONT_HEADERS, FrontPage
from aigw.server.gateway import run
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


def page(config, host="127.0.0.1:4700"):
    return html.unescape(FrontPage(config).html(host, known=True).decode())


def code(shown):
    return re.findall(r"<pre>(.*?)</pre>", shown, re.DOTALL)


def test_it_names_the_address_the_models_and_three_ways():
    shown = page(loaded())
    assert "<code>http://127.0.0.1:4700/v1</code>" in shown
    assert "<code>echo</code>, <code>mock</code>" in shown
    assert len(code(shown)) == 3


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
        shown = page(config, running.url.removeprefix("http://"))
        curl, python, *environment = code(shown)
        assert '"object":"chat.completion"' in await said("bash", "-c", f"curl -sS --fail-with-body {curl[5:]}")
        assert "ChatCompletion(" in await said(sys.executable, "-c", python)
        for exports in environment:
            if "OPENAI" in exports:
                assert "ChatCompletion(" in await said("bash", "-c", f'{exports}\n"$0" -c "$1"', sys.executable, OPENAI)
            else:
                assert '"type":"message"' in await said("bash", "-c", f"{exports}\n{AS_CLAUDE_CODE}")
    assert "sk-secret" not in shown
    assert LACKING not in shown


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
    shown = page(loaded(config))
    assert set(re.findall(r"export (\w+)=", shown)) == exports and LACKING not in shown


def test_what_no_route_takes_is_said():
    shown = page(loaded(routes=[{"name": "r", "match": {"path": "/v1/chat/completions"}}]))
    assert set(re.findall(r"export (\w+)=", shown)) == {"OPENAI_BASE_URL"}
    assert "Messages" in shown.partition(LACKING)[2]


def test_a_client_of_messages_sends_the_key_where_it_is_looked_for():
    plugins = provider("claude") | {"key-auth": {**KEY, "keys": ["x-api-key"]}}
    assert 'ANTHROPIC_BASE_URL=http://h ANTHROPIC_API_KEY="$ANN_KEY"' in page(loaded(plugins), "h")
    plugins["key-auth"]["keys"] = ["Authorization"]
    assert 'ANTHROPIC_BASE_URL=http://h ANTHROPIC_AUTH_TOKEN="$ANN_KEY"' in page(loaded(plugins), "h")


def test_where_nothing_is_answered():
    assert "This configuration answers nothing" in page(loaded({}))


def test_a_stranger_learns_nothing_of_the_configuration():
    shown = FrontPage(loaded(keyed(keys=["x-api-key"]))).html("h", known=False).decode()
    assert "<pre>" not in shown and "echo" not in shown


def test_nothing_runs_and_nothing_is_fetched():
    shown = FrontPage(loaded()).html("h", known=True).decode()
    assert not re.search(r"<(script|style|link|img|iframe)|\son\w+=|src=|style=|href=\"(?!/)", shown)
    assert "default-src 'none'" in FRONT_HEADERS["Content-Security-Policy"]


def test_names_are_escaped_and_not_endless():
    names = {f"<b>{n}": "echo" for n in range(80)}
    config = loaded({"ai-proxy": {"provider": {"type": "builtin", "modelMapping": names}}})
    shown = FrontPage(config).html('h"><script>', known=True).decode()
    assert "<script" not in shown and "<b>" not in shown
    assert "and 32 more" in shown
