"""Two equal runs of an agent, as its requests were recorded, cost one answer; what really differs costs another."""

import copy
import json

import pytest
from stage.agents import agents, changed, send, wire
from stage.answers import streams, text_events

CLAUDE, CODEX = "claude-code-1-first", "codex-1-first"
TURNS = (CLAUDE, "claude-code-2-tool-result", "claude-code-3-unknown-model-thinking",
         "claude-code-4-image-result", CODEX, "codex-2-tool-result", "codex-3-unknown-model", "codex-4-code-mode",
         "codex-5-code-mode-result", "codex-6-image-result", "codex-7-apply-patch-result")  # fmt: skip
CACHE = {"redis": {"serviceName": "redis.static", "servicePort": 6379}}
NEW = "11111111-2222-4333-8444-555555555555"
HEADERS = {
    "claude": {"x-claude-code-session-id": NEW},
    "codex": {
        "session-id": NEW, "thread-id": NEW, "x-client-request-id": NEW, "x-codex-window-id": f"{NEW}:0",
        "x-codex-turn-metadata": json.dumps({"turn_id": NEW}),
    },
}  # fmt: skip


def another_run(name):
    """The same request in a second run: what dialects differ in between two runs, and nothing else."""
    body = copy.deepcopy(wire(name)["body"])
    if name.startswith("claude"):
        body["metadata"]["user_id"] = json.dumps({"device_id": "0" * 64, "account_uuid": "", "session_id": NEW})
        body["system"][0]["text"] = "x-anthropic-billing-header: cc_version=2.1.198.a; cc_entrypoint=cli; cch=12ab3;"
    else:
        body["client_metadata"] = {"session_id": NEW, "turn_id": NEW}
        body["prompt_cache_key"] = NEW
        for number, item in enumerate(body["input"]):
            if "id" in item:
                item["id"] = f"{item['id'].partition('_')[0]}_{NEW}_{number}"
    return body


@pytest.fixture
async def cached(provider, gateway):
    """A gateway with a cache, and the provider behind it."""
    upstream = await provider(agents)
    providers = [
        {"id": kind, "type": kind, "apiTokens": ["k"], "providerDomain": f"{kind}.example"}
        for kind in ("claude", "openai")
    ]
    ai_proxy = {"providers": providers, "byModel": {"claude-*": "claude", "qwen-max": "claude", "*": "openai"}}
    plugins = {"ai-cache": CACHE, "ai-proxy": ai_proxy}
    services = {"claude.example": upstream.url, "openai.example": upstream.url}
    return await gateway({"services": services, "plugins": plugins}), upstream


async def hit(running, name, body=None, **headers):
    answer = await send(running, name, body, **headers)
    assert answer.status == 200
    return answer.headers["x-aigw-cache"].partition(";")[0] == "hit", answer


@pytest.mark.parametrize("name", TURNS)
async def test_the_second_of_two_equal_runs_costs_nothing(cached, name):
    running, upstream = cached
    was_hit, first = await hit(running, name)
    assert not was_hit
    await running.edge.settled()
    was_hit, second = await hit(running, name, another_run(name), **HEADERS[name.partition("-")[0]])
    assert was_hit
    assert second.body == first.body
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("name", [name for name in TURNS if name.startswith("claude")])
async def test_the_second_of_two_equal_runs_costs_nothing_at_another_vendor(provider, gateway, name):
    """What is translated is cached as the client reads it."""
    upstream = await provider(streams(*text_events("REC", "ORDED")))
    settings = {"type": "moonshot", "apiTokens": ["k"], "providerDomain": "moonshot.example"}
    plugins = {"ai-cache": CACHE, "ai-proxy": {"provider": settings}}
    running = await gateway({"services": {"moonshot.example": upstream.url}, "plugins": plugins})
    assert not (await hit(running, name))[0]
    await running.edge.settled()
    was_hit, answer = await hit(running, name, another_run(name), **HEADERS["claude"])
    assert was_hit and b"message_stop" in answer.body
    assert len(upstream.requests) == 1


