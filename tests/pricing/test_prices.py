"""Costs against the package's own calculation over its own data, so that they stay right when its prices change."""

import asyncio
import json
import math
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.tokens import Tokens
from aigw.dialects.usage import UsageReader
from aigw.pricing import prices as price_module
from aigw.pricing.pricebook import look_up
from aigw.pricing.prices import Price, PriceOverride, Prices, Query, ask_pricebook
from aigw.providers.catalog import CATALOG

AT = datetime(2026, 9, 1, 12, tzinfo=UTC).timestamp()
EXACT = {"rel": 1e-12, "abs": 1e-18}


def price_of(query, at):
    """The pricebook without its process."""
    row = CATALOG.get(query.provider)
    url = f"https://{row.host}" if row is not None and row.host else ""
    return msgspec.convert(look_up(query.provider, url, query.model, query.tier, at), Price | None)


async def in_process(query, at):
    return price_of(query, at)


def always(price):
    async def book(query, at):
        return price

    return book


def cost_of(prices, tokens, query, at=AT, parts=None):
    """As the gateway does it: looked up first."""
    asyncio.run(prices.prepare(query, at))
    return prices.cost(tokens, query, at, parts)


def reported(input=0, output=0, **more):
    return Tokens(input=input, output=output, source="reported", **more)


def theirs(usage, model, provider, at=AT, tier=""):
    return float(
        calc_price(
            usage,
            model,
            provider_id=provider,
            genai_request_timestamp=datetime.fromtimestamp(at, UTC),
            price_context={"service_tier": tier} if tier else None,
        ).total_price
    )


MODELS = [
    ("openai", "gpt-4o", "openai"),
    ("openai", "gpt-5-mini-2025-08-07", "openai"),
    ("openai", "gpt-4o-audio-preview", "openai"),
    ("claude", "claude-sonnet-4-5-20250929", "anthropic"),
    ("claude", "claude-3-5-haiku-latest", "anthropic"),
    ("gemini", "gemini-2.5-pro", "google"),
    ("gemini", "gemini-2.5-flash", "google"),
    ("deepseek", "deepseek-chat", "deepseek"),
    ("moonshot", "kimi-k2-0905-preview", "moonshotai"),
    ("grok", "grok-4", "x-ai"),
    ("mistral", "mistral-large-latest", "mistral"),
    ("groq", "llama-3.3-70b-versatile", "groq"),
    ("openrouter", "anthropic/claude-sonnet-4.5", "openrouter"),
    ("azure", "gpt-4o", "azure"),
    ("zhipuai", "glm-5", "zhipuai"),
    ("minimax", "MiniMax-M2", "minimax"),
    ("cohere", "command-a", "cohere"),
]  # fmt: skip
COUNTS = st.integers(0, 400_000)


@pytest.mark.parametrize(("type_", "model", "provider"), MODELS)
@given(COUNTS, COUNTS, COUNTS, COUNTS, st.integers(0, 3_000_000_000))
def test_the_cost_is_the_package_s(type_, model, provider, fresh, read, write, output, at):
    tokens = reported(fresh, output, cache_read=read, cache_write=write)
    usage = Usage(input_tokens=fresh + read + write, cache_read_tokens=read, cache_write_tokens=write, output_tokens=output)  # fmt: skip
    cost = cost_of(Prices(book=in_process), tokens, Query(type_, model), at)
    assert cost == pytest.approx(theirs(usage, model, provider, at), **EXACT)


def test_cached_tokens_are_billed_once_and_at_their_own_price():
    prices = Prices(book=in_process)
    million = reported(0, 0, cache_read=1_000_000)
    cached = cost_of(prices, million, Query("openai", "gpt-4o"), AT)
    fresh = cost_of(prices, reported(1_000_000), Query("openai", "gpt-4o"), AT)
    assert (cached, fresh) == (1.25, 2.5)


@pytest.mark.parametrize(
    ("query", "flavour", "payload"),
    [
        (
            Query("claude", "claude-sonnet-4-5"),
            "default",
            {"input_tokens": 21, "output_tokens": 393, "cache_read_input_tokens": 500, "cache_creation_input_tokens": 188086, "cache_creation": {"ephemeral_5m_input_tokens": 148086, "ephemeral_1h_input_tokens": 40000}},
        ),
        (
            Query("openai", "gpt-4o-audio-preview"),
            "chat",
            {"prompt_tokens": 200, "completion_tokens": 90, "prompt_tokens_details": {"audio_tokens": 120}, "completion_tokens_details": {"audio_tokens": 50, "reasoning_tokens": 0}},
        ),
        (
            Query("openai", "gpt-5"),
            "responses",
            {"input_tokens": 75, "input_tokens_details": {"cached_tokens": 32}, "output_tokens": 1186, "output_tokens_details": {"reasoning_tokens": 1024}},
        ),
        (Query("openai", "text-embedding-3-small"), "embeddings", {"prompt_tokens": 8, "total_tokens": 8}),
        (
            Query("grok", "grok-4"),
            "chat",
            {"prompt_tokens": 10120, "completion_tokens": 1499, "total_tokens": 14428, "prompt_tokens_details": {"cached_tokens": 128}, "completion_tokens_details": {"reasoning_tokens": 2809}},
        ),
        (Query("groq", "llama-3.3-70b-versatile"), "default", {"prompt_tokens": 44, "completion_tokens": 12, "total_tokens": 56}),
        (
            Query("deepseek", "deepseek-chat"),
            "chat",
            {"prompt_tokens": 1200, "completion_tokens": 50, "prompt_tokens_details": {"cached_tokens": 1024}, "prompt_cache_hit_tokens": 1024, "prompt_cache_miss_tokens": 176},
        ),
    ],
    ids=lambda value: value.model if isinstance(value, Query) else "",
)  # fmt: skip
def test_a_payload_costs_what_the_package_makes_of_it(query, flavour, payload):
    body = {"model": query.model, "usage": payload}
    reader = UsageReader()
    reader.take(body)
    extracted = get_snapshot().extract_usage(body, None, f"https://{CATALOG[query.provider].host}", flavour)
    expected = float(extracted.calc_price(genai_request_timestamp=datetime.fromtimestamp(AT, UTC)).total_price)
    assert expected > 0
    assert cost_of(Prices(book=in_process), reader.tokens, query, AT, reader.parts) == pytest.approx(expected, **EXACT)


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


