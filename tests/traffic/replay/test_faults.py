"""aigw/traffic/replay/faults.py: some answers fail, and the same ones each time."""

import pytest
from fakes import chat, make_exchange
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from aigw.core.errors import GatewayError
from aigw.core.model import Origin, Target
from aigw.traffic.replay.faults import Fault, Faults, FaultyPlayer, cut, parsed
from aigw.upstream.tape import Outgoing, Played

TARGET = Target(Origin("https", "api.openai.com", 443), "api.openai.com")
PIECES = [(1.0, b"data: 1\n\n"), (2.0, b"data: 2\n\n"), (3.0, b"data: 3\n\n")]
PLAYED = Played(200, CIMultiDict(), PIECES, 4.0)


class Always:
    """A player that knows every answer. `asked` counts its calls."""

    def __init__(self):
        self.asked = 0

    async def find(self, outgoing):
        self.asked += 1
        return PLAYED


def outgoing(text="hi", *, own=True):
    exchange = make_exchange(chat({"model": "m", "messages": [{"role": "user", "content": text}]}))
    return Outgoing(exchange.request if own else chat({"input": text}), TARGET, exchange)


def key(call):
    return call.request.body.decode()


async def outcome(player, call):
    try:
        played = await player.find(call)
    except GatewayError as error:
        return error.status
    return "cut" if played.error else played.status


async def test_some_fail_and_the_same_ones_in_any_order():
    faults = parsed("429:0.2,503:0.2,cut:0.2", 7)
    calls = [outgoing(f"question {number}") for number in range(200)]
    one, other = FaultyPlayer(Always(), faults, key), FaultyPlayer(Always(), faults, key)
    first = [await outcome(one, call) for call in calls]
    second = [await outcome(other, call) for call in reversed(calls)][::-1]
    assert first == second
    for kind in (429, 503, "cut"):
        assert 20 < first.count(kind) < 60
    another = FaultyPlayer(Always(), faults._replace(seed=8), key)
    assert first != [await outcome(another, call) for call in calls]


async def test_a_call_that_is_tried_again_may_succeed():
    inner = Always()
    player = FaultyPlayer(inner, parsed("429:0.5", 1), key)
    got = [await outcome(player, outgoing()) for _ in range(40)]
    assert set(got) == {200, 429}
    assert inner.asked == got.count(200)  # who was refused takes no answer away


async def test_what_plugins_ask_for_themselves_never_fails():
    player = FaultyPlayer(Always(), parsed("500:1", 0), key)
    assert await outcome(player, outgoing(own=False)) == 200
    assert await outcome(player, outgoing()) == 500


async def test_an_error_says_that_it_is_one_of_ours():
    player = FaultyPlayer(Always(), parsed("429:1", 0), key)
    with pytest.raises(GatewayError, match="a fault of --faults") as caught:
        await player.find(outgoing())
    assert (caught.value.code, dict(caught.value.headers)) == ("rate_limit_exceeded", {})


def test_an_answer_breaks_off_in_the_middle():
    broken = cut(PLAYED)
    assert b"".join(data for _, data in broken.pieces) == b"data: 1\n\ndata"
    assert (broken.status, broken.after) == (200, 2.0)
    assert "the connection broke" in str(broken.error)
    nothing = PLAYED._replace(pieces=[])
    assert cut(nothing) is nothing


@pytest.mark.parametrize(
    "text",
    ["", "429", "429:", ":0.1", "200:0.1", "600:0.1", "cut:x", "cut:-1", "429:0.1;cut:0.1", "cut:nan", "stall:1"],
)
def test_what_is_no_fault(text):
    with pytest.raises(ValueError, match=r"is no fault; write a status from 400 to 599 or cut, and a share: 429:0\.1"):
        parsed(text, 0)


def test_no_more_than_all_can_fail():
    with pytest.raises(ValueError, match=r"the shares are 1\.5 together; at most 1"):
        parsed("429:1,cut:.5", 0)


@given(st.lists(st.integers(0, 10), min_size=1, max_size=4), st.text(), st.integers(), st.integers(1, 99))
def test_what_is_drawn_is_one_of_them(shares, key, seed, nth):
    faults = Faults([Fault(str(500 + n), share / sum(shares or [1])) for n, share in enumerate(shares) if share], seed)
    assert faults.drawn(key, nth) in {"", *(fault.kind for fault in faults.faults)}
    assert faults.drawn(key, nth) == faults.drawn(key, nth)
    assert faults._replace(faults=[Fault("cut", 1.0)]).drawn(key, nth) == "cut"
