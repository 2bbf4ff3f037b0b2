"""Reasoning that waits here for clients which do not send it back."""

from aigw.translation.envelope import sealed
from aigw.translation.events import CallStart, Ended, TextDelta, ThinkingDelta, ThinkingState
from aigw.translation.hub import Call, Message, Result, Text, Thinking
from aigw.translation.kept_thoughts import KeptThought, KeptThoughts, Recall

STATE, DATA = sealed("claude", "sig"), sealed("claude", "data")
ASKED = Message("user", (Text("weather?"),))
ANSWER = (
    ThinkingDelta("h"),
    ThinkingDelta("m"),
    ThinkingState(STATE),
    TextDelta("so"),
    CallStart(0, "a", "f"),
    Ended(),
)
SAID = Message("assistant", (Text("so"), Call("a", "f", "{}")))
RESULT = Message("user", (Result("a", (Text("r"),)),))
BACK = Message("assistant", (Thinking("hm", STATE), Text("so"), Call("a", "f", "{}")))


def answered(kept, *events, consumer="ann", messages=(ASKED,)):
    recall = Recall(kept, consumer, messages)
    for event in events or ANSWER:
        recall.watch(event)


def recalled(kept, *messages, consumer="ann"):
    return Recall(kept, consumer, messages or (ASKED, SAID, RESULT)).messages()


def test_it_comes_back_in_front_of_its_turn():
    kept = KeptThoughts()
    answered(kept)
    assert recalled(kept) == (ASKED, BACK, RESULT)
    assert recalled(kept) == (ASKED, BACK, RESULT), "and in each later turn"


def test_reasoning_between_calls_stands_in_front_of_its_call():
    kept = KeptThoughts()
    answered(kept, ThinkingDelta("1"), ThinkingState(STATE), CallStart(0, "a", "f"), ThinkingState(DATA, redacted=True),
             CallStart(1, "b", "f", state="s"), Ended())  # fmt: skip
    said = Message("assistant", (Call("a", "f", "{}"), Call("b", "f", "{}")))
    assert recalled(kept, ASKED, said)[1].parts == (
        Thinking("1", STATE), Call("a", "f", "{}"), Thinking("", DATA, redacted=True), Call("b", "f", "{}", state="s"),
    )  # fmt: skip


def test_it_is_not_for_others():
    kept = KeptThoughts()
    answered(kept)
    assert recalled(kept, consumer="bob")[1] == SAID
    assert recalled(kept, Message("user", (Text("and there?"),)), SAID)[1] == SAID, (
        "the same id in another conversation"
    )


def test_an_agent_may_take_all_but_letters_and_digits_out_of_an_id():
    kept = KeptThoughts()
    answered(kept, *ANSWER[:3], CallStart(0, "call_00_a-1", "f"), Ended())
    (_, said) = recalled(kept, ASKED, Message("assistant", (Call("call00a1", "f", "{}"),)))
    assert said.parts == (Thinking("hm", STATE), Call("call00a1", "f", "{}"))


def test_words_that_a_plugin_appends_to_each_request_do_not_hide_it():
    kept = KeptThoughts()
    added = Message("user", (Text("Be kind."),))
    answered(kept, messages=(ASKED, added))
    assert recalled(kept, ASKED, SAID, RESULT, added)[1] == BACK
    again = (ThinkingDelta("2"), ThinkingState(STATE), CallStart(0, "b", "f"), Ended())
    answered(kept, *again, messages=(ASKED, SAID, RESULT, added))
    said = Message("assistant", (Call("b", "f", "{}"),))
    found = recalled(kept, ASKED, SAID, RESULT, said, Message("user", (Result("b", ()), Text("Be kind."))))
    assert (found[1], found[3].parts[0]) == (BACK, Thinking("2", STATE)), "in each step of an agent"


def test_an_answer_belongs_to_no_question_that_was_answered_before():
    kept = KeptThoughts()
    answered(kept, messages=(ASKED, Message("assistant", (Text("sun"),)), Message("user", (Text("there?"),))))
    assert recalled(kept)[1] == SAID


def test_what_the_client_sends_itself_counts():
    kept = KeptThoughts()
    answered(kept)
    own = Message("assistant", (Thinking("own", sealed("claude", "x")), Call("a", "f", "{}")))
    assert recalled(kept, ASKED, own)[1] == own
    bare = Message("assistant", (Thinking("hm", ""), Text("so"), Call("a", "f", "{}")))
    assert recalled(kept, ASKED, bare)[1] == BACK, "a text without its state is of no use"


def test_an_answer_that_broke_off_leaves_nothing():
    kept = KeptThoughts()
    answered(kept, *ANSWER[:-1])
    assert recalled(kept)[1] == SAID


def test_reasoning_without_a_state_is_not_kept():
    kept = KeptThoughts()
    answered(kept, ThinkingDelta("a"), ThinkingState(""), CallStart(0, "a", "f"), Ended())
    assert recalled(kept)[1] == SAID


def test_the_one_that_was_not_asked_for_the_longest_goes():
    kept = KeptThoughts(most=1300)
    for key in (b"a", b"b"):
        kept.put(key, KeptThought((), "s" * 100))
    assert kept.get(b"a") is not None
    kept.put(b"c", KeptThought((), "s" * 100))
    assert [kept.get(key) is not None for key in (b"a", b"b", b"c")] == [True, False, True]
    kept.put(b"c", KeptThought((), "s" * 2000))
    assert kept.get(b"c") is None, "one that is larger than all the room"
