"""aigw/plugins/ai_security_guard/windows.py: nothing leaves before it was checked, wherever a provider cuts its text."""

import itertools
import json

from fakes import chat, make_exchange
from hypothesis import given
from hypothesis import strategies as st

from aigw.dialects.sse import Event
from aigw.plugins.ai_security_guard.windows import MOST_HELD, Windows, common

BAD, SECRET = "forbidden phrase", "4111 1111 1111 1111"
exchange = make_exchange(chat({"stream": True}))


def delta(choice=0, **said):
    body = {"choices": [{"index": choice, "delta": said, "finish_reason": None}]}
    return Event(b"data: " + json.dumps(body).encode() + b"\n\n")


def called(arguments, index=0):
    return delta(tool_calls=[{"index": index, "function": {"arguments": arguments}}])


def windows(size=10, overlap=19):
    dialect, asked = exchange.dialect, exchange.asked
    return Windows(lambda chunk: dialect.texts(chunk, asked), dialect.rewrite, size=size, overlap=overlap)


def text_of(chunks, choice=0):
    """What a client has read of a choice."""
    choices = [each for chunk in chunks for each in (chunk.json() or {}).get("choices", ()) if each["index"] == choice]
    return "".join(each["delta"].get("content", "") for each in choices)


def settle(it):
    """Checks what is due. Returns whether something is denied."""
    for window in it.due():
        if BAD in window.text:
            return True
        it.settle(window, window.text.replace(SECRET, "[card]") if SECRET in window.text else None)
    return False


def passed(events, it=None):
    """What leaves, and whether it was denied."""
    it, out = it or windows(), []
    for event in events:
        it.feed(event)
        denied = settle(it)
        out += it.released()
        if denied:
            return out, True
    it.end()
    denied = settle(it)
    return out + it.released(), denied


def cut(text, places):
    ends = sorted({0, *(place % (len(text) + 1) for place in places), len(text)})
    return [text[start:end] for start, end in itertools.pairwise(ends)]


plain = st.text(alphabet="ab 界\n1", max_size=60)
places = st.lists(st.integers(0, 200), max_size=30)


@given(plain, plain, places)
def test_no_piece_of_a_denied_phrase_leaves(before, after, places):
    chunks, denied = passed([delta(content=piece) for piece in cut(before + BAD + after, places)])
    assert denied
    assert before.startswith(text_of(chunks))


@given(plain, places)
def test_a_clean_text_arrives_as_it_was(text, places):
    events = [delta(content=piece) for piece in cut(text, places)]
    chunks, denied = passed(events)
    assert not denied
    assert all(one is other for one, other in zip(chunks, events, strict=True))


@given(plain, plain, places)
def test_what_is_masked_is_masked_wherever_it_is_cut(before, after, places):
    chunks, denied = passed([delta(content=piece) for piece in cut(before + SECRET + after, places)])
    assert not denied
    assert text_of(chunks) == before + "[card]" + after


@given(st.lists(st.tuples(st.integers(0, 2), plain), max_size=20))
def test_choices_have_nothing_to_do_with_each_other(pieces):
    chunks, denied = passed([delta(choice, content=text) for choice, text in pieces])
    assert not denied
    for choice in range(3):
        assert text_of(chunks, choice) == "".join(text for index, text in pieces if index == choice)


@given(places)
def test_a_call_leaves_when_it_is_whole(places):
    arguments = json.dumps({"to": "a" * 40, "body": "b" * 40})
    it, out = windows(), []
    for piece in cut(arguments, places):
        it.feed(called(piece))
        assert not settle(it)
        out += it.released()
    assert out == []
    it.feed(delta(content="done"))
    assert not settle(it)
    assert len(it.released()) == len(cut(arguments, places))


def test_calls_arrive_side_by_side():
    events = [
        called('{"a":', 0),
        called('{"b":', 1),
        called('"forbidden ', 0),
        called('"x"}', 1),
        called('phrase"}', 0),
    ]
    chunks, denied = passed(events)
    assert (denied, chunks) == (True, [])


def test_reasoning_leaves_when_the_text_begins():
    it = windows(size=1)
    it.feed(delta(reasoning_content="thought"))
    assert not settle(it)
    assert it.released() == []  # it may go on
    it.feed(delta(content="said"))
    assert not settle(it)
    assert len(it.released()) == 1


def test_what_is_not_whole_is_held_up_to_a_bound():
    it = windows()
    sent = 0
    while not it.released():
        it.feed(delta(content="x" * 100))
        sent += 100
        for window in it.due():
            it.settle(window, "[key]")
    assert MOST_HELD <= sent <= MOST_HELD + 200


@given(st.text(alphabet="ab"), st.text(alphabet="ab"))
def test_what_texts_have_in_common(one, other):
    if one != other:
        ahead, behind = common(one, other)
        assert one[:ahead] == other[:ahead]
        assert behind == 0 or one[-behind:] == other[-behind:]
        assert ahead + behind <= min(len(one), len(other))


def test_a_text_goes_on_after_something_else():
    chunks, denied = passed([delta(content="a forbidden "), delta(reasoning_content="hm"), delta(content="phrase")])
    assert denied
    assert text_of(chunks) == "a forbidden "


def test_what_is_masked_goes_on_after_something_else():
    events = [delta(content="4111 1111 "), delta(reasoning_content="hm"), delta(content="1111 1111 it is")]
    chunks, denied = passed(events)
    assert not denied
    assert text_of(chunks) == "4111 1111 [card] it is"


def test_a_call_goes_on_after_something_else():
    chunks, denied = passed([called('{"a":"forbidden '), delta(content="hm"), called('phrase"}'), delta(content="x")])
    assert denied
    assert len(chunks) == 2


@given(st.lists(st.tuples(st.sampled_from(["content", "reasoning_content", "call"]), plain), max_size=20))
def test_nothing_that_is_clean_is_lost(pieces):
    events = [called(text) if kind == "call" else delta(**{kind: text}) for kind, text in pieces]
    chunks, denied = passed(events)
    assert (denied, chunks) == (False, events)
