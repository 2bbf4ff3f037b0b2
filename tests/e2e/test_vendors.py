"""The scripted vendors refuse what real ones refuse, and take what real ones take: otherwise a test against them proves
nothing. Each wrong request is a right one with one change."""

import copy
import json
import re

import pytest
from stage.upstream import Received
from stage.vendors.chat import Chat, Kimi
from stage.vendors.dashscope import DashScope
from stage.vendors.gemini import Gemini
from stage.vendors.gemini_check import call_signature
from stage.vendors.messages import Messages
from stage.vendors.model import KINDS, Asked, Tool, decide, sample
from stage.vendors.openai import OpenAI
from stage.vendors.responses import Responses
from stage.vendors.responses_check import sealed
from stage.vendors.signatures import signature
from stage.vendors.table import VENDORS
from stage.vendors.vendor import RefusedError

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "weather", "description": "Says it.", "parameters": SCHEMA}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}
CHAT = {
    "model": "deepseek-chat",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "stage: think"},
        {"role": "assistant", "content": None, "reasoning_content": "Hm", "tool_calls": [CALL, {**CALL, "id": "c2"}]},
        {"role": "tool", "tool_call_id": "c2", "content": "rain"},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "sun"}]},
        {"role": "user", "content": "Thanks"},
    ],
    "tools": [{"type": "function", "function": FUNCTION}],
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_tokens": 100,
}
USES = [{"type": "tool_use", "id": f"t{number}", "name": "weather", "input": {}} for number in (1, 2)]
RESULTS = [{"type": "tool_result", "tool_use_id": f"t{number}", "content": "sun"} for number in (1, 2)]
THOUGHT = {"type": "thinking", "thinking": "Hm", "signature": signature("Hm")}
MESSAGES = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 2000,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": [THOUGHT, {"type": "text", "text": "I look."}, *USES]},
        {"role": "user", "content": [*RESULTS, {"type": "text", "text": "Well?"}]},
    ],
    "tools": [{"name": "weather", "input_schema": SCHEMA}],
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "metadata": {"user_id": "u"},
}
ARGUMENTS = {"city": "Paris"}
SIGNED = {
    "functionCall": {"name": "weather", "args": ARGUMENTS},
    "thoughtSignature": call_signature("weather", ARGUMENTS),
}
RESPONSE = {"functionResponse": {"name": "weather", "response": {"output": "sun"}}}
GEMINI = {
    "system_instruction": {"parts": [{"text": "Be brief."}]},
    "contents": [
        {"role": "user", "parts": [{"text": "Weather?"}]},
        {"role": "model", "parts": [SIGNED, {"functionCall": {"name": "weather", "args": {}}}]},
        {"role": "user", "parts": [RESPONSE, RESPONSE]},
    ],
    "tools": [{"functionDeclarations": [{"name": "weather", "parameters": SCHEMA}]}],
    "generationConfig": {"maxOutputTokens": 9, "thinkingConfig": {"thinking_budget": 1024}},
}
RESPONSES = {
    "model": "gpt-5.6",
    "store": False,
    "input": [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": sealed("rs_1")},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "sun"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Sun."}]},
        {"type": "message", "role": "user", "content": "Thanks"},
    ],
    "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}],
    "max_output_tokens": 16,
}
DASHSCOPE = {
    "model": "qwen-max",
    "input": {"messages": copy.deepcopy(CHAT["messages"])},
    "parameters": {"result_format": "message", "tools": CHAT["tools"], "incremental_output": True},
}
OPENAI = {
    "model": "gpt-5.6",
    "messages": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
    "max_completion_tokens": 9,
    "reasoning_effort": "high",
}
RIGHT = [
    (Chat(), "/v1/chat/completions", CHAT),
    (Kimi(), "/v1/chat/completions", CHAT),
    (Messages(), "/v1/messages", MESSAGES),
    (Gemini(), "/v1/models/gemini-2.5-flash:streamGenerateContent?alt=sse", GEMINI),
    (Gemini(), "/v1beta/models/gemini-3-pro-preview:generateContent", GEMINI),
    (Responses(), "/v1/responses", RESPONSES),
    (OpenAI(), "/v1/responses", RESPONSES),
    (OpenAI(), "/v1/chat/completions", OPENAI),
    (DashScope(), "/api/v1/services/aigc/text-generation/generation", DASHSCOPE),
]
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def checked(vendor, path, body):
    vendor.check(Received(f"POST {path} HTTP/1.1\r\nanthropic-version: 2023-06-01\r\n\r\n".encode()), body)


@pytest.mark.parametrize(("vendor", "path", "body"), RIGHT, ids=lambda value: getattr(value, "name", ""))
def test_right(vendor, path, body):
    checked(vendor, path, json.loads(json.dumps(body)))


