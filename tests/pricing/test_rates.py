"""What a request costs, against the rule as it is read aloud: each bucket at the rate of its step, and what a part
costs more than its bucket."""

from hypothesis import given
from hypothesis import strategies as st
from pytest import approx

from aigw.core.tokens import Tokens
from aigw.pricing.rates import Rates

FALLS_BACK = {"cache_read": "input", "cache_write": "input", "reasoning": "output", "input_audio": "input", "cache_write_1h": "cache_write"}  # fmt: skip
NAMES = ("input", "output", *FALLS_BACK)
USD = st.floats(0, 100)
STEPS = st.lists(st.integers(0, 300), unique=True, max_size=3).flatmap(
    lambda starts: st.tuples(*(st.tuples(st.just(start), USD) for start in (-1, *sorted(starts)))).map(list)
)
COUNT = st.none() | st.integers(0, 200)


def rate(steps, name, context):
    while name not in steps:
        name = FALLS_BACK[name]
    return [usd for start, usd in steps[name] if context > start][-1]


def read_aloud(steps, tokens, parts):
    if (
        tokens.input is None
        or (tokens.output is None and "output" in steps)
        or (tokens.output and "output" not in steps)
    ):
        return None
    buckets = {name: getattr(tokens, name) or 0 for name in ("input", "cache_read", "cache_write", "output")}
    total = sum(count * rate(steps, name, tokens.prompt) for name, count in buckets.items() if count)
    for name, count in {**parts, "reasoning": tokens.reasoning or 0}.items():
        if name in steps:
            total += count * (rate(steps, name, tokens.prompt) - rate(steps, FALLS_BACK[name], tokens.prompt))
    return total / 1_000_000


@given(
    steps=st.fixed_dictionaries({"input": STEPS}, optional=dict.fromkeys(NAMES[1:], STEPS)).filter(
        lambda steps: "output" in steps or "reasoning" not in steps
    ),
    tokens=st.builds(Tokens, input=COUNT, cache_read=COUNT, cache_write=COUNT, output=COUNT, reasoning=COUNT),
    parts=st.dictionaries(st.sampled_from(["input_audio", "cache_write_1h"]), st.integers(1, 200)),
)
def test_the_cost(steps, tokens, parts):
    expected = read_aloud(steps, tokens, parts)
    assert Rates(steps).cost(tokens, parts) == (expected if expected is None else approx(expected))


def test_the_request_itself():
    assert Rates({"input": [(-1, 1.0)]}, request=0.5).cost(Tokens(input=1_000_000), {}) == 1.5
