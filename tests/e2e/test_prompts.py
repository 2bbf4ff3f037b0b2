"""Templates and decorated prompts with the SDKs that people use: each API's request arrives at the provider as its own."""

import json

import pytest
from anthropic import AsyncAnthropic, BadRequestError
from stage.answers import answers, completion, streams, text_events

DEVELOPER = {
    "model": "gpt-3.5-turbo",
    "messages": [
        {"role": "system", "content": "You are a {{program}} expert, in {{language}} programming language."},
        {"role": "user", "content": "Write me a {{program}} program."},
    ],
}
PLUGINS = {
    "ai-prompt-template": {"templates": [{"name": "developer-chat", "template": DEVELOPER}]},
    "ai-prompt-decorator": {
        "prepend": [{"role": "system", "content": "Answer in English."}],
        "append": [{"role": "user", "content": "Ask back."}],
    },
}
VALUES = {"program": 'a "quick" sort', "language": "python"}
ASKED = {"template": "developer-chat", "properties": VALUES}
SYSTEM = 'You are a a "quick" sort expert, in python programming language.'
QUESTION = 'Write me a a "quick" sort program.'
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
}  # fmt: skip
TEXT = {
    "id": "1",
    "object": "text_completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "text": "Hi", "finish_reason": "stop"}],
}
RESPONSE = {
    "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed", "parallel_tool_calls": True,
    "tool_choice": "auto", "tools": [],
    "output": [{"type": "message", "id": "m1", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "Hi", "annotations": []}]}],
}  # fmt: skip
CANDIDATE = {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]}


def turn(role, text):
    return {"role": role, "content": text}


def item(role, text):
    return {"type": "message", **turn(role, text)}


@pytest.fixture
def asked(provider, gateway):
    """A gateway in front of a provider, and what the provider received."""

    async def start(script, **settings):
        upstream = await provider(script)
        settings = {"type": "openai", "apiTokens": ["sk-1"], "openaiCustomUrl": f"{upstream.url}/v1", **settings}
        services = {"api.anthropic.com": upstream.url, "generativelanguage.googleapis.com": upstream.url}
        plugins = {**PLUGINS, "ai-proxy": {"provider": settings}}
        running = await gateway({"services": services, "plugins": plugins})
        return running, lambda: json.loads(upstream.requests[-1].body)

    return start


async def test_a_chat_streams(asked):
    running, received = await asked(streams(*text_events("Hi")))
    client = running.sdk()
    stream = await client.chat.completions.create(
        model="any", messages=[], stream=True, temperature=0.5, extra_body=ASKED
    )
    assert "".join([event.choices[0].delta.content or "" async for event in stream if event.choices]) == "Hi"
    body = received()
    assert (body["model"], body["stream"], body["temperature"]) == ("gpt-3.5-turbo", True, 0.5)
    assert body["messages"] == [
        turn("system", "Answer in English."), turn("system", SYSTEM), turn("user", QUESTION), turn("user", "Ask back."),
    ]  # fmt: skip
    assert not {"template", "properties"} & body.keys()


async def test_a_text_completion(asked):
    running, received = await asked(answers(json.dumps(TEXT).encode()))
    answer = await running.sdk().completions.create(model="any", prompt="", extra_body=ASKED)
    assert answer.choices[0].text == "Hi"
    assert received()["prompt"] == f"Answer in English.\n\n{SYSTEM}\n\n{QUESTION}\n\nAsk back."


async def test_a_response(asked):
    running, received = await asked(answers(json.dumps(RESPONSE).encode()))
    answer = await running.sdk().responses.create(model="any", input="", extra_body=ASKED)
    assert answer.output_text == "Hi"
    body = received()
    assert body["instructions"] == f"Answer in English.\n\n{SYSTEM}"
    assert body["input"] == [item("user", QUESTION), item("user", "Ask back.")]


async def test_a_message(asked):
    running, received = await asked(answers(json.dumps(MESSAGE).encode()), type="claude", openaiCustomUrl="")
    async with AsyncAnthropic(base_url=running.url, api_key="any", max_retries=0) as client:
        answer = await client.messages.create(model="any", max_tokens=9, messages=[], extra_body=ASKED)
        assert answer.content[0].text == "Hi"
        body = received()
        assert [block["text"] for block in body["system"]] == ["Answer in English.", SYSTEM]
        assert [block["text"] for block in body["messages"][0]["content"]] == [QUESTION, "Ask back."]
        assert (body["model"], body["max_tokens"]) == ("gpt-3.5-turbo", 9)
        with pytest.raises(BadRequestError, match="missing: program, language"):
            await client.messages.create(
                model="any", max_tokens=9, messages=[], extra_body={"template": "developer-chat"}
            )


async def test_gemini(asked):
    running, received = await asked(answers(json.dumps(CANDIDATE).encode()), type="gemini", openaiCustomUrl="")
    path, body = "/v1beta/models/any:generateContent", json.dumps(ASKED).encode()
    answer = await running.request("POST", path, body, content_type="application/json")
    assert answer.status == 200
    body = received()
    assert [part["text"] for part in body["systemInstruction"]["parts"]] == ["Answer in English.", SYSTEM]
    assert [each["parts"][0]["text"] for each in body["contents"]] == [QUESTION, "Ask back."]


async def test_the_cache_tells_values_and_places_apart(provider, gateway):
    """What is in front of the templates sees names and values, and the headers with the place of a client."""
    upstream = await provider(*(answers(completion(text)) for text in "abc"))
    decorator = {"prepend": [{"role": "system", "content": "from ${geo-city}"}]}
    plugins = {
        **PLUGINS,
        "ai-prompt-decorator": decorator,
        "ai-cache": {"cache": {"type": "redis", "serviceName": "redis.static"}},
    }
    settings = {"type": "openai", "apiTokens": ["sk-1"], "openaiCustomUrl": f"{upstream.url}/v1"}
    client = (await gateway({"plugins": {**plugins, "ai-proxy": {"provider": settings}}})).sdk()

    async def ask(city, **values):
        body = {"template": "developer-chat", "properties": {**VALUES, **values}}
        headers = {"x-higress-geo-city": city}
        return await client.chat.completions.create(model="any", messages=[], extra_body=body, extra_headers=headers)

    said = [await ask("A"), await ask("A"), await ask("B"), await ask("A", language="go")]
    assert [answer.choices[0].message.content for answer in said] == ["a", "a", "b", "c"]
