"""What `aigw env` prints for the SDKs is all that they need: they are started with nothing else, and answered."""

import asyncio
import json
import subprocess
import sys

import pytest
from stage.answers import answers, completion
from stage.command import environment_of_tests

OPENAI = """
from openai import OpenAI

answer = OpenAI().chat.completions.create(model="qwen-plus", messages=[{"role": "user", "content": "Hi"}])
print(answer.choices[0].message.content)
"""
ANTHROPIC = """
from anthropic import Anthropic

answer = Anthropic().messages.create(model="qwen-plus", max_tokens=9, messages=[{"role": "user", "content": "Hi"}])
print(answer.content[0].text)
"""
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
}  # fmt: skip


@pytest.mark.parametrize(
    ("client", "program", "body"),
    [("openai", OPENAI, completion("Hi")), ("anthropic", ANTHROPIC, json.dumps(MESSAGE).encode())],
)
async def test_an_sdk_with_nothing_but_the_lines(client, program, body, provider, gateway, commands, tmp_path):
    upstream = await provider(answers(body))
    consumers = [{"name": "ann", "credential": "sk-ann"}, {"name": "bob", "credential": "sk-bob"}]
    running = await gateway(
        {
            "services": {"dashscope.aliyuncs.com": upstream.url},
            "plugins": {
                "key-auth": {"keys": ["Authorization"], "consumers": consumers},
                "ai-proxy": {"provider": {"type": "qwen", "apiTokens": ["sk-qwen"]}},
            },
        }
    )
    words = ("env", client, "--url", f"{running.url}/v1/", "--json")
    printed = await asyncio.to_thread(commands.run, *words, cwd=tmp_path, env=environment_of_tests())
    lines = json.loads(printed.stdout)
    assert "sk-" not in printed.stdout
    variables = {
        name: value.replace(lines["key"]["placeholder"], "sk-ann") for name, value in lines["variables"].items()
    }
    command = [sys.executable, "-c", program]
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment_of_tests() | variables, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "Hi\n", done.stderr
    assert upstream.requests[0].headers["authorization"] == "Bearer sk-qwen"
