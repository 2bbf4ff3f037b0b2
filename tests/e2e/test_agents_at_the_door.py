"""What coding agents send beside their questions: upgrades, probes, and keys in a URL."""

import json
import logging

import pytest
from stage.agents import send
from stage.answers import CHAT, PATH, answers
from stage.gateway import BUILTIN, until

from aigw.books.access_log import FILE_NAME

SECRET = "AIza-key-of-the-client"
GEMINI = {"type": "gemini", "apiTokens": ["sk-provider-key"], "providerDomain": "gemini.example"}
KEYED = [
    ("GET", "/v1beta/models", b""),
    ("GET", "/v1/models/gemini-2.5-flash", b""),
    ("POST", "/v1beta/models/gemini-2.5-flash:generateContent", b'{"contents":[{"parts":[{"text":"Hi"}]}]}'),
    ("POST", "/v1beta/models/gemini-2.5-flash:countTokens", b'{"contents":[{"parts":[{"text":"Hi"}]}]}'),
    ("POST", PATH, json.dumps(CHAT).encode()),
    ("GET", "/v1beta/nothing", b""),
    ("GET", "/elsewhere", b""),
]


async def test_codex_is_told_at_once_to_use_http(gateway):
    """loreai#515, Codex-Manager#91, openai/codex#43353: anything but 426 costs Codex seven attempts at every start."""
    running = await gateway(BUILTIN, keeps=True)
    answer = await send(running, "codex-8-websocket")
    assert (answer.status, answer.headers["upgrade"]) == (426, "HTTP/1.1")
    assert running.rows == []


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_a_probe_of_the_network_is_answered_and_not_written_down(gateway, caplog, method):
    """CLIProxyAPI#5905, headroom#2032, free-claude-code#473."""
    running = await gateway(BUILTIN, keeps=True)
    assert (await send(running, "claude-code-0-probe")).status == 200
    client = await running.connect()
    assert (await client.request(method, "/api/hello")).status == 200
    assert (await client.request("POST", "/api/hello", b"{}")).status == 404
    await until(lambda: running.rows != [])
    assert [row.error for row in running.rows] == ["unknown_url"]
    assert caplog.text == ""


@pytest.mark.parametrize("form", ["key={}", "alt=json&key={}", "%6bey={}", "KEY={}&pageSize=5"])
@pytest.mark.parametrize("status", [200, 500])
async def test_a_key_in_a_url_is_written_down_nowhere(provider, taped, tmp_path, gateway, caplog, form, status):
    """Neither a provider gets it, nor a log, a recording, the usage or a trace."""
    caplog.set_level(logging.DEBUG)
    upstream = await provider(answers(b'{"error":{"message":"no"}}' if status == 500 else b'{"models":[]}', status))
    config = {"services": {"gemini.example": upstream.url}, "plugins": {"ai-proxy": {"provider": GEMINI}}}
    recording = await taped("record", config=config)
    keeping = await gateway(config, folder=tmp_path / "state", trace=True, alone=False)
    for method, path, body in KEYED:
        for running in (recording, keeping):
            answer = await running.request(method, f"{path}?{form.format(SECRET)}", body)
            assert SECRET.encode() not in answer.body
    assert len(await taped.written(recording)) >= 5
    await until(lambda: len(_lines(tmp_path / "state")) == len(KEYED))
    assert SECRET not in caplog.text
    assert [file for file in tmp_path.rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()] == []
    sent = [request.head for request in upstream.requests]
    assert len(sent) >= 10 and not any(SECRET.encode() in head for head in sent)


def _lines(state):
    return [line for file in state.rglob(FILE_NAME) for line in file.read_text().splitlines()]
