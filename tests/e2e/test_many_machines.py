"""Two gateway processes with state folders of their own and one Redis, as on two machines: what one counts and keeps,
the other knows."""

import asyncio
import json
import signal
import sys
import time
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import pytest
from redis_server import redis_server
from stage.answers import PATH
from stage.command import aigw, ended, environment_of_tests, ready
from stage.raw import RawClient

LIMIT = {"rule_name": "r", "global_threshold": {"token_per_hour": 100}, "redis": {"service_name": "redis.static"}}


def configuration(url, **plugins):
    provider = {"type": "builtin", "mock": {"firstTokenDelay": 0, "tokensPerSecond": 0, "tokens": 46}}
    return {
        "services": {"redis.static": url},
        "usage": url,
        "plugins": {**plugins, "ai-proxy": {"provider": provider}},
    }


def body(question):
    return json.dumps({"model": "mock", "messages": [{"role": "user", "content": question}]}).encode()


class Machines:
    """Both gateways, each with a connection."""

    def __init__(self, processes, ports, clients):
        self.processes = processes
        self.ports = ports
        self.clients = clients

    async def ask(self, number, question):
        return await self.clients[number].request("POST", PATH, body(question))


@pytest.fixture
async def redis(tmp_path):
    (tmp_path / "redis").mkdir()
    async with redis_server(tmp_path / "redis") as server:
        yield server


@pytest.fixture
async def start(tmp_path, redis):
    async with AsyncExitStack() as stack:

        async def start(**plugins):
            processes, ports, clients = [], [], []
            for name in ("one", "two"):
                (tmp_path / name).mkdir()
                config = configuration(f"{redis.url}/0?prefix=t:", **plugins)
                process = await stack.enter_async_context(
                    aigw(tmp_path / name, "--listen", "127.0.0.1:0", config=config)
                )
                processes.append(process)
                ports.append(urlsplit((await ready(process))["url"]).port)
                client = await RawClient.connect(ports[-1])
                stack.push_async_callback(client.close)
                clients.append(client)
            return Machines(processes, ports, clients)

        yield start


async def test_one_cache(start):
    machines = await start(**{"ai-cache": {"redis": {"serviceName": "redis.static"}}})
    first = await machines.ask(0, "What?")
    assert first.headers["x-aigw-cache"].startswith("miss")
    async with asyncio.timeout(5.0):  # it is stored after the last byte
        while not (second := await machines.ask(1, "What?")).headers["x-aigw-cache"].startswith("hit"):  # noqa: ASYNC110 - no event crosses processes
            await asyncio.sleep(0.02)
    assert second.json()["choices"] == first.json()["choices"]


async def test_one_limit(start):
    machines = await start(**{"ai-token-ratelimit": LIMIT})
    statuses = []
    for number in range(8):
        answer = await machines.ask(number % 2, f"Question {number}?")
        statuses.append(answer.status)
        await asyncio.sleep(0.05)  # charged after the last byte
    assert statuses[:2] == [200, 200]
    assert 429 in statuses
    refused = statuses.index(429)
    assert statuses[refused:] == [429] * (8 - refused), "both refuse from then on"
    assert refused <= 3


async def test_one_limit_in_a_burst(start):
    """32 calls at once, over both: what is admitted exceeds the limit by one call's hold at most."""
    machines = await start(**{"ai-token-ratelimit": LIMIT})

    async def one(number):
        client = await RawClient.connect(machines.ports[number % 2])
        try:
            return (await client.request("POST", PATH, body(f"Question {number}?"))).status
        finally:
            await client.close()

    statuses = await asyncio.gather(*(one(number) for number in range(32)))
    assert set(statuses) == {200, 429}
    assert statuses.count(200) <= 3


async def test_one_list_of_usage(start, redis, tmp_path):
    machines = await start()
    for number in range(4):
        assert (await machines.ask(number % 2, "What?")).status == 200
    for process in machines.processes:
        process.send_signal(signal.SIGTERM)
        assert (await ended(process))[0] == 0
    url = f"{redis.url}/0?prefix=t:"
    reading = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "aigw", "usage", "--json", "--by", "model", "--url", url,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment_of_tests(), cwd=tmp_path,
    )  # fmt: skip
    output, errors = await reading.communicate()
    assert reading.returncode == 0, errors
    assert json.loads(output)["total"]["requests"] == 4


async def test_without_redis_nobody_waits(start, redis):
    """A cache fails open, a limit too, and once it is known a request loses next to nothing."""
    plugins = {"ai-cache": {"redis": {"serviceName": "redis.static"}}, "ai-token-ratelimit": LIMIT}
    machines = await start(**plugins)

    async def is_kept():
        answer = await machines.ask(0, "What?")
        return answer.headers.get("x-aigw-cache", "").startswith("hit")

    async with asyncio.timeout(10.0):
        while not await is_kept():  # noqa: ASYNC110 - no event crosses processes
            await asyncio.sleep(0.05)
    redis.pause()
    begun = time.perf_counter()
    assert (await machines.ask(0, "Else?")).status == 200
    assert time.perf_counter() - begun < 3.0
    times = []
    for number in range(10):
        begun = time.perf_counter()
        assert (await machines.ask(0, f"Question {number}?")).status == 200
        times.append(time.perf_counter() - begun)
    assert sorted(times)[5] < 0.05
    redis.resume()
    async with asyncio.timeout(10.0):
        while not await is_kept():  # noqa: ASYNC110 - no event crosses processes
            await asyncio.sleep(0.05)


async def test_it_stops_while_redis_is_paused(start, redis):
    machines = await start(**{"ai-token-ratelimit": LIMIT})
    for number in (0, 1):
        assert (await machines.ask(number, "What?")).status == 200
    redis.pause()
    for number in (0, 1):
        assert (await machines.ask(number, "Else?")).status == 200
    begun = time.perf_counter()
    for process in machines.processes:
        process.send_signal(signal.SIGTERM)
    for process in machines.processes:
        code, errors = await ended(process)
        assert code == 0
        assert "Traceback" not in errors
    assert time.perf_counter() - begun < 8.0
