"""Clients of OpenAI's API that know no `reasoning_content`, as most of them, in front of vendors that want it back."""

import json

import pytest
from stage.answers import DONE, answers, chunk, completion, streams
from stage.gateway import serve
from stage.sdks import ChatSDK, answers_of
from stage.vendors.table import VENDORS


class ForgetfulChat(ChatSDK):
    forgets = {"reasoning_content", "reasoning"}


@pytest.mark.parametrize("name", ["deepseek", "kimi"])
@pytest.mark.parametrize("stream", [False, True])
async def test_the_vendor_gets_its_own_reasoning_back(name, stream, provider, gateway):
    vendor = VENDORS[name]()
    upstream = await provider(vendor)
    front = await gateway(vendor.config(upstream.url))
    turns = await ForgetfulChat().converse(
        front, "stage: think\nstage: call", "stage: call", "Thanks", stream=stream, think=True
    )
    assert vendor.refused == []
    said = "The tool said: sunny in Paris"
    assert answers_of(turns) == [said, said, f"Hello from {vendor.name}."]


async def test_what_nobody_kept_is_blank(provider, gateway):
    """As in an answer of another provider; `reasoning` is the name that others have for it."""
    upstream = await provider(answers(completion()))
    front = await gateway(VENDORS["deepseek"]().config(upstream.url))
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    history = [
        {"role": "user", "content": "Hello!"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "r"},
        {"role": "assistant", "content": "said", "reasoning": "hm"},
        {"role": "assistant", "content": "said", "reasoning_content": "own"},
        {"role": "user", "content": "And?"},
    ]
    for given in ({"tools": TOOLS}, {}):
        await front.sdk().chat.completions.create(model="deepseek-reasoner", messages=history, **given)
    filled, plain = [request.json()["messages"] for request in upstream.requests]
    assert [each.get("reasoning_content") for each in filled] == [None, " ", None, "hm", "own", None]
    assert [each.get("reasoning_content") for each in plain] == [None, " ", None, None, "own", None], "without tools"


CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ASKED = [{"role": "user", "content": "Hello!"}]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
RESULT = [
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "r"},
]


@pytest.mark.parametrize(
    ("request_fields", "returned"), [({}, "hm"), ({"extra_headers": {"cache-control": "no-store"}}, " ")]
)
async def test_a_gateway_that_is_started_again_knows_it_still(request_fields, returned, provider, tmp_path):
    message = {"role": "assistant", "content": None, "reasoning_content": "hm", "tool_calls": [CALL]}
    called = completion(choices=[{"index": 0, "message": message, "finish_reason": "tool_calls"}])
    upstream = await provider(answers(called), answers(completion()))
    config = VENDORS["deepseek"]().config(upstream.url)
    for messages in (ASKED, ASKED + RESULT):
        async with serve(config, folder=tmp_path) as front:
            await front.sdk().chat.completions.create(model="deepseek-reasoner", messages=messages, **request_fields)
    assert upstream.requests[-1].json()["messages"][1]["reasoning_content"] == returned


@pytest.mark.parametrize("stream", [False, True])
async def test_details_of_openrouter(stream, provider, gateway):
    """Gemini at OpenRouter refuses calls without them."""
    sealed = {"type": "reasoning.encrypted", "data": "c2ln", "id": "call_1", "index": 0}
    told = [{"type": "reasoning.text", "text": "hm", "index": 0, "format": "google-gemini-v1"}, sealed]
    message = {"role": "assistant", "content": None, "reasoning": "hm", "reasoning_details": told, "tool_calls": [CALL]}
    called = answers(completion(choices=[{"index": 0, "message": message, "finish_reason": "tool_calls"}]))
    if stream:
        pieces = [[{**told[0], "text": "h"}], [{**told[0], "text": "m"}], [sealed]]
        deltas = [{"content": "", "reasoning_details": details} for details in pieces]
        calls = {"tool_calls": [{**CALL, "index": 0}]}
        called = streams(*map(chunk, deltas), chunk(calls), chunk({}, "tool_calls"), DONE)
    upstream = await provider(called, answers(completion()))
    provided = {"type": "openrouter", "apiTokens": ["sk-provider"]}
    front = await gateway(
        {"services": {"openrouter.ai": upstream.url}, "plugins": {"ai-proxy": {"provider": provided}}}
    )
    sdk = front.sdk()
    answer = await sdk.chat.completions.create(model="google/gemini-3-pro", messages=ASKED, tools=TOOLS, stream=stream)
    if stream:
        assert [event async for event in answer]
    await sdk.chat.completions.create(model="google/gemini-3-pro", messages=ASKED + RESULT)
    sent = upstream.requests[-1].json()["messages"]
    assert json.dumps(sent[1].pop("reasoning_details")) == json.dumps(told)
    assert sent == ASKED + RESULT
