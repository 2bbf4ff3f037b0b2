"""aigw/traffic/replay/answers.py: which answers stay in memory. How they are played, test_player_properties.py tells."""

from recorded_calls import chat_call, said, user, written

from aigw.traffic.replay.answers import Answers

FIRST, SECOND, THIRD = (f"00{number}-01-chat.json" for number in (1, 2, 3))


def answers(tmp_path, most):
    calls = [(chat_call(user(text)), said(text * 5000)) for text in ("a", "b", "c")]
    return Answers(written(tmp_path / "recs", *calls), most)


def test_what_was_asked_for_last_is_kept(tmp_path):
    some = answers(tmp_path, 14_000)  # two of them
    first = some.read(FIRST)
    some.read(SECOND)
    assert some.read(FIRST) is first
    some.read(THIRD)
    assert some.kept(FIRST) is first
    assert some.kept(SECOND) is None


def test_the_last_one_is_kept_however_large_it_is(tmp_path):
    some = answers(tmp_path, 10)
    some.read(FIRST)
    assert some.kept(FIRST).said.text == ["a" * 5000]