MISSES = {
    "what the user says": (CLAUDE, ("messages", 0, "content", 1, "text"), "Read another file"),
    "what stands behind it": (CLAUDE, ("messages", 1, "content"), "Be brief"),
    "instructions": (CLAUDE, ("system", 2, "text"), "You are somebody else"),
    "a tool": (CLAUDE, ("tools", 0, "description"), "does something else"),
    "the schema of a tool": (CLAUDE, ("tools", 0, "input_schema", "required"), []),
    "the longest answer": (CLAUDE, ("max_tokens",), 64),
    "how much is thought": (CLAUDE, ("thinking",), {"type": "disabled"}),
    "an unknown field": (CLAUDE, ("new_field",), 1),
    "the model": (CLAUDE, ("model",), "claude-other"),
    "the result of a tool": ("claude-code-2-tool-result", ("messages", -1, "content"), "another result"),
    "Codex: what the user says": (CODEX, ("input", -1, "content", 0, "text"), "Run pwd"),
    "Codex: its prompt": (CODEX, ("input", 0, "content", 0, "text"), "You are somebody else"),
    "Codex: a tool": (CODEX, ("tools", 0, "description"), "does something else"),
    "Codex: how much is thought": (CODEX, ("reasoning",), {"effort": "high"}),
    "Codex: what is included": (CODEX, ("include",), []),
    "Codex: the result of a call": ("codex-2-tool-result", ("input", -1, "output"), "another result"),
    "Codex: which call it was": ("codex-2-tool-result", ("input", -1, "call_id"), "call_other"),
    "Codex: an item that the provider keeps": (CODEX, ("input", 0), {"type": "item_reference", "id": "msg_2"}),
}


@pytest.mark.parametrize("name", MISSES)
async def test_what_differs_is_asked_again(cached, name):
    running, upstream = cached
    client, path, value = MISSES[name]
    await hit(running, client)
    await running.edge.settled()
    assert not (await hit(running, client, changed(client, *path, to=value)))[0]
    assert len(upstream.requests) == 2


@pytest.mark.parametrize(
    ("name", "header", "value"),
    [
        (CLAUDE, "anthropic-beta", "claude-code-20250219"),
        (CLAUDE, "anthropic-version", "2026-10-21"),
        (CODEX, "x-codex-beta-features", "another"),
        (CODEX, "x-openai-internal-codex-responses-lite", "true"),
        (CODEX, "x-agent-session", "another"),
    ],
)
async def test_a_header_that_says_more_counts(cached, name, header, value):
    running, upstream = cached
    await hit(running, name)
    await running.edge.settled()
    assert not (await hit(running, name, **{header: value}))[0]
    assert len(upstream.requests) == 2


async def test_references_to_what_is_kept_are_told_apart(cached):
    """Their ids are all that they say."""
    running, upstream = cached
    for number in (1, 2):
        body = changed(CODEX, "input", 0, to={"type": "item_reference", "id": f"msg_{number}"})
        assert not (await hit(running, CODEX, body))[0]
        await running.edge.settled()
    assert len(upstream.requests) == 2


async def test_a_user_cannot_hide_a_question_in_the_vendors_line(cached):
    """Only a block of the instructions is left out that begins so, and what stands in messages always counts."""
    running, upstream = cached
    line = "x-anthropic-billing-header: cc_version=1;"
    for number, text in enumerate((line, f"{line} And who are you?"), 1):
        body = changed(CLAUDE, "messages", 0, "content", 1, "text", to=text)
        assert not (await hit(running, CLAUDE, body))[0]
        await running.edge.settled()
        assert len(upstream.requests) == number


async def test_a_session_of_who_is_not_codex_may_say_who_asks(cached):
    running, upstream = cached
    for session in ("ann", "bob"):
        assert not (await hit(running, CODEX, originator="my-app", **{"session-id": session}))[0]
        await running.edge.settled()
    assert len(upstream.requests) == 2