def test_a_service_tier_has_its_price():
    usage = Usage(input_tokens=1000, output_tokens=100)
    prices = Prices(book=in_process)
    at = datetime(2026, 11, 1, tzinfo=UTC).timestamp()  # since when the package knows it
    flex = cost_of(prices, reported(1000, 100), Query("openai", "gpt-5", "flex"), at)
    assert flex == pytest.approx(theirs(usage, "gpt-5", "openai", at, "flex"), **EXACT)
    assert flex < cost_of(prices, reported(1000, 100), Query("openai", "gpt-5"), at)


@pytest.mark.parametrize(
    "query",
    [
        Query("openai", "no-such-model"),
        Query("qwen", "no-such-model"),
        Query("generic", "gpt-4o"),
        Query("vllm", "llama"),
        Query("", ""),
        Query("openai", ""),
    ],
)
def test_an_unknown_price_is_unknown_and_not_free(query):
    assert cost_of(Prices(book=in_process), reported(10, 10), query, AT) is None


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

    prices = Prices(book=book)
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

    prices = Prices(book=book)
    for later in (0, 1, 86_399, 86_401):
        assert cost_of(prices, reported(1, 1), Query("openai", "x"), AT + later) is None
    assert asked == [AT, AT + 86_401]


def test_a_price_is_looked_up_again_when_it_changes():
    asked = []

    async def book(query, at):
        asked.append(at)
        day = math.floor(at / 100) * 100
        return Price(steps={"input": [(-1, float(day))], "output": [(-1, 0.0)]}, since=day, until=day + 100)

    prices = Prices(book=book)
    costs = [cost_of(prices, reported(1_000_000), Query("openai", "x"), at) for at in (100, 150, 199.9, 200, 299)]
    assert costs == [100, 100, 100, 200, 200]
    assert asked == [100, 200]


@pytest.mark.parametrize(("type_", "model", "provider"), MODELS)
@given(st.integers(1_600_000_000, 1_900_000_000))
def test_a_price_holds_as_long_as_it_says(type_, model, provider, at):
    query = Query(type_, model)
    price = price_of(query, at)
    assert price.holds(at)
    for instant in (price.since, (price.until or at + 1e7) - 1):
        again = price_of(query, instant)
        assert (again.steps, again.since, again.until) == (price.steps, price.since, price.until)


async def test_the_real_pricebook_answers_from_a_process_of_its_own():
    query = Query("openai", "gpt-4o")
    assert await ask_pricebook(query, AT) == price_of(query, AT)
    assert await ask_pricebook(Query("qwen", "no-such-model"), AT) is None


async def test_a_pricebook_that_fails_is_an_unknown_price_and_says_why(caplog):
    assert await ask_pricebook(Query("openai", "gpt-4o"), 1e30) is None
    assert "the price of gpt-4o is unknown: " in caplog.text


def lookups():
    """The processes of this one's pricebooks."""
    listed = subprocess.run(["ps", "-Ao", "ppid=,args="], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if line.split()[0] == str(os.getpid()) and "pricebook" in line]


def a_lookup_runs():
    while not lookups():
        pass


async def test_a_lookup_that_is_cancelled_leaves_nothing_behind():
    task = asyncio.create_task(ask_pricebook(Query("openai", "gpt-4o"), AT))
    async with asyncio.timeout(10):
        await asyncio.to_thread(a_lookup_runs)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not lookups()


def test_the_gateway_is_spared_the_package_and_the_lookup_opens_no_socket():
    script = "import sys, aigw.pricing.prices; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"genai_prices", "pydantic", "httpx2"} & set(loaded)
    path = Path(price_module.__file__).with_name("pricebook.py")
    script = (
        "import sys, runpy, io, json\n"
        "def forbid(event, args):\n    if event.startswith('socket.'): raise SystemExit('a socket: ' + event)\n"
        "sys.addaudithook(forbid)\n"
        f"sys.stdin = io.StringIO(json.dumps(dict(provider='openai', url='', model='gpt-4o', tier='', at={AT})))\n"
        f"runpy.run_path({str(path)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["steps"]["input"] == [[-1, 2.5]]


def test_without_a_provider_the_price_is_that_of_the_model_s_vendor():
    prices = Prices(book=in_process)
    tokens = reported(1_000_000, 1_000_000)
    for vendor, model in (("openai", "gpt-4o"), ("claude", "claude-3-5-haiku-latest")):
        assert cost_of(prices, tokens, Query("", model)) == cost_of(prices, tokens, Query(vendor, model)) > 0
    assert cost_of(prices, tokens, Query("", "nobody-s-model")) is None
