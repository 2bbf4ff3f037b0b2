"""What the statistics say equals what the provider reported, however answers end, over two workers and a killed one."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from stage.answers import PATH, chunk, completion, error_body
from stage.command import aigw, environment_of_tests, ready
from stage.gateway import until
from stage.raw import RawClient, encode
from stage.upstream import Peer, ScriptedUpstream

from aigw.books.usage_file import FILE_NAME
from aigw.books.usage_query import read
from aigw.books.usage_row import UsageRow

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="several workers")

DONE = b"data: [DONE]\n\n"
WEIGHTS = {"plain": 30, "stream": 25, "asked": 15, "cut": 8, "broken": 4, "failed": 8, "retried": 6, "models": 4}
PRICE = {"input": 1.0, "output": 2.0, "cacheRead": 0.5}


def usage_of(number: int) -> dict[str, Any]:
    made, spent = 2 + number % 11, 10 + number % 7
    details = {"cached_tokens": number % 5}
    return {"prompt_tokens": spent, "completion_tokens": made, "prompt_tokens_details": details}


class Provider:
    """Does what the model's name says, and keeps sums of what it reported."""

    def __init__(self) -> None:
        self.reported: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    async def __call__(self, peer: Peer) -> None:
        await peer.body()
        if peer.request.method == "GET":
            await peer.answer(b'{"object": "list", "data": []}')
            return
        body: Any = peer.request.json()
        kind, number = body["model"], int(body["user"])
        self.calls[body["user"]] += 1
        if kind == "failed" or (kind == "retried" and self.calls[body["user"]] == 1):
            await peer.answer(error_body(), 500)
        elif kind in ("plain", "retried"):
            await peer.answer(completion("one two three", model=kind, usage=self._report(number)))
        else:
            assert body["stream_options"] == {"include_usage": True}
            await self._stream(peer, kind, number)

    async def _stream(self, peer: Peer, kind: str, number: int) -> None:
        await peer.begin()
        for _ in range(3):
            await peer.piece(chunk({"content": "one two three "}, model=kind, usage=None))
        if kind == "cut":
            await peer.gone()
        elif kind == "broken":
            peer.reset()
        else:
            await peer.piece(chunk({}, "stop", model=kind, usage=None))
            await peer.piece(chunk(model=kind, usage=self._report(number)))
            await peer.piece(DONE)
            await peer.end()

    def _report(self, number: int) -> dict[str, Any]:
        usage = usage_of(number)
        cached = usage["prompt_tokens_details"]["cached_tokens"]
        self.reported["input"] += usage["prompt_tokens"] - cached
        self.reported["cache_read"] += cached
        self.reported["output"] += usage["completion_tokens"]
        return usage


def config(url: str) -> dict[str, Any]:
    provider = {"type": "openai", "apiTokens": ["sk-a", "sk-b"], "retryOnFailure": {"enabled": True}}
    return {
        "listen": "127.0.0.1:0",
        "services": {"api.openai.com": url},
        "plugins": {"ai-statistics": {}, "ai-proxy": {"provider": provider}},
        "prices": {"*": PRICE},
    }


class Client:
    """Sends requests over connections of its own, and knows what should be kept of them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.kinds: dict[str, str] = {}
        self.ended: dict[str, float] = {}

    async def run(self, kinds: list[tuple[int, str]]) -> None:
        client = await RawClient.connect(self._port)
        try:
            for number, kind in kinds:
                if not await self.one(client, number, kind):
                    await client.close()
                    client = await RawClient.connect(self._port)
        finally:
            await client.close()

    async def one(self, client: RawClient, number: int, kind: str) -> bool:
        """True if the connection can be used again."""
        if kind == "models":
            answer = await client.request("GET", "/v1/models")
            self._note(answer.headers, kind)
            assert answer.status == 200
            return True
        body: dict[str, Any] = {"model": kind, "user": str(number), "messages": [{"role": "user", "content": "Hi"}]}
        if kind not in ("plain", "failed", "retried"):
            body["stream"] = True
        if kind == "asked":
            body["stream_options"] = {"include_usage": True}
        await client.send(encode("POST", PATH, json.dumps(body).encode()))
        if kind == "cut":
            _, headers = await client.head()
            await client.chunk()
            self._note(headers, kind)
            return False
        answer = await client.answer()
        self._note(answer.headers, kind)
        assert answer.status == (500 if kind == "failed" else 200)
        assert (b'"usage": {' in answer.body) == (kind in ("plain", "asked", "retried"))
        return kind != "broken"

    def _note(self, headers: Any, kind: str) -> None:
        self.kinds[headers["x-aigw-request-id"]] = kind
        self.ended[headers["x-aigw-request-id"]] = time.monotonic()


def rows_in(folder: Path) -> list[UsageRow]:
    return list(read(folder / ".aigw" / FILE_NAME))


async def command(*words: str, folder: Path) -> Any:
    """What a command prints as JSON."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "aigw", *words, cwd=folder, env=environment_of_tests(), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(output)


