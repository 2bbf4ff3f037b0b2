"""Results stand directly behind their calls, whatever clients send."""

from aigw.translation.history import INTERRUPTED, joined, mended
from aigw.translation.hub import Call, Message, Result, Text, Thinking
from aigw.translation.notes import Notes


def said(role, *parts):
    return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))


def call(id):
    return Call(id, f"tool_{id}", "{}")


def result(id, text="done"):
    return Result(id, (Text(text),))


def shape(messages):
    kinds = {Text: "text", Call: "call", Result: "result", Thinking: "thinking"}
    return [(message.role, [kinds[type(part)] for part in message.parts]) for message in messages]


def test_what_stands_between_a_call_and_its_result_moves_behind():
    """openai/codex#7051."""
    messages = [said("assistant", call("a")), said("user", "wait"), said("user", result("a"))]
    assert shape(mended(messages, Notes())) == [("assistant", ["call"]), ("user", ["result"]), ("user", ["text"])]


def test_results_of_one_turn_are_one_message_in_the_order_of_the_calls():
    """MoonshotAI/kosong#45."""
    messages = [said("assistant", call("a"), call("b")), said("user", result("b")), said("user", result("a"))]
    assert [each.id for each in mended(messages, Notes())[1].results] == ["a", "b"]


def test_a_call_without_a_result_gets_one_that_says_so():
    mended_result = mended([said("assistant", call("a")), said("user", "stop")], Notes())[1].results[0]
    assert (mended_result.text, mended_result.failed) == (INTERRUPTED, True)


def test_a_result_without_a_call_is_left_out_and_noted():
    notes = Notes()
    assert mended([said("user", "hi", result("gone"))], notes) == (said("user", "hi"),)
    assert notes.lost


def test_a_repeated_id_names_the_nearest_call_before():
    """decolua/9router#4273."""
    turn = [said("assistant", call("a")), said("user", result("a", "one"))]
    again = [said("assistant", call("a")), said("user", result("a", "two"))]
    assert [m.results[0].text for m in mended([*turn, *again], Notes()) if m.results] == ["one", "two"]


def test_one_turn_of_the_assistant_is_one_message():
    """Wei-Shaw/sub2api#2926."""
    turn = [said("assistant", Thinking("hm")), said("assistant", "text"), said("assistant", call("a"))]
    assert shape(mended([*turn, said("user", result("a"))], Notes())) == [
        ("assistant", ["thinking", "text", "call"]),
        ("user", ["result"]),
    ]


def test_two_turns_stay_two():
    turn = [said("assistant", call("a")), said("user", result("a")), said("assistant", "so"), said("user", "and?")]
    assert [role for role, _ in shape(mended(turn, Notes()))] == ["assistant", "user", "assistant", "user"]


def test_reasoning_alone_is_no_message():
    """continuedev/continue#8933."""
    assert mended([said("user", "hi"), said("assistant", Thinking("hm"))], Notes()) == (said("user", "hi"),)


def test_neighbours_are_joined_where_a_provider_wants_it():
    assert joined([said("user", "a"), said("user", "b"), said("assistant", "c")]) == (
        said("user", "a", "b"),
        said("assistant", "c"),
    )


def test_a_mark_for_the_cache_in_a_result_is_one_of_the_result():
    marked = Result("a", (Text("r", cached=True),))
    assert mended([said("assistant", call("a")), said("user", marked)], Notes())[1].results[0].cached
