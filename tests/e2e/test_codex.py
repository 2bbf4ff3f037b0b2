"""Codex, by the requests that it really sends, in front of vendors that speak other dialects.

The vendors check every request as the real ones do. What comes back is read as Codex reads it: the items that are done,
and the last event."""

import copy
import json
from pathlib import Path

import aiohttp
import pytest
from stage.vendors.table import VENDORS

WIRE = Path(__file__).parents[1] / "dialects" / "wire"
FOREIGN = pytest.mark.parametrize("vendor", ["deepseek", "kimi", "anthropic", "gemini"])
REQUESTS = (
    "1-first", "2-tool-result", "3-unknown-model", "4-code-mode", "5-code-mode-result", "6-image-result",
    "7-apply-patch-result",
)  # fmt: skip


def request(name, *lines):
    """A recorded request, in which the user says these lines."""
    body = json.loads((WIRE / f"codex-{name}.json").read_text())["body"]
    if lines:
        (*_, last) = [item for item in body["input"] if item.get("role") == "user"]
        last["content"] = [{"type": "input_text", "text": "\n".join(lines)}]
    return body


@pytest.fixture
async def codex(provider, gateway, vendor):
    """Starts a vendor and a gateway in front of it. Returns the vendor, and what sends a request and returns the items
    that are done and the last response."""
    it = VENDORS[vendor]()
    upstream = await provider(it)
    behind = await gateway(it.config(upstream.url))

    async def ask(body):
        async with aiohttp.ClientSession() as session, session.post(f"{behind.url}/v1/responses", json=body) as answer:
            text = await answer.text()
            assert answer.status == 200, text
        events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
        items = [event["item"] for event in events if event["type"] == "response.output_item.done"]
        return items, events[-1]

    return it, ask


def next_turn(body, items, *results):
    """The next request: reasoning comes back with `content: null`, the results behind all items."""
    given = [{**item, "content": None} if item["type"] == "reasoning" else item for item in items]
    calls = [item for item in items if "call_id" in item]
    answers = [
        {"type": f"{call['type']}_output", "call_id": call["call_id"], "output": result}
        for call, result in zip(calls, results, strict=True)
    ]
    return {**body, "input": [*body["input"], *copy.deepcopy(given), *answers]}


@FOREIGN
@pytest.mark.parametrize("name", REQUESTS)
async def test_each_request_is_answered(codex, name):
    """Wei-Shaw/sub2api#4082, envoyproxy/ai-gateway#2317, openai/codex#37141."""
    vendor, ask = codex
    items, last = await ask(request(name))
    assert vendor.refused == []
    assert (last["type"], last["response"]["output"]) == ("response.completed", items)
    usage = last["response"]["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0
    assert usage["input_tokens_details"].keys() >= {"cached_tokens"} and usage["output_tokens_details"]


@FOREIGN
async def test_two_calls_and_their_results(codex):
    """Wei-Shaw/sub2api#2926: reasoning, and two calls in one turn; the history is the same bytes in the next one."""
    vendor, ask = codex
    call = 'stage: call exec_command {"cmd": "ls"}'
    body = request("1-first", "stage: think", call, call)
    items, _ = await ask(body)
    calls = [item for item in items if item["type"] == "function_call"]
    assert [json.loads(item["arguments"]) for item in calls] == [{"cmd": "ls"}] * 2
    assert calls[0]["call_id"] != calls[1]["call_id"]
    answered, _ = await ask(next_turn(body, items, "a.txt", [{"type": "input_text", "text": "b.txt"}]))
    assert vendor.refused == []
    assert answered[-1]["content"][0]["text"] == "The tool said: a.txt | b.txt"


@FOREIGN
@pytest.mark.parametrize(
    ("name", "call", "expected"),
    [
        ("1-first", "apply_patch", {"type": "custom_tool_call", "name": "apply_patch", "input": "Paris"}),
        ("1-first", "tool_search", {"type": "tool_search_call", "execution": "client", "arguments": {"query": "Paris"}}),
        ("4-code-mode", "exec", {"type": "custom_tool_call", "name": "exec", "namespace": "functions", "input": "Paris"}),
        ("4-code-mode", "spawn_agent", {"type": "function_call", "name": "spawn_agent", "namespace": "collaboration"}),
        ("3-unknown-model", "close_agent", {"type": "function_call", "name": "close_agent", "namespace": "multi_agent_v1"}),
    ],
)  # fmt: skip
async def test_a_call_has_the_form_of_its_tool(codex, name, call, expected):
    """antirez/ds4#745, farion1231/cc-switch#3669, BerriAI/litellm#35878: Codex does not find its tool otherwise."""
    vendor, ask = codex
    body = request(name, f"stage: call {call}")
    (*_, item), _ = await ask(body)
    assert {**item, **expected} == item
    if item["type"] == "tool_search_call":
        found = {"type": "function", "name": "found", "parameters": {"type": "object", "properties": {}}}
        given = next_turn(body, [])
        given["input"] += [item, {"type": "tool_search_output", "call_id": item["call_id"], "tools": [found]}]
        given["input"] += [{"role": "assistant", "content": "ok"}, {"role": "user", "content": "stage: call found"}]
        (*_, item), _ = await ask(given)
        assert (item["type"], item["name"]) == ("function_call", "found")
    else:
        await ask(next_turn(body, [item], "done"))
    assert vendor.refused == []


@FOREIGN
async def test_a_prompt_that_is_too_long_and_a_failure(codex):
    """Codex compacts on this code only, and repeats a request on others."""
    _, ask = codex
    _, last = await ask(request("1-first", "stage: fail with context"))
    assert (last["type"], last["response"]["error"]["code"]) == ("response.failed", "context_length_exceeded")
    _, last = await ask(request("1-first", "stage: fail late with overloaded"))
    assert (last["type"], last["response"]["error"]["code"]) == ("response.failed", "server_error")


@pytest.mark.parametrize("vendor", ["anthropic"])
async def test_an_image_in_a_result_stays_one(codex):
    """router-for-me/CLIProxyAPI#4116."""
    vendor, ask = codex
    await ask(request("6-image-result"))
    result = next(
        block for m in vendor.bodies[-1]["messages"] for block in m["content"] if block["type"] == "tool_result"
    )
    assert [part["type"] for part in result["content"]] == ["image"]
