"""aigw/traffic/matching/index.py: which recording a request gets, and that conversations do not take each other's."""

from aigw.traffic.format.folder import Entry
from aigw.traffic.matching.index import Index
from aigw.traffic.matching.sessions import Conversation


def entry(key, session, position, name=""):
    return Entry(f"{session:03}-{position:02}-chat.json", key, "", "", session, position, session_name=name)


def content(index, *asked):
    """The places that are found, `!` where they had been played before."""
    found = [index.by_content(key, conversation) for conversation, key in asked]
    return [each and f"{each.entry.session}-{each.entry.position}{'!' if each.again else ''}" for each in found]


def conversations(count):
    return [Conversation(number) for number in range(1, count + 1)]


def test_a_request_that_comes_several_times_gets_the_answers_in_their_order():
    index = Index([entry("k", 1, 1), entry("k", 1, 2), entry("other", 1, 3), entry("k", 1, 4)])
    one = Conversation(1)
    assert content(index, *[(one, "k")] * 4, (one, "other")) == ["1-1", "1-2", "1-4", "1-4!", "1-3"]


def test_conversations_take_parts_of_their_own_and_keep_them():
    index = Index([entry("hi", 1, 1), entry("more", 1, 2), entry("hi", 2, 1), entry("more", 2, 2)])
    one, other = conversations(2)
    asked = [(one, "hi"), (other, "hi"), (other, "more"), (one, "more")]
    assert content(index, *asked) == ["1-1", "2-1", "2-2", "1-2"]


def test_a_run_may_come_again_and_again():
    index = Index([entry("hi", 1, 1), entry("more", 1, 2), entry("hi", 2, 1), entry("more", 2, 2)])
    runs = conversations(6)
    places = [content(index, (each, "hi"), (each, "more")) for each in runs]
    assert places == [["1-1", "1-2"], ["2-1", "2-2"], *[["1-1!", "1-2!"], ["2-1!", "2-2!"]] * 2]


def test_a_name_goes_before_the_order():
    index = Index([entry("hi", 1, 1, "a"), entry("hi", 2, 1, "b")])
    assert content(index, (Conversation(1, "b"), "hi"), (Conversation(2, "new"), "hi")) == ["2-1", "1-1"]


def test_what_has_no_turns_goes_round():
    index = Index([entry("k", 0, 1), entry("k", 0, 2)])
    nobody = Conversation(0)
    assert content(index, *[(nobody, "k")] * 3) == ["0-1", "0-2", "0-1!"]


def test_a_part_that_lacks_the_request_is_no_reason_for_a_miss():
    index = Index([entry("hi", 1, 1), entry("else", 2, 1)])
    one = Conversation(1)
    assert content(index, (one, "hi"), (one, "else"), (one, "unknown")) == ["1-1", "2-1", None]


def sequence(index, conversation, *keys):
    places = []
    for key in keys:
        conversation.calls += 1
        found = index.by_sequence(key, conversation)
        places.append(found and f"{found.entry.session}-{found.entry.position}{'!' if found.again else ''}")
    return places


def test_the_nth_call_gets_the_nth_answer():
    index = Index([entry("a", 1, 1), entry("b", 1, 2), entry("c", 2, 1)])
    assert sequence(index, Conversation(1), "changed", "changed, too", "more") == ["1-1", "1-2", None]


def test_the_first_request_chooses_the_part_if_it_is_known():
    index = Index([entry("a", 1, 1), entry("c", 2, 1), entry("d", 2, 2)])
    one, other = conversations(2)
    assert sequence(index, one, "c", "x") == ["2-1", "2-2"]
    assert sequence(index, other, "changed") == ["1-1"]


def test_a_call_more_than_its_conversation_has_is_found_by_what_it_asks():
    """So is one that `--auto` has recorded: alone, because the calls before it were played."""
    index = Index([entry("a", 1, 1), entry("b", 1, 2), entry("c", 2, 1)])
    one, other = conversations(2)
    assert sequence(index, one, "a", "added", "b", "c") == ["1-1", "1-2", "1-2!", "2-1"]
    assert sequence(index, other, "a", "b", "c", "unknown") == ["1-1!", "1-2!", "2-1!", None]
