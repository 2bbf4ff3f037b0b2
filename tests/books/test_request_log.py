"""What is kept of a request: right numbers with their label, times that add up, and nothing that waits for another."""

from __future__ import annotations

import asyncio
import json
import logging
import threading

import msgspec
import pytest
from fakes import FakeClock, WordCounter, answered, chat, make_exchange

from aigw.books.access_log import AccessLog, AccessQueue, as_json
from aigw.books.request_log import AT_ONCE, UNCOUNTED, RequestLog
from aigw.core.layers import Outcome
from aigw.core.model import Request, Route
from aigw.core.retrieval import Retrieved
from aigw.core.tokens import Tokens
from aigw.pricing.prices import Price, PriceOverride, Prices

QUESTION = {"model": "gpt-4", "messages": [{"role": "user", "content": "one two three"}]}
MESSAGE = chat(QUESTION, path="/v1/messages")
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}
REPORTED = Tokens(input=6, cache_read=4, output=5, source="reported")
ONE_DOLLAR = Prices({"*": PriceOverride(input=1_000_000, output=1_000_000)})


class Rows(list):
    """A usage log in memory."""

    def read(self, *, since=0.0, until=None):
        return iter(self)

    def close(self):
        pass

    def draft(self, row):
        """Nothing can be replaced here."""


class Stage:
    def __init__(self, prices=ONE_DOLLAR, *, access=None, show=None, tokenizer=None):
        self.clock = FakeClock(1000.0)
        self.rows = Rows()
        self.request_log = RequestLog(
            clock=self.clock,
            tokenizer=tokenizer or WordCounter(),
            prices=prices,
            usage=self.rows,
            access=access,
            show=show,
        )

    def request(self, *payloads, request=None, provider="openai", streamed=True, attempts=("openai",)):
        """A request that a provider answered with these payloads."""
        exchange = make_exchange(request or chat(QUESTION), route=Route("llm", "api.openai.com:443"))
        exchange.timing.arrived = self.clock.now
        exchange.attempts += attempts
        if attempts:
            exchange.timing.waited = 0.3
        if payloads:
            answered(exchange, *payloads, streaming=streamed, provider=provider)
            if streamed:
                exchange.timing.begun = exchange.timing.first = self.clock.now + 0.35
        return exchange

    async def row(self, exchange, status=200, outcome=Outcome.COMPLETE, error=""):
        """What is kept of it, a second after it began."""
        self.clock.now = exchange.timing.arrived + 1
        self.request_log.note(exchange, status, outcome, error)
        await self.request_log.aclose()
        (row,) = self.rows
        return row


def delta(text, **fields):
    return {"model": "gpt-4-0613", "choices": [{"index": 0, "delta": {"content": text}}], **fields}


async def test_what_the_provider_reported():
    stage = Stage()
    exchange = stage.request(delta("hi"), delta("", usage=USAGE))
    exchange.consumer = "ann"
    row = await stage.row(exchange)
    assert row.tokens == REPORTED
    assert row.cost == pytest.approx(15)
    assert (row.asked, row.model, row.consumer, row.provider) == ("gpt-4", "gpt-4-0613", "ann", "openai")
    assert (row.route, row.service, row.api) == ("llm", "api.openai.com:443", "openai/v1/chatcompletions")
    assert (row.status, row.outcome, row.error, row.attempts, row.stream) == (200, "complete", "", 1, True)


async def test_names_that_cannot_be_written_as_they_are(tmp_path):
    stage = Stage(access=AccessQueue(AccessLog(tmp_path), interval=0.01))
    exchange = stage.request(delta("hi", usage=USAGE) | {"model": "m" * 1000})
    exchange.consumer = "caf\udce9"
    exchange.labels.ai_log.update({"session_id": "s\udce9", "chat_round": 1})
    row = await stage.row(exchange)
    assert (row.consumer, row.model) == ("caf?", "m" * 200)
    (line,) = (tmp_path / "access.jsonl").read_bytes().splitlines()
    assert json.loads(line)["ai_log"] == {"session_id": "s?", "chat_round": 1}


