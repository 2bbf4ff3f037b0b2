"""Costs against the package's own calculation over its own data, so that they stay right when its prices change."""

import asyncio
import math
import os
import subprocess

import msgspec
import pytest
from prices import AT, EXACT, cost_of, in_process, one_by_one, price_of, reported

from aigw.core.tokens import Tokens
from aigw.dialects.usage import UsageReader
from aigw.pricing import prices as price_module
from aigw.pricing.prices import Price, PriceOverride, Prices, Query, ask_pricebook
from aigw.providers.catalog import CATALOG


def always(price):
    async def book(asked):
        return [price] * len(asked)

    return book


def test_cached_tokens_are_billed_once_and_at_their_own_price():
    prices = Prices(book=in_process)
    million = reported(0, 0, cache_read=1_000_000)
    cached = cost_of(prices, million, Query("openai", "gpt-4o"), AT)
    fresh = cost_of(prices, reported(1_000_000), Query("openai", "gpt-4o"), AT)
    assert (cached, fresh) == (1.25, 2.5)


def test_a_gemini_payload_with_thoughts_audio_and_cache():
    usage = {
        "promptTokenCount": 1000, "cachedContentTokenCount": 600, "candidatesTokenCount": 198, "thoughtsTokenCount": 405, "totalTokenCount": 1603,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 900}, {"modality": "AUDIO", "tokenCount": 100}],
    }  # fmt: skip
    body = {"modelVersion": "gemini-2.5-flash", "usageMetadata": usage}
    reader = UsageReader()
    reader.take(body)
    expected = (300 * 0.3 + 100 * 1.0 + 600 * 0.03 + 603 * 2.5) / 1e6
    price = Price(steps={"input": [(-1, 0.3)], "cache_read": [(-1, 0.03)], "output": [(-1, 2.5)], "input_audio": [(-1, 1.0)]})  # fmt: skip
    prices = Prices(book=always(price))
    cost = cost_of(prices, reader.tokens, Query("gemini", reader.model), AT, reader.parts)
    assert cost == pytest.approx(expected, **EXACT)


@pytest.mark.parametrize("tokens", [Tokens(), Tokens(input=5, source="reported"), Tokens(output=5, source="reported")])
def test_half_a_usage_has_no_cost(tokens):
    assert cost_of(Prices(book=in_process), tokens, Query("openai", "gpt-4o"), AT) is None


def test_an_estimate_has_a_cost():
    tokens = Tokens(input=1_000_000, output=0, source="estimated")
    assert cost_of(Prices(book=in_process), tokens, Query("openai", "gpt-4o"), AT) == 2.5


def test_local_providers_are_free_unless_configured():
    prices = Prices({"llama*": PriceOverride(input=1, output=2)}, in_process)
    assert cost_of(prices, Tokens(), Query("builtin", "echo"), AT) == 0.0
    assert cost_of(prices, reported(5, 5), Query("ollama", "qwen3"), AT) == 0.0
    assert cost_of(prices, reported(1_000_000, 1_000_000), Query("ollama", "llama3.2"), AT) == 3.0


def test_every_local_type_is_in_the_catalog():
    assert set(CATALOG) >= price_module.LOCAL


@pytest.mark.parametrize(
    ("model", "cost"),
    [("qwen-max", 7.0), ("qwen-max-latest", 3.0), ("qwen-plus", 1.0), ("text-embedding-v4", None), ("else", None)],
)
def test_of_overrides_the_exact_then_the_longest_wins(model, cost):
    overrides = {
        "qwen*": PriceOverride(input=1, output=0),
        "qwen-max*": PriceOverride(input=3, output=0),
        "qwen-max": PriceOverride(input=7, output=0),
        "text-*": PriceOverride(input=9),
    }
    prices = Prices(overrides, always(None))
    assert cost_of(prices, reported(1_000_000, 10), Query("qwen", model), AT) == cost


def test_an_override_bills_each_bucket_once():
    tokens = reported(100, 50, cache_read=1000, cache_write=10, reasoning=20)
    full = PriceOverride(input=1, output=2, cache_read=0.1, cache_write=1.25, reasoning=4)
    plain = PriceOverride(input=1, output=2)
    cost = {name: Prices({"m": each}).cost(tokens, Query("qwen", "m"), AT) for name, each in (("full", full), ("plain", plain))}  # fmt: skip
    assert cost["full"] == pytest.approx((100 + 100 + 12.5 + 30 * 2 + 20 * 4) / 1e6, **EXACT)
    assert cost["plain"] == pytest.approx((100 + 1000 + 10 + 100) / 1e6, **EXACT)


@pytest.mark.parametrize(("read", "cost"), [(100, 0.5 + 1e-4), (101, 0.5 + 3.01e-4)])
def test_above_a_step_the_whole_request_is_dearer(read, cost):
    steps = {"input": [(-1, 1.0), (200, 2.0)], "cache_read": [(-1, 0.0), (200, 1.0)], "output": [(-1, 0.0)]}
    prices = Prices(book=always(Price(steps=steps, request=0.5)))
    tokens = reported(100, 7, cache_read=read)
    assert cost_of(prices, tokens, Query("openai", "x"), AT) == pytest.approx(cost, **EXACT)


def test_an_embedding_needs_no_output_price():
    assert Prices({"e": PriceOverride(input=2)}).cost(reported(1_000_000), Query("qwen", "e"), AT) == 2.0


