"""What outlives a configuration: where it is kept, for whom, and what it says of files that are not ours."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import stat
import subprocess
import sys

import pytest
from fakes import answered, chat, make_exchange
from made_up_usage import START, kept
from redis_server import redis_server

from aigw.books.books import Books
from aigw.books.redis_log import RedisUsageLog
from aigw.books.usage_row import UsageRow
from aigw.core.errors import ConfigError
from aigw.core.layers import Outcome
from aigw.pricing.prices import PriceOverride, Prices


def exchange():
    made = make_exchange(chat({"model": "m"}))
    made.attempts.append("openai")
    made.timing.waited = 0.1
    usage = {"prompt_tokens": 1000000, "completion_tokens": 0}
    answered(made, {"model": "m", "usage": usage}, streaming=False)
    return made


async def test_everything_is_its_users_alone(tmp_path):
    books = Books(tmp_path / "deep" / "state", trace=True)
    async with books.open():
        books.request_log.note(exchange(), 200, Outcome.COMPLETE)
        books.metrics.add(("r", "c", "m", "u"), {"input_token": 1})
    paths = list((tmp_path / "deep" / "state").rglob("*"))
    assert {path.name for path in paths} >= {"usage.sqlite", "access.jsonl", "metrics"}
    assert stat.S_IMODE((tmp_path / "deep" / "state").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()} == {0o700}


async def test_what_is_asked_first_is_added_up_before_block_by_block(tmp_path):
    path, jobs = kept([UsageRow(id="a", at=START, route="r", asked="m")], tmp_path).path, []
    books = Books(tmp_path)
    await books.add_up(jobs.append)
    assert jobs == [], "there are few rows"
    with contextlib.closing(sqlite3.connect(path)) as file:
        for _ in range(16):
            file.execute("INSERT INTO requests SELECT * FROM requests")
        file.commit()
    await books.add_up(jobs.append)
    assert len(jobs) == 8, "four blocks for `aigw usage`, and four for `aigw top`"
    for job in jobs:
        await job()
    await books.add_up(jobs.append)
    assert len(jobs) == 8


async def test_the_access_log_is_there_before_the_first_request(tmp_path):
    books = Books(tmp_path / "state")
    async with books.open():
        assert (tmp_path / "state" / "access.jsonl").is_file()


async def test_without_a_folder_nothing_is_written(tmp_path):
    shown = []
    with contextlib.chdir(tmp_path):
        books = Books(None, show=lambda row, exchange: shown.append(row))
        async with books.open():
            books.request_log.note(exchange(), 200, Outcome.COMPLETE)
    assert len(shown) == 1
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_nothing_is_exported():
    code = (
        "import sys; from aigw.books.books import Books; Books(None)"
        "; assert not any(name.startswith('opentelemetry.sdk') for name in sys.modules)"
    )
    environment = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


async def test_the_prices_of_the_configuration_in_force(tmp_path):
    books = Books(tmp_path)
    async with books.open():
        books.take(Prices({"m": PriceOverride(input=2, output=1)}))
        books.request_log.note(exchange(), 200, Outcome.COMPLETE)
    (row,) = books.usage.read()
    assert row.cost == pytest.approx(2)


def test_the_file_of_another_program(tmp_path):
    with sqlite3.connect(tmp_path / "usage.sqlite") as connection:
        connection.execute("CREATE TABLE other (x)")
    connection.close()
    with pytest.raises(ConfigError, match="belongs to another program") as raised:
        Books(tmp_path)
    assert "state_dir" in raised.value.findings[0]


async def test_a_folder_that_cannot_be_made_costs_only_the_books(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    books = Books(tmp_path / "file" / "state")
    async with books.open():
        books.request_log.note(exchange(), 200, Outcome.COMPLETE)
    assert "cannot be written" in caplog.text
    assert "usage is not kept" in caplog.text


async def test_usage_also_goes_to_a_redis(tmp_path):
    (tmp_path / "redis").mkdir()
    async with redis_server(tmp_path / "redis") as redis:
        books = Books(tmp_path / "state", shared=redis.url)
        async with books.open():
            books.request_log.note(exchange(), 200, Outcome.COMPLETE)
        shared = await asyncio.to_thread(lambda: list(RedisUsageLog(redis.url, interval=0.01).read()))
    assert shared == list(books.usage.read())
    assert len(shared) == 1
