"""aimock, an independent program, answers as OpenAI and Anthropic do. What it sends is recorded, and replayed with equal
bytes. Its ids are others each time, so that an equal answer was replayed."""

import asyncio
import json

import pytest
from children import die_with_parent
from stage.answers import PATH
from stage.node import FOLDER
from stage.taped import CLOSED
from stage.wires import CHAT, MESSAGES, RESPONSES

WORDS = "Hello from afar, and a few more words to cut into events. 👋"
CALLS = [{"name": "weather", "arguments": '{"city":"Zürich"}'}, {"name": "time", "arguments": '{"zone":"CET"}'}]
FIXTURES = [
    {"match": {"userMessage": "weather"}, "response": {"toolCalls": CALLS}},
    {"match": {"userMessage": "fail"}, "response": {"error": {"message": "Slow down"}, "status": 429}},
    {"match": {"userMessage": "hello"}, "response": {"content": WORDS}},
]


@pytest.fixture
async def aimock(node, tmp_path):
    """The URL of a running aimock."""
    fixtures = tmp_path / "fixtures.json"
    fixtures.write_text(json.dumps({"fixtures": FIXTURES}))
    script = FOLDER / "node_modules/@copilotkit/aimock/dist/cli.js"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(node, script, "-p", "0", "-f", fixtures), stdout=pipe, stderr=pipe, preexec_fn=die_with_parent
    )
    try:
        async with asyncio.timeout(20):
            while line := (await process.stdout.readline()).decode():
                if "listening on " in line:
                    break
        yield line.rpartition(" ")[2].strip()
    finally:
        process.kill()
        await process.communicate()


def chat(words, **fields):
    return PATH, {"model": "gpt-4o", "messages": [{"role": "user", "content": words}], **fields}


ASKED = [
    chat("hello"),
    chat("hello", stream=True, stream_options={"include_usage": True}),
    chat("weather"),
    chat("weather", stream=True),
    chat("fail"),
    chat("fail", stream=True),
    ("/v1/embeddings", {"model": "text-embedding-3-small", "input": ["a", "b"], "dimensions": 8}),
    ("/v1/embeddings", {"model": "text-embedding-3-small", "input": "a", "encoding_format": "base64"}),
    ("/v1/responses", RESPONSES.body("hello")),
    ("/v1/responses", RESPONSES.body("weather", stream=True)),
]
OF_MESSAGES = [
    ("/v1/messages", MESSAGES.body(words, stream=stream)) for words in ("hello", "weather", "fail") for stream in (0, 1)
]


@pytest.mark.parametrize(("wire", "bodies"), [(CHAT, ASKED), (MESSAGES, OF_MESSAGES)], ids=["openai", "anthropic"])
async def test_what_another_program_sends_is_replayed(aimock, gateway, taped, wire, bodies):
    running = await taped("record", config=wire.config(aimock, {}))
    before = [await got(running, *each) for each in bodies]
    assert {status for status, *_ in before} == {200, 429}
    written = await taped.written(running)
    assert len(written) == len(bodies)
    fresh = await gateway(wire.config(aimock, {}))
    assert [await got(fresh, *each) for each in bodies] != before
    running = await taped("replay", config=wire.config(CLOSED, {}))
    assert [await got(running, *each) for each in bodies * 2] == before * 2
    assert [each.text for each in running.recordings.report.missed] == []


async def got(running, path, body):
    answer = await running.request("POST", path, json.dumps(body).encode(), anthropic_version="2023-06-01")
    return answer.status, answer.headers["content-type"], answer.headers.get("retry-after"), answer.body