async def page(url: str, path: str) -> bytes:
    client = await RawClient.connect(int(url.rpartition(":")[2]))
    try:
        answer = await client.request("GET", path)
    finally:
        await client.close()
    assert answer.status == 200
    return answer.body


@pytest.fixture
async def counted(stack):
    """A provider that counts what it reports, and where it listens."""
    provider = Provider()
    upstream = ScriptedUpstream(provider)
    await upstream.start()
    stack.push_async_callback(upstream.stop)
    return provider, upstream.url


def check_rows(rows: list[UsageRow], client: Client, provider: Provider) -> None:
    kinds = client.kinds
    assert Counter(row.id for row in rows) == Counter(kinds.keys())
    for row in rows:
        kind = kinds[row.id]
        source = {"cut": "estimated", "broken": "estimated", "failed": "absent", "models": "absent"}.get(
            kind, "reported"
        )
        assert row.tokens.source == source, (kind, row)
        assert row.outcome == {"cut": "aborted", "broken": "failed"}.get(kind, "complete"), (kind, row)
        assert row.attempts == (2 if kind in ("failed", "retried") else 1), (kind, row)
        assert (row.cost is None) == (kind == "failed"), (kind, row)
        assert row.stream == (kind in ("stream", "asked", "cut", "broken"))
        if source == "estimated":
            assert (row.tokens.input or 0) > 0
            assert 3 <= (row.tokens.output or 0) <= 10
        check_times(row)
    reported = [row for row in rows if row.tokens.source == "reported"]
    for name in ("input", "cache_read", "output"):
        assert sum(getattr(row.tokens, name) for row in reported) == provider.reported[name], name
    spent = sum(provider.reported[name] * price for name, price in (("input", 1), ("cache_read", 0.5), ("output", 2)))
    assert sum(row.cost or 0 for row in reported) == pytest.approx(spent / 1e6)


def check_times(row: UsageRow) -> None:
    """Own share, wait and rest are the whole."""
    assert 0 <= row.gateway_ms + row.wait_ms <= row.total_ms + 0.01
    assert row.total_ms < 15_000
    if row.first_token_ms is not None:
        assert row.first_token_ms == pytest.approx(row.gateway_ms + row.wait_ms, abs=0.01)


async def test_5000_mixed_requests_over_two_workers(tmp_path, counted):
    scripted, upstream = counted
    order = random.Random(7)
    kinds = list(enumerate(order.choices(list(WEIGHTS), list(WEIGHTS.values()), k=5000)))
    async with aigw(tmp_path, "--workers", "2", config=config(upstream)) as process:
        url = (await ready(process))["url"]
        client = Client(int(url.rpartition(":")[2]))
        await asyncio.gather(*(client.run(kinds[start::32]) for start in range(32)))
        assert len(client.kinds) == 5000
        await until(lambda: len(rows_in(tmp_path)) >= 5000)
        rows = rows_in(tmp_path)
        check_rows(rows, client, scripted)

        by = ("--by", "model", "--since", "all")
        seen = [
            json.loads(await page(url, "/-/usage?by=model&since=all")),
            await command("top", "--once", "--json", *by, folder=tmp_path),
            await command("top", "--once", "--json", *by, "--url", url, folder=tmp_path),
            await command("usage", "--json", *by, folder=tmp_path),
        ]
        varying = ("window_tokens_per_s", "cost_per_min")
        lines = [
            [
                {name: value for name, value in line.items() if name not in varying}
                for line in (*each["rows"], each["total"])
            ]
            for each in seen
        ]
        assert lines[1:] == [lines[0]] * 3
        total = seen[0]["total"]
        assert total["requests"] == 5000
        assert total["output"] == sum(row.tokens.output or 0 for row in rows)
        kinds_seen = Counter(client.kinds.values())
        assert total["estimated"] == kinds_seen["cut"] + kinds_seen["broken"]
        assert total["errors"] == kinds_seen["failed"] + kinds_seen["broken"]
        assert (total["unpriced"], total["absent"]) == (0, 0)

        metrics = await counters(url, until_sum=scripted.reported["output"])
        assert metrics["output_token"] == scripted.reported["output"]
        assert metrics["input_token"] == scripted.reported["input"] + scripted.reported["cache_read"]
        lines = (tmp_path / ".aigw" / "access.jsonl").read_bytes().splitlines()
        assert Counter(json.loads(line)["id"] for line in lines) == Counter(client.kinds.keys())


