"""What is left of a limit, in OpenAI's headers: the tightest of all limits, the provider's own among them."""

import re

import pytest
from fakes import chat, make_exchange
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.stores import Count, Limit, Ticket
from aigw.plugins.ai_token_ratelimit.headers import duration, tell


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0101, "11ms"), (1, "1s"), (59.2, "1m0s"), (61, "1m1s"), (3600, "1h0m0s"), (86399.5, "24h0m0s")],
)
def test_durations_are_as_openai_writes_them(seconds, text):
    assert duration(seconds) == text


@given(st.floats(0, 10**7))
def test_a_duration_is_never_too_short(seconds):
    found = re.fullmatch(r"(?:(\d+)ms|(?:(\d+)h)?(?:(\d+)m)?(\d+)s)", duration(seconds))
    ms, hours, minutes, rest = (int(part or 0) for part in found.groups())
    told = ms / 1000 + hours * 3600 + minutes * 60 + rest
    assert seconds - 1e-6 <= told <= seconds + 1


def told(limits, counts, *, settled=(), headers=()):
    reply = make_exchange(chat({})).reply(b"", headers=headers)
    tell(reply, Ticket("t", tuple(limits), tuple(counts)), settled)
    return [reply.headers.get(f"x-ratelimit-{name}-tokens") for name in ("limit", "remaining", "reset")]


def test_of_a_stream_what_is_held_for_it_counts_as_used():
    assert told([Limit("a", 100, 60, 10)], [Count(30, 5, 42.0)]) == ["100", "55", "42s"]


def test_after_settling_the_counts_say_it_all():
    assert told([Limit("a", 100, 60, 10)], [Count(0, 0, 0.0)], settled=[Count(46, 0, 60.0)]) == ["100", "54", "1m0s"]


def test_the_tightest_limit_is_told():
    limits, counts = [Limit("a", 100, 1), Limit("b", 1000, 60)], [Count(10, 0, 0.5), Count(950, 0, 30.0)]
    assert told(limits, counts) == ["1000", "50", "30s"]


def test_a_window_that_does_not_run_is_told_whole_and_nothing_is_below_0():
    assert told([Limit("a", 100, 60)], [Count(150, 0, 0.0)]) == ["100", "0", "1m0s"]


@pytest.mark.parametrize(
    ("given", "remaining"), [("54", "54"), ("55", "55"), ("56", "55"), ("x", "55"), ("9" * 5000, "55")]
)
def test_the_providers_own_is_told_if_it_is_tighter(given, remaining):
    found = told([Limit("a", 100, 60)], [Count(45, 0, 1.0)], headers={"x-ratelimit-remaining-tokens": given})
    assert found[1] == remaining
    assert (found[0] is None) == (given in ("54", "55"))
