"""Clients of OpenAI's API that know no `reasoning_content`, as most of them, in front of vendors that want it back."""

import pytest
from stage.answers import answers, completion
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
    """As after a restart, or in an answer of another provider; `reasoning` is the name that others have for it."""
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
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    for given in ({"tools": tools}, {}):
        await front.sdk().chat.completions.create(model="deepseek-reasoner", messages=history, **given)
    filled, plain = [request.json()["messages"] for request in upstream.requests]
    assert [each.get("reasoning_content") for each in filled] == [None, " ", None, "hm", "own", None]
    assert [each.get("reasoning_content") for each in plain] == [None, " ", None, None, "own", None], "without tools"
