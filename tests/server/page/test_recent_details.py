"""What is kept of requests in memory never takes more than it may, whatever comes."""

from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from aigw.core.exchange import Labels, Timing
from aigw.core.model import Chunk, Request, Route
from aigw.server.page.recent_details import MOST_OF_A_BODY, Detail, KeptAnswer, RecentDetails
from aigw.trace.tracer import Ended, RequestTrace


def recording(id_, body=b""):
    request = Request("POST", "/v1/chat/completions", "", CIMultiDict({"content-type": "application/json"}), body)
    begun = SimpleNamespace(request=request)
    made = RequestTrace(begun, 1.0, (), ())
    made.exchange = Ended(id_, Route("r"), "", Timing(0.0), Labels())
    return made.settled()


def detail(kept, id_, body=b"", answer=b""):
    answered = KeptAnswer(kept)
    if answer:
        answered.look((Chunk(answer),))
    return Detail(recording(id_, body), answered, None, "")


SIZES = st.integers(0, 40_000)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), SIZES, st.lists(SIZES, max_size=3)),
        st.tuples(st.just("begin"), st.just(0), st.lists(SIZES, max_size=3)),
        st.tuples(st.just("end"), SIZES, st.just([])),
        st.tuples(st.just("clear"), st.just(0), st.just([])),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.integers(1, 8), st.integers(0, 200_000))
def test_it_never_takes_more_than_it_may(steps, most, most_bytes):
    kept, under_way, number = RecentDetails(most, most_bytes), [], 0
    for what, size, pieces in steps:
        if what == "clear":
            kept.clear()
        elif what == "end" and under_way:
            number += 1
            kept.add(Detail(recording(str(number), bytes(size)), under_way.pop(0), None, ""))
        elif what != "end":
            answer = KeptAnswer(kept)
            for each in pieces:
                answer.look((Chunk(bytes(each)),))
            under_way.append(answer)
            if what == "add":
                number += 1
                kept.add(Detail(recording(str(number), bytes(size)), under_way.pop(), None, ""))
        there = [kept.get(str(n)) for n in range(number + 1)]
        really = sum(each.trace.size + len(each.answer.body) for each in there if each)
        really += sum(len(each.body) for each in under_way)
        assert really <= kept.bytes <= most_bytes
        assert len(kept) <= most
    for answer in under_way:
        kept.give(answer.size)
    kept.clear()
    assert kept.bytes == 0


def test_the_oldest_go_first():
    kept = RecentDetails(most=2)
    for id_ in "abc":
        kept.add(detail(kept, id_))
    assert [kept.get(id_) is not None for id_ in "abc"] == [False, True, True]


def test_one_that_is_too_large_drives_no_other_one_out():
    kept = RecentDetails(most_bytes=100_000)
    kept.add(detail(kept, "a"))
    kept.add(detail(kept, "b", bytes(100_001), b"answer"))
    assert (kept.get("a") is not None, kept.get("b")) == (True, None)
    kept.clear()
    assert kept.bytes == 0


def test_of_an_answer_the_beginning_is_kept():
    answer = KeptAnswer(RecentDetails())
    for _ in range(3):
        answer.look((Chunk(b"x" * 100_000),))
    answer.look((Chunk(b"y"),))
    assert (len(answer.body), answer.left_out) == (MOST_OF_A_BODY, 300_001 - MOST_OF_A_BODY)
