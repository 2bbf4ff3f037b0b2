"""What is counted of a prompt, in the requests that only want the count."""

import json

import pytest
from any_json import anything, fields
from fakes import WordCounter, chat
from hypothesis import given
from hypothesis import strategies as st

from aigw.dialects import apis, counting
from aigw.dialects.table import dialect_of
from aigw.metering.tokenizer import TokenCounter

WEATHER = {"type": "object", "properties": {"city": {"type": "string", "description": "which city it is about"}}}
IMAGE = "aGk="
CLAUDE = {
    "model": "claude-x",
    "system": [{"type": "text", "text": "one two"}],
    "messages": [
        {"role": "user", "content": "three four"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "five six seven"}]},
    ],
}
GEMINI = {
    "systemInstruction": {"parts": [{"text": "one two"}]},
    "contents": [
        {"role": "user", "parts": [{"text": "three four"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "five six seven"}}}]},
    ],
}
RESPONSES = {
    "model": "gpt-x",
    "instructions": "one two",
    "input": [
        {"role": "user", "content": "three four"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "c", "output": "five six seven"},
    ],
}
BODIES = {apis.COUNT_TOKENS: CLAUDE, apis.GEMINI_COUNT_TOKENS: GEMINI, apis.INPUT_TOKENS: RESPONSES}
PATHS = {
    apis.COUNT_TOKENS: "/v1/messages/count_tokens",
    apis.GEMINI_COUNT_TOKENS: "/v1beta/models/gemini-x:countTokens",
    apis.INPUT_TOKENS: "/v1/responses/input_tokens",
}
TOOLS = {
    apis.COUNT_TOKENS: [{"name": "weather", "description": "says it", "input_schema": WEATHER}],
    apis.GEMINI_COUNT_TOKENS: [
        {"functionDeclarations": [{"name": "weather", "description": "says it", "parametersJsonSchema": WEATHER}]}
    ],
    apis.INPUT_TOKENS: [{"type": "function", "name": "weather", "description": "says it", "parameters": WEATHER}],
}
SHOWN = {
    apis.COUNT_TOKENS: ("messages", {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE}}]}),
    apis.GEMINI_COUNT_TOKENS: ("contents", {"parts": [{"inline_data": {"mime_type": "image/png", "data": IMAGE}}]}),
    apis.INPUT_TOKENS: ("input", {"role": "user", "content": [{"type": "input_image", "image_url": f"data:image/png;base64,{IMAGE}"}]}),
}  # fmt: skip


def count(api, body, tokenizer=None):
    request = chat(body, path=PATHS[api])
    prompt = counting.prompt_of(request, dialect_of(api).asked(request, api), api)
    told = json.loads(counting.counted(prompt, api, tokenizer or WordCounter()))
    return told["totalTokens" if api == apis.GEMINI_COUNT_TOKENS else "input_tokens"]


@pytest.mark.parametrize("api", BODIES)
def test_instructions_messages_and_results_count(api):
    assert count(api, BODIES[api]) == 7


@pytest.mark.parametrize("api", BODIES)
def test_tools_count(api):
    """CLIProxyAPI#679: a count without system and tools is of no use."""
    assert count(api, {**BODIES[api], "tools": TOOLS[api]}) == count(api, BODIES[api]) + 3 + len(
        json.dumps(WEATHER, separators=(",", ":")).split()
    )


@pytest.mark.parametrize("api", BODIES)
def test_an_image_counts_as_one_of_its_vendor(api):
    field, item = SHOWN[api]
    body = {**BODIES[api], field: [*BODIES[api][field], item]}
    assert count(api, body) == 7 + counting._IMAGE[api]


def test_all_formats_have_one_count():
    """Of the same prompt, by a real vocabulary: how a format writes it makes little difference."""
    counts = [count(api, {**body, "tools": TOOLS[api]}, TokenCounter()) for api, body in BODIES.items()]
    assert max(counts) <= 1.2 * min(counts)


@pytest.mark.parametrize("name", ["generateContentRequest", "generate_content_request"])
def test_gemini_may_put_a_whole_request_into_a_field(name):
    """Antigravity-Manager#3295, litellm#13545: the answer is neither 0 nor an error."""
    inner = {"model": "models/gemini-x", **GEMINI, "tools": TOOLS[apis.GEMINI_COUNT_TOKENS]}
    assert count(apis.GEMINI_COUNT_TOKENS, {name: inner}) == count(
        apis.GEMINI_COUNT_TOKENS, {**GEMINI, "tools": TOOLS[apis.GEMINI_COUNT_TOKENS]}
    )


@pytest.mark.parametrize(
    ("api", "body", "field"),
    [
        (apis.COUNT_TOKENS, {"model": "m"}, "messages"),
        (apis.COUNT_TOKENS, {"model": "m", "messages": []}, "messages"),
        (apis.GEMINI_COUNT_TOKENS, {}, "contents"),
        (apis.GEMINI_COUNT_TOKENS, {"generateContentRequest": {}}, "contents"),
        (apis.INPUT_TOKENS, {"model": "m"}, "input"),
        (apis.INPUT_TOKENS, {"input": "a", "previous_response_id": "resp_1"}, "previous_response_id"),
    ],
)
def test_what_cannot_be_counted_is_named(api, body, field):
    with pytest.raises(ValueError, match=f"'{field}'"):
        count(api, body)


@pytest.mark.parametrize("api", BODIES)
@pytest.mark.parametrize("value", [1, "x", {"a": 1}, [1], [[]], [{"role": 1, "content": 2, "parts": 3}], [None]])
def test_malformed_prompts_are_counted_as_far_as_they_can_be_read(api, value):
    field = counting._FIELDS[api][0]
    assert count(api, {**BODIES[api], field: value}) >= 0


PART = fields(
    text=anything, type=anything, source=anything, content=anything, functionCall=anything, image_url=anything
)
MESSAGE = fields(
    role=anything, content=st.lists(PART, max_size=2) | anything, parts=st.lists(PART, max_size=2) | anything
)
TOOL = fields(
    name=anything, description=anything, input_schema=anything, parameters=anything, functionDeclarations=anything
)


@pytest.mark.parametrize("api", BODIES)
@given(data=st.data())
def test_any_body_is_counted_or_refused(api, data):
    prompts = {
        name: st.lists(MESSAGE, max_size=3) | anything
        for name in (*counting._FIELDS[api], "system", "systemInstruction")
    }
    body = data.draw(fields(model=anything, tools=st.lists(TOOL, max_size=2) | anything, **prompts))
    try:
        assert count(api, body) >= 0
    except ValueError as refusal:
        assert str(refusal)


@pytest.mark.parametrize("api", BODIES)
@pytest.mark.parametrize("depth", [500, 5_000, 200_000])
def test_no_depth_is_a_bug(api, depth):
    field = counting._FIELDS[api][0]
    nested = b'{"parameters":' * depth + b"1" + b"}" * depth
    tools = b'[{"name":"f","type":"function","input_schema":%b,"parameters":%b}]' % (nested, nested)
    text = b'[{"role":"user","content":"a","parts":[{"text":"a"}]}]'
    try:
        assert count(api, b'{"model":"m","%b":%b,"tools":%b}' % (field.encode(), text, tools)) > 0
    except ValueError as refusal:
        assert str(refusal)
