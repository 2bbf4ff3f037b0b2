"""A client sees an id once, a provider gets its own back, and both see the same in each turn."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.translation.hub import Call, Message, Result, Text
from aigw.translation.ids import FreshIds, fits_all, fitted, is_short, short_id, unwrapped


def calls(*ids):
    return Message("assistant", tuple(Call(id, "f", "{}") for id in ids))


def results(*ids):
    return Message("user", tuple(Result(id, (Text("r"),)) for id in ids))


def test_an_id_that_is_new_and_fits_stays():
    assert FreshIds([calls("call_1")]).fresh("call_2") == "call_2"


@pytest.mark.parametrize("given_id", ["call_0", "functions.Bash:0", "", "Read:0", "x" * 65])
def test_an_id_that_repeats_or_does_not_fit_becomes_one_of_ours(given_id):
    """QwenLM/qwen-code#8382, charmbracelet/crush#3121: providers repeat call_0 or Read:0 in each turn."""
    id = FreshIds([calls("call_0")]).fresh(given_id)
    assert id not in ("call_0", given_id)
    assert fits_all(id)


def test_two_calls_of_one_answer_never_share_an_id():
    ids = FreshIds([])
    assert len({ids.fresh("call_0"), ids.fresh("call_0"), ids.fresh(""), ids.fresh("")}) == 4


@given(st.lists(st.text(max_size=30), max_size=8))
def test_the_provider_gets_its_own_ids_back(given_ids):
    ids = FreshIds([calls("call_0")])
    seen = [ids.fresh(id) for id in given_ids]
    assert len(set(seen)) == len(seen)
    back = unwrapped([calls(*seen)])[0]
    pairs = zip((call.id for call in back.calls), given_ids, strict=True)
    assert all(got == id for got, id in pairs if id and len(id.encode("utf-8", "replace")) < 30 and max(id) < "\ud800")


@pytest.mark.parametrize(
    "id", ["call_aigw1_", "call_aigw1_!", "call_aigw9_abc", "call_aigw", "call_aigw%s_YQ" % ("9" * 5000)]
)
def test_an_id_that_only_looks_like_ours_stays(id):
    assert unwrapped([calls(id)])[0].calls[0].id == id


def test_ids_that_fit_nowhere_are_replaced_in_calls_and_results_alike():
    """maximhq/bifrost#5097: an id such as functions.Bash:0 in the history."""
    messages = [calls("functions.Bash:0", "ok"), results("functions.Bash:0", "ok")]
    first = fitted(messages)
    assert [c.id for c in first[0].calls] == [r.id for r in first[1].results]
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", call.id) for call in first[0].calls)
    assert first == fitted(messages), "the same history has the same bytes"


def test_one_id_in_two_turns_becomes_two():
    first, _, second, answer = fitted([calls("a"), results("a"), calls("a"), results("a")])
    assert first.calls[0].id != second.calls[0].id
    assert answer.results[0].id == second.calls[0].id


def test_a_longer_history_leaves_the_ids_of_its_beginning():
    turn = [calls("a.b"), results("a.b")]
    assert fitted([*turn, *turn])[:2] == fitted(turn)


def test_a_provider_may_have_its_own_form():
    message = fitted([calls("call_1")], lambda id: len(id) == 9, lambda id, number: f"{number:09d}")[0]
    assert message.calls[0].id == "000000000"


def test_two_calls_of_one_turn_with_one_id_become_two():
    calls = Message("assistant", (Call("a", "f", "{}"), Call("a", "f", "{}")))
    results = Message("user", (Result("a", (Text("1"),)), Result("a", (Text("2"),))))
    calls, results = fitted([calls, results])
    assert [call.id for call in calls.calls] == [result.id for result in results.results]
    assert len({call.id for call in calls.calls}) == 2


def test_ids_of_nine_letters_or_digits():
    """omlx#1997: Mistral takes no others."""
    calls = Message("assistant", (Call("toolu_abc", "f", "{}"), Call("a1B2c3D4e", "f", "{}"), Call("x", "f", "{}")))
    (written,) = fitted([calls], is_short, short_id)
    assert [is_short(call.id) for call in written.calls] == [True] * 3
    assert written.calls[1].id == "a1B2c3D4e" and len({call.id for call in written.calls}) == 3
