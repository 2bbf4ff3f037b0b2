"""aigw/plugins/ai_security_guard/other_texts.py: what the model reads beside the turns is checked, in every client's format."""

import json

import pytest
from fakes import answer_json, chat
from guard_world import BAD, BOTH, MAIL, guard_world, said
from world import world

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
GEMINI = "/v1beta/models/m:generateContent"
HI = {"role": "user", "content": "hi"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string", "description": f"Of {MAIL}"}}}
TEXT = f"It is {MAIL}."


def with_message(**message):
    return {"messages": [HI, {"role": "assistant", "content": "well", **message}, HI]}


def of_gemini(part=None, **more):
    contents = [{"role": "user", "parts": [{"text": "hi"}]}, {"role": "model", "parts": [part or {"text": "well"}]}]
    return {"contents": [*contents, contents[0]], **more}


BODIES = [
    (CHAT, {"messages": [HI], "tools": [{"type": "function", "function": {"name": "f", "description": TEXT}}]}),
    (CHAT, {"messages": [HI], "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]}),
    (CHAT, {"messages": [HI], "functions": [{"name": "f", "description": TEXT}]}),
    (CHAT, {"messages": [HI], "response_format": {"type": "json_schema", "json_schema": {"description": TEXT}}}),
    (CHAT, {"messages": [{**HI, "name": TEXT}]}),
    (CHAT, {"messages": [HI], "prediction": {"type": "content", "content": TEXT}}),
    (CHAT, {"messages": [{**HI, "content": [TEXT]}]}),
    (CHAT, {"messages": [{**HI, "content": {"text": TEXT}}]}),
    (CHAT, with_message(reasoning_content=TEXT)),
    (CHAT, with_message(content=[{"type": "refusal", "refusal": TEXT}])),
    (CHAT, with_message(tool_calls=[{"id": "c", "function": {"name": "f", "arguments": json.dumps({"a": TEXT})}}])),
    (CHAT, with_message(tool_calls=[{"id": "c", "function": {"name": "f", "arguments": f'{{"a": "{TEXT}'}}])),
    (MESSAGES, {"messages": [HI], "tools": [{"name": "f", "description": TEXT, "input_schema": {}}]}),
    (MESSAGES, {"messages": [HI], "tools": [{"name": "f", "input_schema": SCHEMA}]}),
    (MESSAGES, with_message(content=[{"type": "tool_use", "id": "c", "name": "f", "input": {"id": TEXT, TEXT: 1}}])),
    (RESPONSES, {"input": "hi", "tools": [{"type": "function", "name": "f", "description": TEXT}]}),
    (RESPONSES, {"input": "hi", "prompt": {"id": "p", "variables": {"a": TEXT}}}),
    (RESPONSES, {"input": "hi", "text": {"format": {"type": "json_schema", "schema": SCHEMA}}}),
    (RESPONSES, {"input": [HI, {"type": "function_call", "call_id": "c", "name": "f", "arguments": f'["{MAIL}"]'}]}),
    (GEMINI, of_gemini({"functionCall": {"name": "f", "args": {"a": TEXT}}})),
    (GEMINI, of_gemini(tools=[{"functionDeclarations": [{"name": "f", "description": TEXT}]}])),
]


@pytest.mark.parametrize(("path", "body"), BODIES)
async def test_it_is_masked_in_its_place(path, body):
    async with guard_world(BOTH, said("well")) as it:
        seen = await it.ask(chat({"model": "m", "max_tokens": 9, **body}, path=path))
        assert it.provider.json() == {
            "model": "m",
            "max_tokens": 9,
            **json.loads(json.dumps(body).replace(MAIL, "[email]")),
        }
        assert seen.headers["x-aigw-guard"].startswith("request=mask;label=email")


@pytest.mark.parametrize(("path", "body"), BODIES)
async def test_it_is_refused(path, body):
    async with guard_world(BOTH) as it:
        bad = json.loads(json.dumps(body).replace(MAIL, BAD))
        seen = await it.ask(chat({"model": "m", "max_tokens": 9, **bad}, path=path))
        assert not it.provider.sent
    assert seen.headers["x-aigw-guard"] == "request=deny;label=project"


async def test_keys_of_tools_elsewhere_stay():
    server = {"type": "url", "url": f"https://x?u={MAIL}", "name": "n", "authorization_token": "sk-" + "a1B2" * 12}
    body = {"model": "m", "max_tokens": 9, "messages": [HI], "mcp_servers": [server]}
    async with guard_world(BOTH, said("well")) as it:
        await it.ask(chat(body, path=MESSAGES))
        assert it.provider.json() == body


async def test_what_an_answer_has_followed_is_not_asked_of_a_service_elsewhere():
    service = {
        "serviceName": "green.dns", "servicePort": 443, "serviceHost": "green.example", "accessKey": "a", "secretKey": "s",
    }  # fmt: skip
    clean = answer_json({"Code": 200, "RequestId": "R", "Data": {"RiskLevel": "none"}})
    messages = [{**HI, "name": "older"}, {"role": "assistant", "content": "well"}, {**HI, "name": "newer"}]
    async with world({"ai-security-guard": {**service, "checkRequest": True}}, clean) as it:
        await it.ask({"model": "m", "messages": messages, "tools": [{"function": {"description": "tool"}}]})
    checked = [request.body.decode() for request, target in it.upstream.sent if "green" in target.authority]
    assert [[word for word in ("hi", "older", "newer", "tool") if word in each] for each in checked] == [
        ["hi"], ["newer"], ["tool"],
    ]  # fmt: skip