async def counters(url: str, *, until_sum: int) -> Counter[str]:
    """Sums of the counters over all labels. The other worker's are written once a second."""
    async with asyncio.timeout(10):
        while True:
            found: Counter[str] = Counter()
            for line in (await page(url, "/-/metrics")).decode().splitlines():
                if not line.startswith("#"):
                    name, _, value = line.partition("{")
                    found[name.removeprefix("route_upstream_model_consumer_metric_")] += int(value.rpartition(" ")[2])
            if found["output_token"] >= until_sum:
                return found
            await asyncio.sleep(0.1)


async def test_a_worker_that_is_killed_loses_200_ms_at_most(tmp_path, counted):
    _, upstream = counted
    async with aigw(tmp_path, "--workers", "2", config=config(upstream)) as process:
        started = await ready(process)
        client = Client(int(started["url"].rpartition(":")[2]))

        async def ask(start: int) -> None:
            connection = await RawClient.connect(int(started["url"].rpartition(":")[2]))
            try:
                for number in range(start, start + 10_000, 16):
                    await client.one(connection, number, "plain" if number % 2 else "stream")
                    await asyncio.sleep(0.005)
            finally:
                await connection.close()

        tasks = [asyncio.create_task(ask(number)) for number in range(16)]
        await until(lambda: len(client.ended) > 1000)
        os.kill(started["workers"][0], signal.SIGKILL)
        killed = time.monotonic()
        await asyncio.wait(tasks, timeout=1)
        for task in tasks:
            task.cancel()
        broken = await asyncio.gather(*tasks, return_exceptions=True)
        assert any(isinstance(result, asyncio.IncompleteReadError | ConnectionError) for result in broken)
        old = {name for name, at in client.ended.items() if at < killed - 0.2}
        await until(lambda: len(rows_in(tmp_path)) >= len(old))
        kept = {row.id for row in rows_in(tmp_path)}
        assert old - kept == set()
        assert len(old) > 100

        after = Client(int(started["url"].rpartition(":")[2]))
        await after.run([(number, "plain") for number in range(20)])
        await until(lambda: after.kinds.keys() <= {row.id for row in rows_in(tmp_path)})


async def test_where_the_time_went_stands_in_plain_answers(tmp_path, provider):
    async def slow(peer: Peer) -> None:
        await peer.body()
        await asyncio.sleep(0.1)
        await peer.answer(completion())

    upstream = await provider(slow)
    async with aigw(tmp_path, config=config(upstream.url)) as process:
        url = (await ready(process))["url"]
        client = await RawClient.connect(int(url.rpartition(":")[2]))
        answer = await client.request("POST", PATH, b'{"model":"plain","messages":[]}')
        await client.close()
        await until(lambda: rows_in(tmp_path) != [])
    (row,) = rows_in(tmp_path)
    own, wait = (float(part.partition("dur=")[2]) for part in answer.headers["x-aigw-time"].split(", "))
    assert answer.headers["x-aigw-time"].startswith("own;dur=")
    assert wait == pytest.approx(row.wait_ms, abs=0.01)
    assert 100 <= wait < 1000
    assert 0 < own <= row.gateway_ms + 0.01
