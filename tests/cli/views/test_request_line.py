"""The line of a request that people read: aligned, short, and nothing in it that moves the cursor."""

import json

import msgspec
import pytest
from fakes import chat, make_exchange
from rich.cells import cell_len

from aigw.books.usage_row import UsageRow
from aigw.cli.views.request_line import line
from aigw.core.tokens import Tokens

ROW = UsageRow(
    id="1",
    at=1_700_000_000.0,
    route="llm",
    asked="gpt-4",
    model="gpt-4",
    stream=True,
    tokens=Tokens(input=100, cache_read=20, output=45_678, source="reported"),
    cost=0.0123,
    attempts=1,
    provider="openai",
    first_token_ms=230.4,
    total_ms=1840.0,
)


def shown(exchange=None, **changes):
    return line(msgspec.structs.replace(ROW, **changes), exchange or make_exchange(chat({})))


def test_all_of_it():
    text = shown()
    assert text[8:] == " 200 gpt-4                     120 in  45.7k out  $0.0123  230ms  1.84s"
    assert len(text) == 79


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"cost": None}, " $? "),
        ({"cost": 0.0}, " $0 "),
        ({"tokens": Tokens(input=10, output=5, source="estimated")}, "   ~10 in     ~5 out"),
        ({"tokens": Tokens(), "cost": None}, "     - in      - out          "),
        ({"tokens": Tokens(input=3, source="reported")}, "     3 in      ? out"),
        ({"outcome": "aborted", "status": 499}, "  the client left"),
        ({"outcome": "failed", "error": "upstream_reset"}, "  upstream_reset"),
        ({"outcome": "failed"}, "  failed"),
        ({"attempts": 3, "provider": "qwen"}, "  3 attempts, the last at qwen"),
        ({"model": "gpt-4-0613"}, "  for gpt-4"),
        ({"model": "", "asked": ""}, "POST /v1/chat/complet…"),
    ],
)
def test_what_is_special(changes, part):
    assert part in shown(**changes)


def test_what_plugins_noted():
    exchange = make_exchange(chat({}))
    exchange.labels.cache = "hit"
    exchange.labels.ai_log["not"] = "shown"
    exchange.labels.failed = [("slow", "504 upstream_first_byte_timeout")]
    exchange.labels.remarks["ai-budget"] = "price unknown"
    assert shown(exchange).endswith(
        "1.84s  cache: hit, slow: 504 upstream_first_byte_timeout, ai-budget: price unknown"
    )


def test_a_model_cannot_move_the_cursor():
    text = shown(model="\x1b[2J\r\nx", asked="\x9b31m" + "y" * 500)
    assert text.isprintable()
    assert len(text) <= 79 + 2 + 160


def test_columns_stand_below_each_other():
    one, other = shown(), shown(model="m" * 50, asked="", tokens=Tokens(), cost=None, first_token_ms=None, total_ms=1.0)
    assert len(one) == len(other) == 79
    assert "\n" not in one


@pytest.mark.parametrize("width", [65, 79, 80, 100, 120])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": "模型" * 20, "asked": ""},
        {"outcome": "failed", "error": "the provider said so " * 9},
        {"attempts": 2},
    ],
)
def test_no_line_wraps_on_a_terminal(width, changes):
    row = msgspec.structs.replace(ROW, **changes)
    lines = line(row, make_exchange(chat({})), width).split("\n")
    assert max(map(cell_len, lines)) <= width
    assert all(each.startswith(" " * 13) for each in lines[1:])
    assert len(lines) == (2 if width < 110 and changes.keys() & {"outcome", "attempts"} else 1) or width >= 110


def test_a_code_is_told_once():
    exchange = make_exchange(chat({}))
    exchange.labels.remarks["ai-budget"] = "budget_exceeded"
    said = shown(exchange, status=402, error="budget_exceeded")
    assert said.endswith("1.84s  budget_exceeded")


def test_json_log_lines():
    import logging

    from aigw.cli.terminal.log import LogThread

    thread = LogThread(as_json=True)
    record = logging.LogRecord("aigw", logging.WARNING, "", 1, "it %s", ("failed",), None)
    assert json.loads(thread.format(record)) == {"at": record.created, "level": "warning", "message": "it failed"}
    thread.close()
