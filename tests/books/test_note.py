"""A note: what was slow or odd about a request, as its row says it."""

import pytest
from fakes import chat, make_exchange

from aigw.books.note import Note
from aigw.books.usage_row import UsageRow
from aigw.core.layers import Outcome
from aigw.core.model import Route
from aigw.core.tokens import Tokens


def row_of(exchange, ended=2.0, epoch=-1000.0):
    return Note(exchange, 200, Outcome.COMPLETE, "", ended, epoch).row(Tokens(), None)


def test_times_in_milliseconds():
    exchange = make_exchange(chat({"model": "m"}))
    exchange.timing.arrived, exchange.timing.waited, exchange.timing.begun = 1.0, 0.25, 1.5
    row = row_of(exchange)
    assert (row.at, row.gateway_ms, row.wait_ms, row.first_token_ms, row.total_ms) == (1001, 250, 250, None, 1000)


def test_each_value_is_in_its_field():
    exchange = make_exchange(chat({"model": "m"}), route=Route("r", "s"))
    exchange.attempts, exchange.consumer, exchange.mapped = ["a", "b"], "ann", "real"
    exchange.labels.cache, exchange.labels.guard = "hit", "masked"
    exchange.timing.arrived, exchange.timing.waited, exchange.timing.first = 1.0, 0.25, 1.5
    row = Note(exchange, 418, Outcome.FAILED, "teapot", 2.0, -1000.0).row(Tokens(input=3), 0.5)
    assert row == UsageRow(
        "aigw-1", 1001.0, "r", service="s", provider="b", api="openai/v1/chatcompletions", asked="m", model="real",
        consumer="ann", stream=True, status=418, outcome="failed", error="teapot", tokens=Tokens(input=3), cost=0.5,
        attempts=2, cache="hit", gateway_ms=750.0, wait_ms=250.0, first_token_ms=500.0, total_ms=1000.0, guard="masked",
    )  # fmt: skip


def test_no_time_is_negative():
    exchange = make_exchange(chat({}))
    exchange.timing.arrived, exchange.timing.waited = 1.0, 5.0  # the attempts overlapped
    assert row_of(exchange).gateway_ms == 0


@pytest.mark.parametrize(("header", "kept"), [("s" * 300, "s" * 200), ("caf\udce9", "caf?"), ("", "")])
def test_the_session_that_a_client_names(header, kept):
    assert row_of(make_exchange(chat({}, headers={"x-aigw-session": header}))).session == kept
