"""What `aigw serve` writes on stderr while it serves: a line a request for people, JSON for programs, or nothing."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sqlite3
import sys
from contextlib import closing

import pytest
from stage.answers import PATH
from stage.command import aigw, ended, environment_of_tests, ready
from stage.raw import RawClient

CONFIG = {"listen": "127.0.0.1:0", "plugins": {"ai-proxy": {"provider": {"type": "builtin"}}}}
ASK = b'{"model":"mock","messages":[{"role":"user","content":"Hello!"}]}'
TOOK = r"(\d+ms|\d+\.\d+s)"
STREAM = b'{"model":"mock","stream":true,"messages":[{"role":"user","content":"Hello!"}]}'


async def logged(folder, *options):
    """What a gateway writes on stderr that gets three requests, one of them wrong."""
    async with aigw(folder, *options, config=CONFIG) as process:
        client = await RawClient.connect(int((await ready(process))["url"].rpartition(":")[2]))
        for body in (ASK, STREAM, b'{"model":"x\x1b[2J"}'):
            await client.request("POST", PATH, body)
        await client.close()
        process.send_signal(signal.SIGINT)
        code, errors = await ended(process)
    assert code == 0
    return errors.splitlines()


async def test_a_line_a_request_for_people(tmp_path):
    *lines, last = await logged(tmp_path, "--log-format", "text")
    assert len(lines) == 3
    assert last.startswith("aigw served 3 requests in ")
    assert re.fullmatch(rf"\d\d:\d\d:\d\d 200 mock +9 in +32 out +\$0 +{TOOK}", lines[0])
    assert re.fullmatch(rf"\d\d:\d\d:\d\d 200 mock +9 in +32 out +\$0 +{TOOK} +{TOOK}", lines[1])
    assert re.fullmatch(r"\d\d:\d\d:\d\d 40[04] .*  (invalid|missing|model)_\w+", lines[2])
    assert all(line.isprintable() for line in lines)
    assert all(len(line) <= 100 for line in lines)


async def test_json_for_programs(tmp_path):
    *lines, last = [json.loads(line) for line in await logged(tmp_path, "--log-format", "json")]
    assert last["message"].startswith("aigw served 3 requests in ")
    assert [line["status"] for line in lines][:2] == [200, 200]
    assert [line["tokens"]["output"] for line in lines[:2]] == [32, 32]
    assert lines[:3] == [json.loads(line) for line in (tmp_path / ".aigw" / "access.jsonl").read_bytes().splitlines()]


@pytest.mark.parametrize("options", [["-q"], ["--quiet", "--log-format", "json"], []])
async def test_nothing(tmp_path, options):
    """Quiet, or with --json, as these tests start it, where nobody asked for a log."""
    assert await logged(tmp_path, *options) == []


@pytest.mark.skipif(sys.platform != "linux", reason="several workers")
@pytest.mark.parametrize("options", [[], ["--workers", "2"]])
async def test_a_state_folder_with_the_file_of_another_program(tmp_path, options):
    (tmp_path / ".aigw").mkdir()
    with closing(sqlite3.connect(tmp_path / ".aigw" / "usage.sqlite")) as connection:
        connection.execute("CREATE TABLE other (x)")
    async with aigw(tmp_path, *options, config=CONFIG) as process:
        code, errors = await ended(process)
    assert code == 2
    assert errors.count("belongs to another program") == 1
    assert "Traceback" not in errors


async def test_a_trace_of_a_request(tmp_path):
    async with aigw(tmp_path, "--trace", config=CONFIG) as process:
        started = await ready(process)
        client = await RawClient.connect(int(started["url"].rpartition(":")[2]))
        answer = await client.request("POST", PATH, ASK, authorization="Bearer sk-secret-client")
        await client.close()
        process.send_signal(signal.SIGINT)
        await ended(process)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "aigw", "trace", answer.headers["x-aigw-request-id"],
        cwd=tmp_path, env=environment_of_tests(), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output = (await process.communicate())[0].decode()
    assert process.returncode == 0
    assert "POST /v1/chat/completions" in output
    assert "ai-proxy" in output
    assert "sk-secret" not in output
