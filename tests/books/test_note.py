"""A note: what was slow or odd about a request, as its row says it."""

import pytest
from fakes import chat, make_exchange

from aigw.books.note import Note
from aigw.core.layers import Outcome
from aigw.core.tokens import Tokens


def row_of(exchange, ended=2.0, epoch=-1000.0):
    return Note(exchange, 200, Outcome.COMPLETE, "", ended, epoch).row(Tokens(), None)


def test_times_in_milliseconds():
    exchange = make_exchange(chat({"model": "m"}))
    exchange.timing.arrived, exchange.timing.waited, exchange.timing.begun = 1.0, 0.25, 1.5
    row = row_of(exchange)
    assert (row.at, row.gateway_ms, row.wait_ms, row.first_token_ms, row.total_ms) == (1001, 250, 250, None, 1000)


def test_no_time_is_negative():
    exchange = make_exchange(chat({}))
    exchange.timing.arrived, exchange.timing.waited = 1.0, 5.0  # the attempts overlapped
    assert row_of(exchange).gateway_ms == 0


@pytest.mark.parametrize(("header", "kept"), [("s" * 300, "s" * 200), ("caf\udce9", "caf?"), ("", "")])
def test_the_session_that_a_client_names(header, kept):
    assert row_of(make_exchange(chat({}, headers={"x-aigw-session": header}))).session == kept
