"""What the package's data say, against the package's own calculation, so that it stays right when its prices change."""

import json
import math
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st
from prices import AT, EXACT, cost_of, in_process, price_of, reported

from aigw.dialects.usage import UsageReader
from aigw.pricing import prices as price_module
from aigw.pricing.prices import Prices, Query
from aigw.providers.catalog import CATALOG


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


@pytest.mark.parametrize(("type_", "model", "provider"), MODELS)
@given(st.integers(1_600_000_000, 1_900_000_000))
def test_a_price_holds_as_long_as_it_says(type_, model, provider, at):
    query = Query(type_, model)
    price = price_of(query, at)
    assert price.since <= at < (math.inf if price.until is None else price.until)
    for instant in (price.since, (price.until or at + 1e7) - 1):
        again = price_of(query, instant)
        assert (again.steps, again.since, again.until) == (price.steps, price.since, price.until)


def test_the_gateway_is_spared_the_package_and_the_lookup_opens_no_socket():
    script = "import sys, aigw.pricing.prices; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"genai_prices", "pydantic", "httpx2"} & set(loaded)
    path = Path(price_module.__file__).with_name("pricebook.py")
    script = (
        "import sys, runpy, io, json\n"
        "def forbid(event, args):\n    if event.startswith('socket.'): raise SystemExit('a socket: ' + event)\n"
        "sys.addaudithook(forbid)\n"
        f"sys.stdin = io.StringIO(json.dumps([dict(provider='openai', url='', model='gpt-4o', tier='', at={AT})]))\n"
        f"runpy.run_path({str(path)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)[0]["steps"]["input"] == [[-1, 2.5]]


def test_without_a_provider_the_price_is_that_of_the_model_s_vendor():
    prices = Prices(book=in_process)
    tokens = reported(1_000_000, 1_000_000)
    for vendor, model in (("openai", "gpt-4o"), ("claude", "claude-3-5-haiku-latest")):
        assert cost_of(prices, tokens, Query("", model)) == cost_of(prices, tokens, Query(vendor, model)) > 0
    assert cost_of(prices, tokens, Query("", "nobody-s-model")) is None