def _changed(body, place, value):
    """A copy of the body with another value at a place; None removes what is there."""
    body = copy.deepcopy(body)
    *way, last = [int(step) if step.lstrip("-").isdigit() else step for step in place.split("/")]
    at = body
    for step in way:
        at = at[step]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return body


WRONG = {
    Chat: [
        ("messages/0/role", "developer", "developer"),
        ("messages/3/tool_call_id", "c9", "response to a preceding message"),
        ("messages/4", None, "insufficient tool messages"),
        ("messages/4/role", "user", "insufficient tool messages|unknown field"),
        ("messages/2/tool_calls/0/function/arguments", "{", "no JSON object"),
        ("messages/2/tool_calls/0/function/name", "a.b", "does not match|regex"),
        ("messages/2/reasoning_content", None, "Missing `reasoning_content`"),
        ("messages/1/content", [{"type": "text", "text": "stage: think"}, IMAGE], "unknown variant `image_url`"),
        ("messages/1/content", [{"type": "input_text", "text": "Hi"}], "input_text"),
        ("messages/1/cache_control", {"type": "ephemeral"}, "unknown field `cache_control`"),
        ("stream", False, "stream_options should be set"),
        ("max_tokens", 100_000, "valid range of max_tokens"),
        ("top_k", 5, "unknown field `top_k`"),
        ("response_format", {"type": "json_object"}, "the word 'json'"),
        ("response_format", {"type": "json_schema", "json_schema": {}}, "json_schema"),
        ("tools", None, None),
        ("tool_choice", "any", "any"),
    ],
    Messages: [
        ("messages/0/role", "assistant", "first message must use the user role"),
        ("messages/1/content/2/id", "functions.a:1", "regex|match"),
        ("messages/1/content/3/id", "t1", "ids must be unique"),
        ("messages/2/content/1", None, "without `tool_result` blocks immediately after: t2"),
        ("messages/2/content/0", {"type": "text", "text": "first"}, "without `tool_result`"),
        ("messages/2/content", [RESULTS[0], {"type": "text", "text": "x"}, RESULTS[1]], "come before any other block"),
        ("messages/2", None, "without `tool_result`"),
        ("messages/1", None, "unexpected `tool_use_id`"),
        ("messages/1/content/1/text", " ", "non-whitespace"),
        ("messages/1/content/0/signature", "", "Invalid `signature`"),
        ("messages/1/content/0", None, "Expected `thinking`"),
        ("messages/0/role", "system", 'Input should be "user" or "assistant"'),
        ("messages/0/name", "ann", "unknown field `name`"),
        ("max_tokens", None, "max_tokens"),
        ("max_tokens", 1024, "greater than `thinking.budget_tokens`"),
        ("temperature", 0.5, "only be set to 1 when thinking"),
        ("tool_choice", {"type": "any"}, "Thinking may not be enabled"),
        ("tool_choice", "auto", "tool_choice"),
        ("context_management", {"edits": []}, "Extra inputs"),
        ("stop", ["x"], "unknown field `stop`"),
        ("metadata", {"user": "u"}, "unknown field `user`"),
        ("tools/0/input_schema", {"properties": {}}, "input_schema"),
        ("tools/0/parameters", {}, "unknown field `parameters`"),
        ("model", "claude-opus-4-8", "adaptive"),
    ],
    Gemini: [
        ("contents/1/parts/0/thoughtSignature", None, "missing a thought_signature"),
        ("contents/1/parts/0/thoughtSignature", "AAAA", "Corrupted thought signature"),
        ("contents/1/parts/0/thoughtSignature", "skip_thought_signature_validator", None),
        ("contents/2/parts/1", None, "number of function response parts"),
        ("contents/2/parts/1/functionResponse/name", "other", "names"),
        ("contents/2/parts/1/functionResponse/response", "sun", "response"),
        ("contents/0", None, "immediately after a user turn"),
        ("contents/0/role", "assistant", "assistant"),
        ("contents/0/parts/0/text", "", "required oneof field 'data'"),
        ("contents/0/parts/0/inlineData", {"mimeType": "image/png", "data": "AA"}, "already set"),
        ("contents/0/parts/0", {"inlineData": {"mimeType": "image/png", "data": "data:;base64,A"}}, "Base64 decoding"),
        ("contents/0/parts", [], "must not be empty"),
        ("tools/0/functionDeclarations/0/parameters/additionalProperties", False, 'Unknown name "additionalProperties"'),
        ("tools/0/functionDeclarations/0/parameters/properties/city/enum", [1], "TYPE_STRING"),
        ("tools/0/functionDeclarations/0/parameters/properties/city/type", ["string", "null"], "Type"),
        ("tools/0/functionDeclarations/0/parameters", {"type": "object"}, "non-empty for OBJECT"),
        ("tools/0/functionDeclarations/0/parametersJsonSchema", SCHEMA, "only one of"),
        ("tools/0/functionDeclarations/0/name", "1st", "regex|match"),
        ("generationConfig/responseSchema", SCHEMA, "only allowed with application/json"),
        ("generationConfig/max_tokens", 5, "unknown field `maxTokens`"),
        ("toolConfig", {"functionCallingConfig": {"mode": "AUTO", "allowedFunctionNames": ["weather"]}}, "mode is ANY"),
        ("stream", True, "unknown field `stream`"),
    ],
    Responses: [
        ("stop", ["x"], "Unknown parameter: 'stop'"),
        ("max_tokens", 9, "Unknown parameter: 'max_tokens'"),
        ("max_output_tokens", 1, "max_output_tokens"),
        ("temperature", 0.5, "not supported with this model"),
        ("previous_response_id", "resp_1", "not found"),
        ("input/3/id", "c1", "begins with 'fc'"),
        ("input/3/call_id", "c" * 65, "call_id"),
        ("input/4", None, "No tool output found"),
        ("input/3", None, "No tool call found"),
        ("input/5/content/0", {"type": "text", "text": "Sun."}, "text"),
        ("input/5/content/0", {"type": "input_text", "text": "Sun."}, "'output_text' and 'refusal'"),
        ("input/2/encrypted_content", None, "not persisted"),
        ("input/2/encrypted_content", "gAAAAAx", "could not be verified"),
        ("input/2/summary", None, "summary"),
        ("input/4/output", {"a": 1}, "output"),
        ("tools/0", {"type": "function", "function": FUNCTION}, "name|function"),
        ("tools/0/strict", True, "additionalProperties"),
        ("tool_choice", {"type": "function", "function": {"name": "weather"}}, "tool_choice.function"),
        ("text", {"format": {"type": "json_schema", "json_schema": {}}}, "json_schema"),
    ],
    OpenAI: [
        ("tools", CHAT["tools"], "use /v1/responses instead"),
        ("max_tokens", 5, "Use 'max_completion_tokens'"),
        ("temperature", 0.5, "'temperature' is not supported"),
        ("messages", [*OPENAI["messages"], {"role": "assistant", "content": "a", "reasoning_content": "b"}], "reasoning_content"),
        ("thinking", {"type": "enabled"}, "thinking"),
    ],
    DashScope: [
        ("parameters/result_format", None, "result_format"),
        ("parameters/tool_choice", "required", "required"),
        ("parameters/stream", True, "unknown field `stream`"),
        ("input/messages/4", None, "must be followed by tool messages"),
        ("stream", True, "unknown field `stream`"),
    ],
}  # fmt: skip
CASES = [(kind, place, value, words) for kind, rows in WRONG.items() for place, value, words in rows]


