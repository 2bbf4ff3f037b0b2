"""`aigw usage`: reports in the process that a user starts."""

import asyncio
import csv
import io
import json
import os
import sys
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from redis_server import redis_server

from aigw.books.redis_log import RedisUsageLog
from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.summary import Summary, UsageLine
from aigw.books.usage_row import UsageRow
from aigw.core.tokens import Tokens

ROOT = Path(__file__).parents[3]
USAGE = [sys.executable, "-c", "import typer\nfrom aigw.cli.commands.usage import usage\ntyper.run(usage)"]
CLEAN = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TZ": "UTC", "PYTHONUTF8": "1"}
NOON = datetime.fromisoformat("2026-11-20T12:00+00:00").timestamp()


def row(day, model, cost, **more):
    tokens = Tokens(input=1_000_000, cache_read=234_567, output=1000, reasoning=10, source="reported")
    return UsageRow(
        id="1",
        at=NOON + day * 86400,
        route="llm",
        provider="p",
        model=model,
        cost=cost,
        tokens=tokens,
        total_ms=500.0,
        **more,
    )


ROWS = [
    row(0, "gpt", 0.5),
    row(0, "gpt", 0.25, first_token_ms=100.0),
    row(0, 'a "model", quoted', None),
    row(1, "gpt", None),
    row(1, "gpt", 1.0, consumer="ann"),
]


@pytest.fixture
def usage(tmp_path, commands):
    log = SqliteUsageLog(tmp_path / ".aigw" / "usage.sqlite", interval=0.01, now=lambda: NOON)
    for each in ROWS:
        log.append(each)
    log.close()

    def run(*words, columns=120):
        done = commands.run("usage", *words, cwd=tmp_path, env=CLEAN | {"COLUMNS": str(columns)})
        return done.returncode, done.stdout, done.stderr

    return run


def test_by_day(usage):
    code, out, err = usage("--until", "2026-11-22")
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert lines[0][:5] == ["day", "requests", "in", "out", "cached"]
    assert [line[:5] for line in lines[1:4]] == [
        ["2026-11-20", "3", "3,703,701", "3,000", "703,701"],
        ["2026-11-21", "2", "2,469,134", "2,000", "469,134"],
        ["total", "5", "6,172,835", "5,000", "1,172,835"],
    ]
    assert [line[8] for line in lines[1:4]] == ["0.7500+?", "1.00+?", "1.75+?"]
    assert out.splitlines()[4] == "requests: 2 of unknown price (?)"


def test_by_several(usage):
    out = usage("--by", "day", "--by", "model", "--until", "2026-11-22", columns=160)[1].splitlines()
    assert [line.split()[:2] for line in (out[0], out[2], out[3])] == [
        ["day", "model"],
        ["2026-11-20", "gpt"],
        ["2026-11-21", "gpt"],
    ]
    assert out[1].startswith('2026-11-20  a "model", quoted  ')
    assert " ? " in out[1]
    assert "0.0000" not in out[1]


def test_a_narrow_terminal(usage):
    out = usage("--by", "model", "--until", "2026-11-22", columns=60)[1].splitlines()
    assert len(out) == 6
    assert all(len(line) <= 60 for line in out)
    assert out[0].split()[:2] == ["model", "req"]


@pytest.mark.parametrize(
    ("words", "requests"),
    [
        (["--since", "2026-11-21"], 2),
        (["--until", "2026-11-21"], 3),
        (["--since", "2026-11-20T12:00:00", "--until", "2026-11-20T12:00:01"], 3),
        (["--since", str(NOON + 1), "--until", str(NOON + 86400)], 0),
    ],
)
def test_since_and_until(usage, words, requests):
    assert json.loads(usage("--json", *words)[1])["total"]["requests"] == requests


def test_json_is_the_summary(usage):
    code, out, _ = usage("--json", "--by", "consumer", "--until", "2026-11-22")
    summary = msgspec.json.decode(out, type=Summary)
    assert code == 0
    assert [(line.key, line.requests, line.cost, line.unpriced) for line in summary.rows] == [
        ({"consumer": ""}, 4, 0.75, 2),
        ({"consumer": "ann"}, 1, 1.0, 0),
    ]


