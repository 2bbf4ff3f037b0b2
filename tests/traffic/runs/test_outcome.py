"""What of an answer counts as a change, and what does not."""

import pytest
from msgspec.structs import replace

from aigw.core.tokens import Tokens
from aigw.traffic.format.recording import Call, Folded
from aigw.traffic.runs.outcome import Outcome, changed, figures, tokens_of


def answer(text="Hi", *calls, finish="stop", **fields):
    named = [Call(name=name, arguments=arguments, id=id) for name, arguments, id in calls]
    return Outcome(**{"status": 200, "answer": Folded(text=text.split("\n"), calls=named, finish=finish), **fields})


CALL = ("weather", '{"city": "Rome", "days": 1}', "call_1")
SAME = [
    (answer(ms=10, usd=0.1, tokens=Tokens(input=3, output=4)), answer(ms=900)),
    (answer("", CALL), answer("", ("weather", '{"days":1,"city":"Rome"}', "call_2"))),
    (answer(status=500), answer("other", status=500)),
    (answer(left=True), answer("more than was read")),
]


@pytest.mark.parametrize(("old", "new"), SAME)
def test_what_is_the_same(old, new):
    assert changed(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (answer(), answer(status=429), ["status"]),
        (answer(), answer(broken=True), ["error"]),
        (answer(), replace(answer(), answer=Folded(text=["Hi"], finish="stop", error="overloaded")), ["error"]),
        (answer(), answer("Hello"), ["text"]),
        (answer("", CALL), answer("", ("weather", '{"city": "Oslo", "days": 1}', "call_1")), ["calls"]),
        (answer("", CALL), answer("", ("weather", '{"city": ', "call_1")), ["calls"]),
        (answer("", CALL), answer("So"), ["text", "calls"]),
        (answer(), answer(finish="length"), ["finish"]),
        (Outcome(status=200, digest="a"), Outcome(status=200, digest="b"), ["body"]),
    ],
)
def test_what_is_another_answer(old, new, what):
    assert changed(old, new) == changed(new, old) == what


def test_figures_tell_what_is_known():
    found = figures(
        [
            answer(ms=10, usd=0.25, tokens=Tokens(input=3, cache_read=2, output=4)),
            answer(ms=30),
            answer(ms=20, usd=0.5, status=500),
        ]
    )
    assert found == (3, 1, 9, 0.75, 1, 20)
    assert figures([answer()]).cost is None
    assert figures([]) == (0, 0, 0, 0, 0, 0)


def test_tokens_of_a_recording():
    assert tokens_of({}) == Tokens()
    assert tokens_of({"input": 3, "what": 9}) == Tokens(input=3, source="reported")