@pytest.mark.parametrize(("kind", "place", "value", "words"), CASES, ids=[f"{c[0].name} {c[1]}" for c in CASES])
def test_wrong(kind, place, value, words):
    """`words` None: the change does not make it wrong."""
    vendor, path, body = [right for right in RIGHT if type(right[0]) is kind][-1]
    body = _changed(body, place, value)
    if words is None:
        checked(vendor, path, body)
        return
    with pytest.raises(RefusedError) as refused:
        checked(vendor, path, body)
    assert re.search(words, str(refused.value)), refused.value


@pytest.mark.parametrize("name", VENDORS)
def test_failures_are_in_the_form_of_the_vendor(name):
    for kind in KINDS:
        status, body = VENDORS[name]().failure(kind)
        assert status >= 400
        assert json.dumps(body)


class TestModel:
    TOOLS = (Tool("look", SCHEMA), Tool("ns__read", {"type": "object"}))

    def decided(self, prompt, **asked):
        return decide(Asked(prompt, tools=self.TOOLS, **asked), "X")

    def test_greets(self):
        assert self.decided("Hello").text == "Hello from X."

    def test_calls(self):
        first, second = self.decided('stage: call\nstage: call read {"a": 1} </tag>').calls
        assert (first.tool.name, first.arguments) == ("look", {"city": "Paris"})
        assert (second.tool.name, second.arguments) == ("ns__read", {"a": 1})

    def test_forced(self):
        assert self.decided("Hi", choice="look").calls[0].tool.name == "look"
        assert self.decided("stage: call", choice="none").calls == ()

    def test_quotes_what_tools_said(self):
        assert self.decided("stage: call", results=["sun", "rain"]).text == "The tool said: sun | rain"

    def test_an_answer_by_a_schema(self):
        assert json.loads(self.decided("Hi", schema=SCHEMA).text) == {"city": "Paris"}
        assert sample({"type": "array", "items": {"enum": ["a"]}}) == ["a"]

    def test_fails(self):
        assert (self.decided("stage: fail with rate").fails, self.decided("stage: fail late with rate").late) == (
            "rate",
            True,
        )

    def test_a_line_that_it_does_not_know(self):
        with pytest.raises(ValueError, match="jump"):
            self.decided("stage: jump")
