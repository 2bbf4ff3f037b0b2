"""One soak: a gateway in a process of its own, the clouds, and clients that send what the script has."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import yaml

from tests.soak import books, clouds
from tests.soak.clients import COMPARED, Seen, send
from tests.soak.script import Case, Script
from tests.soak.verdict import problem

ROOT = Path(__file__).parents[2]
SETTLING = 15.0
"""Seconds after which what is left over counts as lost."""
WARMING = 20
"""How many requests come before the others, one after the other."""
BLOCKS = 80_000
"""How many blocks of Python's memory may be in use that were not before: caches of 4096 entries fill up."""
GROWTH = 24 * 1024
"""How many KiB a gateway may have grown since a fifth of the requests. SQLite keeps pages of its files in memory, up to
a bound of its own, which 40,000 requests reach."""
SPARE = Counter({"usage.sqlite": 1})
"""Descriptors that may be there more than before. An idle gateway reads its rows to add them up, and SQLite keeps one
descriptor of a closed connection for the next, as closing it would end the locks of the others."""
_LOST = ("Traceback", "never retrieved", "never awaited", "Unclosed", "Task was destroyed")


class Result(NamedTuple):
    problems: list[str]
    figures: dict[str, Any]


class Soak:
    def __init__(self, folder: Path, requests: int, connections: int, seed: int) -> None:
        self._folder = folder
        self._state = folder / ".aigw"
        self._requests = requests
        self._connections = connections
        self._script = Script(seed)
        self._clouds = clouds.Clouds(self._script)
        self._seen: list[tuple[Case, Seen]] = []
        self._wrong: list[str] = []
        self._memory: list[int] = []
        self._numbers = iter(range(requests))

    async def run(self) -> Result:
        started = time.monotonic()
        async with contextlib.AsyncExitStack() as stack:
            cloud = await stack.enter_async_context(contextlib.AsyncExitStack())
            url = await cloud.enter_async_context(clouds.serving(self._clouds))
            file = self._folder / "aigw.yaml"
            file.write_text(json.dumps(configuration(url)))
            gateway = await stack.enter_async_context(_gateway(file))
            await self._warm_up(gateway)
            before = await gateway.held()
            await asyncio.gather(*(self._client(gateway) for _ in range(self._connections)))
            await cloud.aclose()
            after = await gateway.settled(before)
            unsettled = books.held(self._state)
        self._memory.append(after["memory"])
        problems = [*self._problems(), *(f"left over: {each}" for each in _more(before, after))]
        if (blocks := after["blocks"] - before["blocks"]) > BLOCKS:
            problems.append(f"{blocks} blocks of Python's memory more than before")
        problems += [f"nobody closed {count} of {name}" for name, count in after["abandoned"].items()]
        if unsettled:
            problems.append(f"{unsettled} estimates are still held")
        return Result(
            problems,
            self._figures()
            | {
                "seconds": round(time.monotonic() - started, 1),
                "blocks": [before["blocks"], after["blocks"]],
                "held": after,
            },
        )

    async def _warm_up(self, gateway: Gateway) -> None:
        """Opens what a gateway opens for its first requests and keeps."""
        async with _session() as session:
            for number in range(WARMING):
                case = self._script.request(self._requests + number)
                self._judge(case, await send(session, gateway.url, case))

    def _judge(self, case: Case, seen: Seen) -> None:
        """Keeps of an answer only what the books are compared with: there are hundreds of thousands."""
        if said := problem(case, seen):
            self._wrong.append(said)
        seen.raw, seen.headers = b"", {name: seen.headers[name] for name in COMPARED if name in seen.headers}
        self._seen.append((case, seen))

    async def _client(self, gateway: Gateway) -> None:
        """Sends one request after the other, on one connection as long as that lasts."""
        async with _session() as session:
            for number in self._numbers:
                if number % max(self._requests // 10, 1) == 0:
                    self._memory.append((await gateway.held())["memory"])
                    print(f"{number} requests, {self._memory[-1]} KiB, {len(self._wrong)} problems", file=sys.stderr)
                case = self._script.request(number)
                self._judge(case, await send(session, gateway.url, case))

    def _problems(self) -> list[str]:
        grown = self._memory[-1] - self._memory[:3][-1]
        return [
            *self._clouds.problems,
            *self._wrong,
            *books.problems(self._seen, books.rows(self._state)),
            *([f"{grown} KiB of memory more than after a fifth of the requests"] if grown > GROWTH else []),
            *_lost(self._folder / "log"),
        ]

    def _figures(self) -> dict[str, Any]:
        kinds = Counter(case.kind for case, _ in self._seen)
        return {
            "requests": len(self._seen),
            "kinds": dict(kinds.most_common()),
            "statuses": dict(Counter(str(seen.status) for _, seen in self._seen).most_common()),
            "ends": dict(Counter(seen.ended for _, seen in self._seen).most_common()),
            "hits": sum(seen.cached for _, seen in self._seen),
            "calls": dict(self._clouds.asked),
            "tokens": books.sums(self._seen, books.rows(self._state)),
            "memory": self._memory,
        }


@dataclass(slots=True)
class Gateway:
    url: str
    process: asyncio.subprocess.Process
    log: Path
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def held(self) -> dict[str, Any]:
        async with self.asking:
            self.process.stdin.write(b"\n")
            line = await self.process.stdout.readline()
        if not line:
            sys.exit(f"the gateway has ended with {await self.process.wait()}:\n{self.log.read_text()[-3000:]}")
        return json.loads(line)

    async def settled(self, before: dict[str, Any]) -> dict[str, Any]:
        """What it holds once it holds no more than before, or when it has had time enough for that."""
        end = time.monotonic() + SETTLING
        while True:
            held = await self.held()
            if not _more(before, held) or time.monotonic() > end:
                return held
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def _gateway(file: Path) -> AsyncIterator[Gateway]:
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "tests.soak.gateway", str(file)]
    with (file.parent / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdin=pipe, stdout=pipe, stderr=log
        )
        try:
            yield Gateway(json.loads(await process.stdout.readline())["url"], process, file.parent / "log")
            process.stdin.close()
            await asyncio.wait_for(process.wait(), SETTLING)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1))


def configuration(url: str) -> dict[str, Any]:
    """The recipe, with its clouds at `url`. A limit counts for the address that a client names, and what a plugin asks
    for may take long, because everything runs on one machine."""
    config = yaml.safe_load((ROOT / "recipes" / "everything.yaml").read_text(encoding="utf-8"))
    plugins = config["plugins"]
    plugins["ai-token-ratelimit"]["rule_items"][0]["limit_by_per_ip"] = "from-header-x-forwarded-for"
    for service in ("dashscope", "dashvector"):
        plugins["ai-rag"][service]["timeout"] = 60_000
    return config | {
        "listen": "127.0.0.1:0",
        "services": {"dashscope.aliyuncs.com": url, "qwen.dns": url, "dashvector.dns": url},
        "cache": {"memory": "1MiB"},
    }


def _more(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    more = {
        "tasks": Counter(after["tasks"]) - Counter(before["tasks"]),
        "descriptors": Counter(after["descriptors"]) - Counter(before["descriptors"]) - SPARE,
    }
    return [f"{count} {what} more of {name}" for what, names in more.items() for name, count in names.items()]


def _lost(log: Path) -> list[str]:
    lines = log.read_text(errors="replace").splitlines()
    places = [number for number, line in enumerate(lines) if any(word in line for word in _LOST)]
    return ["the log has: " + "\n".join(lines[max(0, number - 2) : number + 40]) for number in places[:3]]