def test_csv(usage):
    code, out, _ = usage("--csv", "--by", "day", "--by", "model", "--until", "2026-11-22")
    found = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert list(found[0]) == [
        "day",
        "model",
        *(each.name for each in msgspec.structs.fields(UsageLine) if each.name != "key"),
    ]
    assert [(each["day"], each["model"], each["requests"], each["cost"], each["unpriced"]) for each in found] == [
        ("2026-11-20", 'a "model", quoted', "1", "?", "1"),
        ("2026-11-20", "gpt", "2", "0.75", "0"),
        ("2026-11-21", "gpt", "2", "1.0", "1"),
    ]
    assert [each["first_token_p50_ms"] for each in found] == ["", "100.0", ""]
    assert found[0]["cost_per_min"] == "?"


def test_csv_has_no_noise_of_floating_point(usage, tmp_path):
    log = SqliteUsageLog(tmp_path / "usage.sqlite", interval=0.01, now=lambda: NOON)
    for cost in (0.1, 0.2):
        log.append(row(0, "m", cost))
    log.close()
    (found,) = csv.DictReader(io.StringIO(usage("--csv", "--by", "model", "--state", ".")[1]))
    assert found["cost"] == "0.3"


def test_csv_of_names_that_clients_chose(usage, tmp_path):
    log = SqliteUsageLog(tmp_path / "usage.sqlite", interval=0.01, now=lambda: NOON)
    for number, name in enumerate(["=1+1", "+1", "-1", "@x", "a\x1b[2J", "a=b"]):
        log.append(UsageRow(id="x", at=NOON + number, route="r", model=name))
    log.close()
    code, out, _ = usage("--csv", "--by", "model", "--state", ".")
    names = {each["model"] for each in csv.DictReader(io.StringIO(out))}
    assert (code, names) == (0, {"'=1+1", "'+1", "'-1", "'@x", "a\ufffd[2J", "a=b"})


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--csv", "--json"], 2, "choose one of --json and --csv"),
        (["--by", "hour"], 2, "called 'hour'; choose from route, service"),
        (["--until", "tomorrow"], 2, "'tomorrow' is not a time"),
    ],
)
def test_mistakes(usage, words, code, message):
    found, out, err = usage(*words)
    assert (found, out) == (code, "")
    assert message in err


def test_nothing(usage):
    assert usage("--state", "elsewhere")[:2] == (
        0,
        "There is no usage in elsewhere yet: start `aigw serve` here and send it a request, or name another state folder"
        " with --state or a gateway with --url.\n",
    )
    assert usage("--until", "2026-11-01")[:2] == (0, "There were no requests in this time; look at --since all.\n")
    assert usage("--csv", "--until", "2026-11-01")[1].startswith("day,requests,input")


async def test_of_many_gateways(usage, tmp_path):
    (tmp_path / "redis").mkdir()
    asked = ("--json", "--by", "model", "--until", "2026-11-22")
    async with redis_server(tmp_path / "redis") as redis:
        url = redis.url.replace("://", "://default:s3cret@")
        code, output, _ = await asyncio.to_thread(usage, "--url", url)
        assert (code, "There is no usage in redis://127.0.0.1" in output) == (0, True)
        for number, each in enumerate(ROWS):
            log = RedisUsageLog(redis.url, interval=0.01)
            log.append(msgspec.structs.replace(each, id=str(number)))
            await asyncio.to_thread(log.close)
        code, output, _ = await asyncio.to_thread(usage, *asked, "--url", url)
        shared = msgspec.json.decode(output, type=Summary)
        _, output, _ = await asyncio.to_thread(usage, *asked)
        assert code == 0
        assert shared.rows == msgspec.json.decode(output, type=Summary).rows
    code, _, errors = await asyncio.to_thread(usage, "--url", url)
    assert (code, "connection refused" in errors, "s3cret" in errors) == (1, True, False)
    code, _, errors = await asyncio.to_thread(usage, "--url", "redis://h/x")
    assert (code, "must end with the number of a database" in errors) == (2, True)
