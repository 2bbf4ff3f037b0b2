"""What writers rely on, whatever a provider sends."""

from aigw.core.answer import Failure
from aigw.core.tokens import Tokens
from aigw.translation.events import (
    CallDelta,
    CallEnd,
    CallStart,
    Counted,
    Ended,
    Failed,
    Finished,
    Started,
    TextDelta,
)
from aigw.translation.hub import Conversation, Tool
from aigw.translation.ids import FreshIds
from aigw.translation.names import Names
from aigw.translation.ordered import Ordered


def ordered(*events, tools=(), choices=0):
    names = Names(Conversation(model="m", messages=(), tools=tools))
    return list(Ordered(FreshIds([]), names, choices).take(events))


def kinds(events):
    return [type(event).__name__ for event in events]


def last(events):
    return next(event for event in events if isinstance(event, Finished))


def test_the_start_comes_first_and_once():
    assert kinds(ordered(TextDelta("a"), Started(), Ended())) == ["Started", "TextDelta", "Finished", "Ended"]


def test_the_usage_comes_behind_the_last_piece_and_the_latest_counts():
    one, two = Counted(Tokens(input=1)), Counted(Tokens(input=2))
    events = ordered(one, Finished("stop"), TextDelta("late"), two, Ended())
    assert kinds(events) == ["Started", "TextDelta", "Counted", "Finished", "Ended"]
    assert events[2] is two


def test_who_asks_for_one_choice_gets_the_first_one_alone():
    pieces = [
        TextDelta("a", 1),
        CallStart(0, "x", "f", 1),
        CallStart(0, "y", "g", 9),
        CallDelta(0, "{", 1),
        CallDelta(0, "{}", 9),
    ]
    events = ordered(
        *pieces,
        TextDelta("b"),
        CallDelta(0, "}", 1),
        Finished("length", choice=9),
        Finished("stop", choice=1),
        Ended(),
        choices=1,
    )
    assert kinds(events) == [
        "Started",
        "TextDelta",
        "CallStart",
        "CallDelta",
        "CallDelta",
        "CallEnd",
        "Finished",
        "Ended",
    ]
    assert (events[1], events[2].name, last(events)) == (TextDelta("a"), "f", Finished("tool_calls"))
    assert [event.choice for event in ordered(*pieces, Ended(), choices=2) if isinstance(event, Finished)] == [0, 1, 9]


def test_nothing_comes_behind_the_end():
    assert kinds(ordered(Ended(), TextDelta("late"), Ended())) == ["Started", "Finished", "Ended"]


def test_nothing_comes_behind_a_failure():
    failed = Failed(Failure(500, "broken"))
    assert ordered(TextDelta("a"), failed, TextDelta("b"), Ended())[2:] == [failed]


def test_an_answer_with_calls_ends_with_calls_whatever_the_provider_says():
    """anomalyco/opencode#14972, openclaw/openclaw#98575."""
    call = (CallStart(0, "a", "f"), CallDelta(0, "{}"))
    assert last(ordered(*call, Finished("stop"), Ended())).reason == "tool_calls"
    assert last(ordered(*call, Ended())).reason == "tool_calls"


def test_an_answer_without_calls_does_not_end_with_calls():
    """Wei-Shaw/sub2api#3338."""
    assert last(ordered(TextDelta("a"), Finished("tool_calls"), Ended())).reason == "stop"


def test_a_cut_stays_a_cut():
    events = ordered(CallStart(0, "a", "f"), CallDelta(0, '{"x'), Finished("length"), Ended())
    assert last(events).reason == "length"


def test_a_call_ends_before_the_next_one_starts():
    events = ordered(CallStart(0, "a", "f"), CallDelta(0, "{}"), CallStart(1, "b", "g"), CallDelta(1, "{}"), Ended())
    assert kinds(events)[1:7] == ["CallStart", "CallDelta", "CallEnd", "CallStart", "CallDelta", "CallEnd"]


def test_calls_whose_pieces_come_in_turns_stay_open():
    """can1357/oh-my-pi#2620."""
    pieces = [
        CallDelta(0, '{"a":'),
        CallStart(1, "b", "g"),
        CallDelta(1, '{"b":'),
        CallDelta(0, "1}"),
        CallDelta(1, "2}"),
    ]
    events = ordered(CallStart(0, "a", "f"), *pieces, Ended())
    for key, text in ((0, '{"a":1}'), (1, '{"b":2}')):
        assert "".join(e.text for e in events if isinstance(e, CallDelta) and e.key == key) == text
    assert kinds(events)[-4:] == ["CallEnd", "CallEnd", "Finished", "Ended"]


def test_a_call_starts_once_its_name_is_known():
    events = ordered(CallStart(0, "a", ""), CallDelta(0, '{"x":'), CallStart(0, "", "f"), CallDelta(0, "1}"), Ended())
    start = next(event for event in events if isinstance(event, CallStart))
    assert (start.id, start.name) == ("a", "f")
    assert "".join(e.text for e in events if isinstance(e, CallDelta)) == '{"x":1}'


def test_the_clients_own_tool_is_called():
    long = Tool("x" * 70)
    short = Names(Conversation(model="m", messages=(), tools=(long,))).written(long.name)
    assert ordered(CallStart(0, "a", short), tools=(long,))[1].name == long.name


def test_the_text_of_a_custom_tool_is_taken_out_of_its_function():
    """farion1231/cc-switch#3669."""
    patch = Tool("apply_patch", custom=True)
    events = ordered(
        CallStart(0, "a", "apply_patch"),
        CallDelta(0, '{"input":"*** '),
        CallDelta(0, 'Begin"}'),
        Ended(),
        tools=(patch,),
    )
    assert events[1].custom
    assert [event.text for event in events if isinstance(event, CallDelta)] == ["*** Begin"]


def test_another_wrapping_of_a_custom_tool_is_not_guessed_at():
    """unslothai/unsloth#9121."""
    patch = Tool("apply_patch", custom=True)
    events = ordered(
        CallStart(0, "a", "apply_patch"), CallDelta(0, '{"patch":"x"}'), CallEnd(0), Ended(), tools=(patch,)
    )
    assert events[2].text == '{"patch":"x"}'
