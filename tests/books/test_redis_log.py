"""Usage rows of many gateways in one stream: written off the caller's path, once each, whatever the Redis does."""

import asyncio
import time

import pytest
from redis.asyncio import Redis

from aigw.books.redis_log import RedisUsageLog
from aigw.books.redis_log_read import SharedUsage
from aigw.books.usage_question import Question
from aigw.books.usage_row import UsageRow
from aigw.core.retrieval import Retrieved
from aigw.core.stores import StoreError
from aigw.core.tokens import Tokens

NOW = time.time()


def row(number, **fields):
    tokens = Tokens(input=number, output=1, source="reported")
    return UsageRow(
        **{"id": f"r{number}", "at": NOW + number, "route": "r", "model": "m", "tokens": tokens, "cost": 0.5} | fields
    )


async def close(*logs):
    for log in logs:
        await asyncio.to_thread(log.close)


def read(log, **window):
    return asyncio.to_thread(lambda: list(log.read(**window)))


def question(by=("model",), since=NOW - 100, until=NOW + 10_000):
    return Question(by=by, since=since, until=until)


PASSAGES = (Retrieved("a.md#1", 0.5), Retrieved("b.md#2", 0.25))


async def test_rows_of_many_gateways(server):
    logs = [RedisUsageLog(f"{server.url}/0?prefix=p:", interval=0.01) for _ in range(3)]
    rows = [
        row(number, stream=number % 2 == 0, error="x", first_token_ms=1.5, retrieved=PASSAGES) for number in range(30)
    ]
    for number, each in enumerate(rows):
        logs[number % 3].append(each)
    await close(*logs)
    assert await read(logs[0]) == rows
    assert await read(logs[0], since=NOW + 10, until=NOW + 12) == rows[10:12]
    assert [log.lost for log in logs] == [0, 0, 0]


async def test_a_row_is_there_soon(server):
    log = RedisUsageLog(server.url, interval=0.01)
    begun = time.monotonic()
    log.append(row(1))
    assert time.monotonic() - begun < 0.05
    async with asyncio.timeout(2.0):
        while not await read(log):  # noqa: ASYNC110 - no event crosses threads
            await asyncio.sleep(0.01)
    await close(log)


async def test_what_could_not_be_written_is_written_later(server):
    log = RedisUsageLog(server.url, interval=0.01, retry=0.05)
    log.append(row(0))
    await server.kill()
    for number in range(1, 5):
        log.append(row(number))
    async with asyncio.timeout(5.0):
        while not log.failures:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await server.start()
    async with asyncio.timeout(5.0):
        while {each.id for each in await read(log)} < {f"r{number}" for number in range(1, 5)}:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await close(log)
    assert log.lost == 0


async def test_a_row_that_is_no_text_keeps_no_other_out(server):
    log = RedisUsageLog(server.url, interval=0.01)
    for each in (row(0), row(1, asked="half \udc80"), row(2)):
        log.append(each)
    await close(log)
    assert [each.id for each in await read(log)] == ["r0", "r2"]
    assert log.lost == 1


async def test_a_row_that_is_no_text_is_lost_once_however_often_the_others_are_tried(server):
    await server.kill()
    log = RedisUsageLog(server.url, interval=0.01, retry=0.02)
    for each in (row(0), row(1, asked="half \udc80")):
        log.append(each)
    async with asyncio.timeout(5.0):
        while log.failures < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await server.start()
    async with asyncio.timeout(5.0):
        while not await read(log):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await close(log)
    assert log.lost == 1


async def test_a_redis_that_never_comes_costs_only_the_rows(server):
    await server.kill()
    log = RedisUsageLog(server.url.replace("://", "://u:s3cret@"), interval=0.01, limit=3, retry=0.01)
    for number in range(5):
        log.append(row(number))
    await close(log)
    assert log.lost == 5
    with pytest.raises(StoreError) as caught:
        await asyncio.to_thread(SharedUsage(server.url).summarise, question())
    assert "s3cret" not in str(caught.value)


async def test_the_stream_has_a_bounded_length(server):
    log = RedisUsageLog(server.url, interval=0.01)
    log.append(row(0))
    await close(log)
    async with Redis(port=server.port) as raw:
        await raw.config_set("slowlog-log-slower-than", 0)
        log = RedisUsageLog(server.url, interval=0.01)
        log.append(row(1))
        await close(log)
        commands = [entry["command"] for entry in await raw.slowlog_get()]
    assert any(command.startswith(b"XADD aigw:usage:1 MAXLEN ~ 200000 * row") for command in commands)