async def test_a_stream_that_was_cut_off_after_the_first_report():
    stage = Stage()
    start = {"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 10, "output_tokens": 8}}}
    text = {"type": "content_block_delta", "delta": {"text": "one two three four five six seven eight nine ten"}}
    row = await stage.row(stage.request(start, text, request=MESSAGE), 499, Outcome.ABORTED)
    assert (row.tokens.input, row.tokens.output, row.tokens.source) == (10, 10, "estimated")


async def test_the_times_add_up():
    stage = Stage()
    row = await stage.row(stage.request(delta("hi", usage=USAGE)))
    assert row.at == 1000
    assert (row.gateway_ms, row.wait_ms, row.first_token_ms, row.total_ms) == (50, 300, 350, 1000)


async def test_a_plain_answer_was_the_gateways_but_for_the_wait():
    stage = Stage()
    row = await stage.row(stage.request({"model": "m", "usage": USAGE}, streamed=False))
    assert (row.gateway_ms, row.wait_ms, row.first_token_ms, row.total_ms) == (700, 300, None, 1000)
    assert not row.stream


@pytest.mark.parametrize("outcome", [Outcome.ABORTED, Outcome.FAILED, Outcome.COMPLETE])
async def test_a_stream_without_usage_is_estimated(outcome):
    stage = Stage()
    status = 499 if outcome is Outcome.ABORTED else 200
    row = await stage.row(stage.request(delta("four five "), delta("six")), status, outcome)
    assert row.tokens == Tokens(input=3, output=3, source="estimated")
    assert row.cost == pytest.approx(6)


async def test_a_cut_stream_whose_provider_counts_as_it_goes():
    stage = Stage()
    row = await stage.row(stage.request(delta("a b", usage=USAGE)), outcome=Outcome.ABORTED)
    assert row.tokens == REPORTED


async def test_a_cut_stream_of_which_only_the_input_was_told():
    stage = Stage()
    start = {"type": "message_start", "message": {"model": "c", "usage": {"input_tokens": 7, "output_tokens": 1}}}
    text = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a b c"}}
    row = await stage.row(stage.request(start, text, request=MESSAGE), outcome=Outcome.ABORTED)
    assert row.tokens == Tokens(input=7, output=3, source="estimated")


async def test_a_stream_cut_before_its_first_word_has_spent_its_input():
    stage = Stage()
    row = await stage.row(stage.request(delta("")), outcome=Outcome.ABORTED)
    assert row.tokens == Tokens(input=3, output=0, source="estimated")


async def test_more_than_is_kept_is_estimated_by_its_size():
    stage = Stage()
    exchange = stage.request(delta("word " * 100_000), delta("word " * 150_000))
    row = await stage.row(exchange, outcome=Outcome.ABORTED)
    assert row.tokens.output == pytest.approx(250_000, rel=0.01)


class Waiting(WordCounter):
    """Counts once it may."""

    def __init__(self):
        self.may = threading.Event()

    def count_turns(self, turns, model=""):
        assert self.may.wait(20)
        return super().count_turns(turns, model)


async def test_what_cannot_be_counted_in_time_is_estimated_by_its_size():
    tokenizer = Waiting()
    stage = Stage(tokenizer=tokenizer)
    stage.request_log.start()
    question = chat(QUESTION | {"messages": [{"role": "user", "content": "long " * (UNCOUNTED // 15)}]})
    for _ in range(2 * AT_ONCE):
        stage.request_log.note(stage.request(delta("four five six"), request=question), 200, Outcome.COMPLETE)
    async with asyncio.timeout(10):
        while len(stage.rows) < 2 * AT_ONCE - 3:  # noqa: ASYNC110 - rows are no event
            await asyncio.sleep(0.01)
    by_size = Tokens(input=len(question.body) // 4 + 1, output=4, source="estimated")
    assert all(row.tokens == by_size for row in stage.rows)
    tokenizer.may.set()
    await stage.request_log.aclose()
    counted = Tokens(input=UNCOUNTED // 15, output=3, source="estimated")
    assert [row.tokens for row in stage.rows[-3:]] == [counted] * 3
    assert all(row.cost == row.tokens.input + row.tokens.output for row in stage.rows)


async def test_an_error_spends_nothing():
    stage = Stage()
    row = await stage.row(stage.request({"error": {"message": "no"}}, streamed=False), status=500)
    assert (row.tokens.source, row.cost) == ("absent", None)


async def test_an_error_that_quotes_a_key_is_written_without_it():
    stage = Stage()
    exchange = stage.request({"error": {"message": "Incorrect API key: sk-of-the-provider-1"}})
    exchange.request.headers["authorization"] = "Bearer sk-of-the-provider-1"
    row = await stage.row(exchange)
    assert (row.outcome, row.error) == ("failed", "Incorrect API key: ***")


FREE = Request("GET", "/v1/models", "", chat({}).headers)


@pytest.mark.parametrize(
    ("settings", "cost"),
    [
        ({"request": FREE}, 0.0),
        ({"request": FREE, "attempts": ()}, 0.0),
        ({"attempts": ()}, 0.0),
        ({}, None),
        ({"request": chat(b"", path="/v1/images/generations")}, None),
    ],
)
async def test_only_what_is_known_to_be_free_costs_nothing(settings, cost):
    stage = Stage()
    assert (await stage.row(stage.request(**settings))).cost == cost


async def knows_nothing(asked):
    return [None] * len(asked)


async def test_free_although_a_provider_was_asked():
    stage = Stage(Prices(book=knows_nothing))
    assert (await stage.row(stage.request({"data": []}, request=FREE, streamed=False))).cost == 0.0


async def test_a_built_in_model_costs_nothing():
    stage = Stage(Prices(book=knows_nothing))
    assert (await stage.row(stage.request(delta("x", usage=USAGE), provider="builtin"))).cost == 0.0


async def test_an_unknown_price_is_unknown():
    stage = Stage(Prices(book=knows_nothing))
    assert (await stage.row(stage.request(delta("x", usage=USAGE)))).cost is None


async def test_what_the_provider_says_it_costs():
    stage = Stage()
    assert (await stage.row(stage.request(delta("x", usage={**USAGE, "cost": 0.25})))).cost == 0.25


async def test_a_price_that_is_looked_up_holds_up_nobody():
    asked, release = asyncio.Event(), asyncio.Event()

    async def book(wanted):
        asked.set()
        await release.wait()
        return [Price(steps={"input": [(-1, 1e6)], "output": [(-1, 1e6)]})] * len(wanted)

    stage = Stage(Prices({"known": PriceOverride(input=1, output=1)}, book))
    whole = {"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}], "usage": USAGE}
    slow, quick = stage.request(delta("x", **whole)), stage.request(delta("x", **whole, model="known"))
    stage.request_log.start()
    for exchange in (slow, quick):
        stage.request_log.note(exchange, 200, Outcome.COMPLETE)
    async with asyncio.timeout(10):
        await asked.wait()
    assert [row.model for row in stage.rows] == ["known"]
    release.set()
    await stage.request_log.aclose()
    assert [(row.model, row.cost) for row in stage.rows][1:] == [("gpt-4-0613", pytest.approx(15))]


async def test_a_lookup_that_fails_loses_no_row(caplog):
    async def book(wanted):
        raise RuntimeError("broken")

    stage = Stage(Prices(book=book))
    row = await stage.row(stage.request(delta("x", usage=USAGE)))
    assert (row.tokens, row.cost) == (REPORTED, None)
    assert "broken" in caplog.text


async def test_one_that_cannot_be_recorded_loses_no_other(caplog):
    shown = []

    def show(row, exchange):
        if not shown:
            shown.append("first")
            raise ValueError("unlucky")
        shown.append(row)

    stage = Stage(show=show)
    for _ in range(3):
        stage.request_log.note(stage.request(delta("x", usage=USAGE)), 200, Outcome.COMPLETE)
    await stage.request_log.aclose()
    assert len(shown) == 3
    assert "unlucky" in caplog.text


async def test_rows_are_written_while_it_runs():
    stage = Stage()
    stage.request_log.start()
    stage.request_log.note(stage.request(delta("x", usage=USAGE)), 200, Outcome.COMPLETE)
    async with asyncio.timeout(5):
        while not stage.rows:  # noqa: ASYNC110 - rows are no event
            await asyncio.sleep(0.01)
    await stage.request_log.aclose()
    assert len(stage.rows) == 1


async def test_many_notes_do_not_wait_and_keep_their_order():
    stage = Stage()
    stage.request_log.start()
    for number in range(2 * AT_ONCE + 1):
        answer = {"model": f"m{number}", "usage": {"prompt_tokens": 10, "completion_tokens": 50}}
        stage.request_log.note(stage.request(answer), 200, Outcome.COMPLETE)
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
    assert len(stage.rows) >= AT_ONCE
    await stage.request_log.aclose()
    assert [row.model for row in stage.rows] == [f"m{number}" for number in range(2 * AT_ONCE + 1)]


async def test_the_line_of_the_access_log(tmp_path):
    stage = Stage(access=AccessQueue(AccessLog(tmp_path), interval=0.01))
    exchange = stage.request(delta("x", usage=USAGE))
    exchange.labels.ai_log["a"] = 1
    exchange.labels.span_tags["not"] = "logged"
    exchange.labels.failed = [("slow", "504 upstream_first_byte_timeout")]
    exchange.labels.retrieved = [Retrieved("a.md#1", 0.5)]
    row = await stage.row(exchange)
    (line,) = (tmp_path / "access.jsonl").read_bytes().splitlines()
    assert line == as_json(row, exchange)
    read = msgspec.json.decode(line)
    assert (read["method"], read["path"], read["client"]) == ("POST", "/v1/chat/completions", "127.0.0.1")
    assert read["ai_log"] == {"a": 1}
    assert read["failed"] == [{"provider": "slow", "reason": "504 upstream_first_byte_timeout"}]
    assert row.retrieved == (Retrieved("a.md#1", 0.5),)
    assert read["retrieved"] == [{"id": "a.md#1", "score": 0.5}]
    assert read["tokens"]["source"] == "reported"
    assert not {"log_properties", "span_tags"} & read.keys()


async def test_an_access_log_that_cannot_be_written_is_said_once(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    stage = Stage(access=AccessQueue(AccessLog(tmp_path / "file"), interval=0.01))
    caplog.set_level(logging.WARNING)
    for count in (1, 2):
        stage.request_log.note(stage.request(delta("x", usage=USAGE)), 200, Outcome.COMPLETE)
        await stage.request_log.aclose()
        assert len(stage.rows) == count
    assert caplog.text.count("the access log cannot be written") == 1