@pytest.mark.parametrize("bad", [{}, {"input": -1}, {"input": "1"}, {"input": 1, "cache_read": 1}, {"input": 2e6}])
def test_a_wrong_override_is_refused(bad):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(bad, PriceOverride)
    assert msgspec.convert({"input": 1, "cacheRead": 0.5}, PriceOverride).cache_read == 0.5


async def test_a_price_is_looked_up_once_however_many_wait_for_it():
    asked = []

    async def book(query, at):
        asked.append(query)
        return Price(steps={"input": [(-1, 1.0)], "output": [(-1, 1.0)]})

    prices = Prices(book=one_by_one(book))
    queries = [Query("openai", name) for name in ("a", "b")] * 10
    assert not prices.ready(queries[0], AT)
    await asyncio.gather(*(prices.prepare(query, AT) for query in queries))
    assert all(prices.ready(query, AT) for query in queries)
    assert prices.cost(reported(1_000_000), queries[0], AT) == 1.0
    assert sorted(asked) == [Query("openai", "a"), Query("openai", "b")]


def test_what_is_unknown_is_not_asked_for_with_each_request():
    asked = []

    async def book(query, at):
        asked.append(at)

    prices = Prices(book=one_by_one(book))
    for later in (0, 1, 86_399, 86_401):
        assert cost_of(prices, reported(1, 1), Query("openai", "x"), AT + later) is None
    assert asked == [AT, AT + 86_401]


def test_a_price_is_looked_up_again_when_it_changes():
    asked = []

    async def book(query, at):
        asked.append(at)
        day = math.floor(at / 100) * 100
        return Price(steps={"input": [(-1, float(day))], "output": [(-1, 0.0)]}, since=day, until=day + 100)

    prices = Prices(book=one_by_one(book))
    costs = [cost_of(prices, reported(1_000_000), Query("openai", "x"), at) for at in (100, 150, 199.9, 200, 299)]
    assert costs == [100, 100, 100, 200, 200]
    assert asked == [100, 200]


async def test_all_that_wait_are_looked_up_together():
    asked, release = [], asyncio.Event()

    async def book(wanted):
        asked.append(sorted(query.model for query, _ in wanted))
        await release.wait()
        return [None] * len(wanted)

    prices = Prices(book=book)
    waiting = [asyncio.create_task(prices.prepare(Query("", f"made-up-{n % 50}"), AT)) for n in range(200)]
    await asyncio.sleep(0)
    await prices.prepare(Query("", "late"), AT, 0.0)
    release.set()
    await asyncio.gather(*waiting)
    await prices.prepare(Query("", "late"), AT)
    assert list(map(len, asked)) in ([50, 1], [51]), "a lookup that was not waited for goes on"


async def test_made_up_models_do_not_drive_out_what_is_known():
    known = Price(steps={"input": [(-1, 1.0)]})

    async def book(asked):
        return [known if query.model == "real" else None for query, _ in asked]

    prices = Prices(book=book)
    await prices.prepare(Query("openai", "real"), AT)
    await asyncio.gather(*(prices.prepare(Query("", f"m{n}"), AT) for n in range(3000)))
    assert prices.ready(Query("openai", "real"), AT)
    assert len(prices._known) <= 1024


async def test_whoever_waits_has_an_answer_while_others_go_on_asking():
    asked = []

    async def book(wanted):
        asked.append(len(wanted))
        if len(asked) < 10:
            tasks.append(asyncio.create_task(prices.prepare(Query("", f"made-up-{len(asked)}"), AT)))
            await asyncio.sleep(0)
        return [None] * len(wanted)

    tasks = []
    prices = Prices(book=book)
    await prices.prepare(Query("", "first"), AT)
    assert len(asked) < 10
    for task in tasks:
        await task


async def test_a_name_that_is_too_long_for_a_model_is_neither_looked_up_nor_kept():
    async def book(asked):
        raise AssertionError

    long = "x" * 100_000
    prices = Prices({"gpt*": PriceOverride(input=1)}, book)
    await prices.prepare(Query("openai", long), AT)
    assert prices.cost(reported(1, 1), Query("openai", long), AT) is None
    assert prices.cost(reported(1_000_000), Query("openai", f"gpt{long}"), AT) == 1.0
    assert prices._overridden.cache_info().currsize == 0
    assert not prices._known


async def test_the_real_pricebook_answers_from_a_process_of_its_own():
    query = Query("openai", "gpt-4o")
    unknown = Query("qwen", "no-such-model")
    assert await ask_pricebook([(query, AT), (unknown, AT)]) == [price_of(query, AT), None]


async def test_a_pricebook_that_fails_is_an_unknown_price_and_says_why(caplog):
    query = Query("openai", "gpt-4o")
    assert await ask_pricebook([(query, 1e30), (query, AT)]) == [None, price_of(query, AT)], "the other is not spoilt"
    assert "a price is unknown: " in caplog.text
    assert "gpt-4o" in caplog.text


def lookups():
    """The processes of this one's pricebooks. `-ww`: whole lines, whatever COLUMNS says."""
    listed = subprocess.run(["ps", "-wwAo", "ppid=,args="], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if line.split()[0] == str(os.getpid()) and "pricebook" in line]


async def test_a_lookup_that_is_cancelled_leaves_nothing_behind():
    many = [(Query("openai", f"made-up-{n}"), AT) for n in range(100_000)]  # takes far longer than to see its process
    task = asyncio.create_task(ask_pricebook(many))
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(lookups):
            assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not lookups()
