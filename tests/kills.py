"""Kills a gateway under load, again and again: `python -m tests.kills`, from the root of the project. It takes about a
minute and a half. With `--store redis` the counters are in a real Redis that is started for it, else on disk.

Right is: every call that reached the provider is charged, the budget is exceeded by no more calls than were in flight at
one moment, and the row of every answer that a client had for 200 ms is on disk."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from redis_server import redis_server  # noqa: E402 - it is found by the line above

STORES = ("disk", "redis")
IN_FLIGHT = 16
"""How many clients call at the same time."""
LOAD_SECONDS = 0.4
"""How long a gateway lives once it serves."""
ROW_SECONDS = 0.2
"""How much later than its answer a row may be on disk."""
ASK = json.dumps({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}).encode()
MESSAGE = {"role": "assistant", "content": "Hello"}
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
    }
).encode()  # fmt: skip


class Result(NamedTuple):
    """`reached` is how many calls reached the provider, `charged` how many the budget has, `answered` how many answers
    clients got, `missing` how many rows are not on disk though they should be."""

    kills: int
    budget: int
    reached: int
    charged: int
    answered: int
    missing: int

    def problems(self) -> list[str]:
        found = []
        if self.charged < self.reached:
            found.append(f"{self.reached - self.charged} charges were lost")
        if self.reached > self.budget + IN_FLIGHT:
            found.append(f"the budget was exceeded by {self.reached - self.budget} calls")
        if self.missing:
            found.append(f"{self.missing} usage rows are missing")
        return found


class Provider:
    """Counts the calls that reach it. It answers after a moment, so that some are always in flight."""

    def __init__(self) -> None:
        self.reached = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await reader.readexactly(await _length(reader))
                self.reached += 1
                await asyncio.sleep(0.01)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
                writer.write(b"content-length: %d\r\n\r\n" % len(ANSWER) + ANSWER)
                await writer.drain()
        writer.close()


async def _length(reader: asyncio.StreamReader) -> int:
    """Reads a head. Returns the Content-Length in it."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    return int(head.partition(b"content-length:")[2].split(b"\r\n")[0])


class Clients:
    """Keep on calling. `answers` has the id of each answer, and when it was there."""

    def __init__(self) -> None:
        self.answers: dict[str, float] = {}

    async def call(self, port: int) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.closing(writer):
                while True:
                    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n")
                    writer.write(b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ASK) + ASK)
                    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                    await reader.readexactly(int(head.partition("content-length:")[2].split("\r\n")[0]))
                    if head.startswith("http/1.1 200"):
                        id_ = head.partition("x-aigw-request-id:")[2].split("\r\n")[0].strip()
                        self.answers[id_] = time.monotonic()


async def run(kills: int, budget: int, store: str, folder: Path) -> Result:
    if store == "disk":
        return await _run(kills, budget, "", folder)
    (data := folder / "redis").mkdir()
    async with redis_server(data) as redis:
        return await _run(kills, budget, redis.url, folder)


async def _run(kills: int, budget: int, redis: str, folder: Path) -> Result:
    """`redis` is the URL of the store, empty for the disk."""
    provider, clients, late = Provider(), Clients(), set[str]()
    server = await asyncio.start_server(provider, "127.0.0.1", 0)
    async with server:
        (folder / "aigw.yaml").write_text(json.dumps(_config(server.sockets[0].getsockname()[1], budget, redis)))
        for _ in range(kills):
            async with _gateway(folder) as (process, port):
                load = [asyncio.create_task(clients.call(port)) for _ in range(IN_FLIGHT)]
                await asyncio.sleep(LOAD_SECONDS)
                os.killpg(process.pid, signal.SIGKILL)
                killed = time.monotonic()
                await asyncio.gather(*load)
            late |= {id_ for id_, at in clients.answers.items() if at > killed - ROW_SECONDS}
        async with _gateway(folder):
            charged = await _charged(folder)
    due = clients.answers.keys() - late
    with contextlib.closing(sqlite3.connect(folder / ".aigw" / "usage.sqlite")) as database:
        rows = {id_.lower() for (id_,) in database.execute("SELECT id FROM requests")}
    return Result(kills, budget, provider.reached, charged, len(clients.answers), len(due - rows))


def _config(port: int, budget: int, redis: str) -> object:
    provider = {"type": "openai", "apiTokens": ["k"], "openaiCustomUrl": f"http://127.0.0.1:{port}/v1"}
    budgets: dict[str, object] = {"budgets": [{"name": "all", "calls": budget}]}
    return {
        "listen": "127.0.0.1:0",
        "prices": {"*": {"input": 1, "output": 1}},
        "services": {"counters.static": redis} if redis else {},
        "plugins": {
            "ai-budget": budgets | ({"redis": {"service_name": "counters.static"}} if redis else {}),
            "ai-proxy": {"provider": provider},
        },
    }


@contextlib.asynccontextmanager
async def _gateway(folder: Path):
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *_command("serve", "--json"), cwd=folder, env=_environment(), stdout=pipe, start_new_session=True
    )
    try:
        line = json.loads(await process.stdout.readline())
        yield process, int(line["url"].rpartition(":")[2])
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


async def _charged(folder: Path) -> int:
    """What is set aside still counts: Redis does not know which process was killed, and charges it when its lease
    ends. On disk it has become a charge by now."""
    status = await asyncio.create_subprocess_exec(
        *_command("budget", "status", "--json"), cwd=folder, env=_environment(), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await status.communicate()
    return sum(line["used"] + line["held"] for line in json.loads(output))


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "aigw", *words]


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="how often the gateway is killed; default: %(default)s")
    parser.add_argument("--budget", type=int, default=5000, help="how many calls are allowed; default: %(default)s")
    parser.add_argument("--store", choices=STORES, default="disk", help="where counters are; default: %(default)s")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(run(asked.kills, asked.budget, asked.store, Path(folder)))
    print(json.dumps(result._asdict()))
    if problems := result.problems():
        sys.exit("; ".join(problems))


if __name__ == "__main__":
    main()
