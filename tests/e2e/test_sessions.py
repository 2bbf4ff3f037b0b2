"""The session that a client names, wherever it names it: one name in the usage, the statistics and the budgets."""

import json

import pytest
from stage.agents import agents, changed, send, wire
from stage.answers import CHAT, PATH
from stage.gateway import until

from aigw.books.access_log import FILE_NAME
from aigw.books.usage_file import FILE_NAME as USAGE
from aigw.books.usage_query import summarise
from aigw.books.usage_question import parse

CLAUDE, CODEX = "claude-code-1-first", "codex-1-first"
ONE, TWO = "00000000-0000-4000-8000-000000000001", "99999999-0000-4000-8000-000000000001"
OF_CODEX = dict(wire(CODEX)["headers"])["session-id"]
NOBODY = {"x_claude_code_session_id": "", "session-id": "", "thread-id": ""}
OLD = f"user_{'0' * 64}_account__session_{TWO}"
BUDGET = {"budgets": [{"name": "b", "per": "session", "calls": 1}]}


def user(session):
    return json.dumps({"device_id": "0" * 64, "account_uuid": "", "session_id": session})


NAMED = {
    "Claude Code's header": ((CLAUDE, None, {}), ONE),
    "Claude Code's user_id": ((CLAUDE, changed(CLAUDE, "metadata", "user_id", to=user(TWO)), NOBODY), TWO),
    "an older Claude Code's user_id": ((CLAUDE, changed(CLAUDE, "metadata", "user_id", to=OLD), NOBODY), TWO),
    "Codex's header": ((CODEX, None, {}), OF_CODEX),
    "Codex's client_metadata": ((CODEX, changed(CODEX, "client_metadata", "session_id", to=TWO), NOBODY), TWO),
    "our header before all others": ((CLAUDE, None, {"x_aigw_session": "mine"}), "mine"),
    "a user who is no session": ((CLAUDE, changed(CLAUDE, "metadata", "user_id", to="ann"), NOBODY), ""),
}


def config(up, **plugins):
    services = {"claude.example": up.url, "openai.example": up.url}
    providers = [
        {"id": kind, "type": kind, "apiTokens": ["k"], "providerDomain": f"{kind}.example"}
        for kind in ("claude", "openai")
    ]
    ai_proxy = {"providers": providers, "byModel": {"claude-*": "claude", "*": "openai"}}
    return {"services": services, "plugins": {"ai-proxy": ai_proxy, **plugins}}


@pytest.mark.parametrize("name", NAMED)
async def test_a_session_has_one_name_everywhere(provider, gateway, tmp_path, name):
    (client, body, headers), session = NAMED[name]
    running = await gateway(config(await provider(agents), **{"ai-statistics": {}}), folder=tmp_path, keeps=True)
    assert (await send(running, client, body, **headers)).status == 200
    log = tmp_path / FILE_NAME
    await until(lambda: log.exists() and log.read_text() != "")
    line = json.loads(log.read_text())
    assert line["session"] == session
    assert line["ai_log"].get("session_id", "") == session
    assert [row.session for row in running.rows] == [session]
    question = parse(["session"], "all", "", now=running.rows[0].at + 60)
    await until(lambda: summarise(tmp_path / USAGE, question).total.requests == 1)
    assert [line.key for line in summarise(tmp_path / USAGE, question).rows] == [{"session": session}]


@pytest.mark.parametrize("name", NAMED)
async def test_a_budget_for_each_session_counts_by_it(provider, gateway, name):
    (client, body, headers), _ = NAMED[name]
    running = await gateway(config(await provider(agents), **{"ai-budget": BUDGET}))
    assert (await send(running, client, body, **headers)).status == 200
    assert (await send(running, client, body, **headers)).status == 402
    assert (await send(running, client, body, **{**headers, "x_aigw_session": "another"})).status == 200


async def test_two_runs_of_an_agent_are_two_sessions(provider, gateway):
    running = await gateway(config(await provider(agents), **{"ai-budget": BUDGET}))
    for session in (ONE, TWO):
        assert (await send(running, CLAUDE, x_claude_code_session_id=session)).status == 200
        assert (await send(running, CODEX, **{"session-id": f"codex {session}"})).status == 200
        assert (await send(running, CODEX, **{"session-id": f"codex {session}"})).status == 402


async def test_higress_knows_the_sessions_that_it_knows(provider, gateway, tmp_path):
    known = {**config(await provider(agents), **{"ai-statistics": {}}), "fidelity": "higress"}
    running = await gateway(known, folder=tmp_path)
    for headers in ({}, {"x_agent_session": "known"}):
        await send(running, CLAUDE, **headers)
    log = tmp_path / FILE_NAME
    await until(lambda: log.exists() and log.read_text().count("\n") == 2)
    logged = [json.loads(line)["ai_log"] for line in log.read_text().splitlines()]
    assert [each.get("session_id") for each in logged] == [None, "known"]


async def test_a_key_that_stands_as_a_session_is_not_written_down(provider, gateway):
    """A client that is set up wrongly."""
    running = await gateway(config(await provider(agents)), keeps=True)
    body = json.dumps(CHAT).encode()
    await running.request(
        "POST", PATH, body, authorization="Bearer sk-secret-of-ann", x_agent_session="sk-secret-of-ann"
    )
    await until(lambda: running.rows != [])
    assert running.rows[0].session == "***"
