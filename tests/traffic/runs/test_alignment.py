"""Which call of one run is which of another: nothing is lost or taken twice, and what is equal stays together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.traffic.runs import alignment
from aigw.traffic.runs.alignment import Item, aligned


def run(*sessions, names=()):
    """Calls are words: `a` asks something, `a:x` asks the same with x as its last turn, after another beginning."""
    found = []
    for number, session in enumerate(sessions, 1):
        for position, word in enumerate(session.split(), 1):
            last = word.partition(":")[2] or word
            name = names[number - 1] if names else ""
            found.append(Item(f"{number}-{position}", ("", number), name, (word, last, "chat")))
    return found


def told(old, new):
    signs = []
    for before, after, moved in aligned(old, new):
        left, right = before.keys[0] if before else "", after.keys[0] if after else ""
        signs.append(f">{right}" if moved else f"+{right}" if not before else f"-{left}" if not after
                     else right if left == right else f"{left}~{right}")  # fmt: skip
    return " ".join(signs)


@pytest.mark.parametrize(
    ("old", "new", "pairs"),
    [
        (["a b c"], ["a b c"], "a b c"),
        (["a b c"], ["a x b c"], "a +x b c"),
        (["a b c"], ["a c"], "a -b c"),
        (["a b c"], ["a x c"], "a b~x c"),
        (["a:1 a:2 a:3"], ["b:1 b:2 b:new b:3"], "a:1~b:1 a:2~b:2 +b:new a:3~b:3"),
        (["a b c"], ["b c a"], "b c >a"),
        (["a b", "c d"], ["c d", "a b"], "c d a b"),
        (["a b", "c d"], ["a b", "x y", "c d"], "a b +x +y c d"),
        (["a b", "x y", "c d"], ["a b", "c d"], "a b -x -y c d"),
        (["a b"], ["a", "b"], "a >b"),
        ([], ["a"], "+a"),
        (["a"], [], "-a"),
        ([], [], ""),
    ],
)
def test_pairs(old, new, pairs):
    assert told(run(*old), run(*new)) == pairs


def test_sessions_with_the_same_name_belong_together():
    old, new = run("a b", "a b", names=("me", "you")), run("a b", "a x", names=("you", "me"))
    assert [(pair.old.name, pair.new.name) for pair in aligned(old, new)] == [
        ("2-1", "1-1"), ("2-2", "1-2"), ("1-1", "2-1"), ("1-2", "2-2"),
    ]  # fmt: skip


def test_long_runs_take_little_time():
    old = run(" ".join(f"c{n % 7}" for n in range(3000)))
    new = run(" ".join(["x", *(f"c{n % 7}" for n in range(3000))]))
    assert len(old) * len(new) > alignment.MOST_PAIRS
    pairs = aligned(old, new)
    assert (len(pairs), pairs[0].old, pairs[1].old) == (3001, None, old[0])


words = st.lists(st.sampled_from(["a", "b", "c", "a:1", "b:1", "b:2"]), max_size=6).map(" ".join)
runs = st.lists(words, max_size=4).map(lambda sessions: run(*sessions))


@given(runs, runs)
def test_every_call_is_there_once(old, new):
    pairs = aligned(old, new)
    assert sorted(pair.old for pair in pairs if pair.old) == sorted(old)
    assert [pair.new for pair in pairs if pair.new] == new
    assert all(pair.old or pair.new for pair in pairs)


@given(runs)
def test_a_run_is_itself(same):
    assert [(pair.old, pair.new, pair.moved) for pair in aligned(same, same)] == [(each, each, False) for each in same]
