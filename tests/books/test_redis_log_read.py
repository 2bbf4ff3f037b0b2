"""Usage rows of many gateways are read from their stream, each once."""

import asyncio
import time

from redis.asyncio import Redis

from aigw.books.redis_log import RedisUsageLog
from aigw.books.redis_log_read import STREAM, SharedUsage
from aigw.books.usage_question import Question
from aigw.books.usage_row import UsageRow
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


def question(by=("model",), since=NOW - 100, until=NOW + 10_000):
    return Question(by=by, since=since, until=until)


async def test_the_summary_reads_only_what_is_new(server):
    log, shared = RedisUsageLog(server.url, interval=0.01), SharedUsage(server.url)
    assert (await asyncio.to_thread(shared.summarise, question())).latest is None
    for number in range(3):
        log.append(row(number))
        log.append(row(number))  # written twice
    await close(log)
    async with Redis(port=server.port) as raw:
        await raw.xadd(STREAM, {"row": "{"})
        await raw.xadd(STREAM, {"else": "1"})
    summary = await asyncio.to_thread(shared.summarise, question())
    assert (summary.total.requests, summary.total.input, summary.total.cost) == (3, 3, 1.5)
    assert summary.rows[0].key == {"model": "m"}
    log = RedisUsageLog(server.url, interval=0.01)
    log.append(row(3))
    await close(log)
    before = question(since=NOW + 2.5)
    assert (await asyncio.to_thread(shared.summarise, before)).total.requests == 1
    assert (await asyncio.to_thread(shared.summarise, question())).total.requests == 4
    assert (await asyncio.to_thread(shared.summarise, question(since=NOW - 5000))).total.requests == 4
