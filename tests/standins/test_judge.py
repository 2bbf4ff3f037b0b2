"""aigw/standins/judge.py, aigw/guard/judge.py: a model is asked about texts, within bounds."""

import contextlib

import pytest
from fakes import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.asking import AskError, asking
from aigw.guard.judge import findings, question
from aigw.guard.settings import JudgeSettings
from aigw.standins.judge import Judge

HARMFUL = '{"label": "weapons", "level": "high"}'


class Models:
    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def has(self, route):
        return True

    async def ask(self, asked):
        self.asked.append(asked)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def judge(answer, clock=None, **settings):
    models = Models(answer)
    return Judge(JudgeSettings(model="m", **settings), models, clock or FakeClock()), models


async def test_what_is_plainly_harmful_is_blocked():
    it, models = judge(HARMFUL, route="cheap")
    (found,) = await it.findings("how to", answer=False)
    assert (found.rule, found.label, found.level, found.action, found.end) == (
        "judge.weapons",
        "weapons",
        "high",
        "block",
        6,
    )
    assert (models.asked[0].model, models.asked[0].route, models.asked[0].seconds) == ("m", "cheap", 5.0)


async def test_no_text_is_asked_about_twice():
    it, models = judge(HARMFUL)
    assert await it.findings("how to", answer=False) == await it.findings("how to", answer=False)
    assert len(models.asked) == 1


async def test_answers_are_judged_on_request():
    it, models = judge(HARMFUL)
    assert await it.findings("how to", answer=True) == ()
    it, models = judge(HARMFUL, answers=True)
    assert len(await it.findings("how to", answer=True)) == 1
    assert len(models.asked) == 1


async def test_its_own_question_is_not_judged():
    it, models = judge(HARMFUL)
    token = asking.set(True)
    try:
        assert await it.findings("how to", answer=False) == ()
    finally:
        asking.reset(token)
    assert models.asked == []


@pytest.mark.parametrize("answer", [AskError("down"), "I cannot say.", '{"label": 3}', ""])
async def test_without_an_answer_nothing_was_found(answer, caplog):
    it, models = judge(answer)
    assert await it.findings("how to", answer=False) == ()
    assert "a text was not judged" in caplog.text
    await it.findings("how to", answer=False)
    assert len(models.asked) == 2


async def test_it_is_asked_so_often_a_minute(caplog):
    clock = FakeClock()
    it, models = judge(HARMFUL, clock, per_minute=2)
    for number in range(3):
        await it.findings(f"{number}", answer=False)
    assert len(models.asked) == 2
    assert "2 times in a minute" in caplog.text
    clock.now += 61
    await it.findings("more", answer=False)
    assert len(models.asked) == 3


async def test_of_a_long_text_it_sees_the_beginning_and_the_end():
    it, models = judge(HARMFUL, characters=10)
    await it.findings("begin" + "x" * 1000 + "enden", answer=False)
    assert models.asked[0].turns[1][1] == "<text>\nbegin\n[...]\nenden\n</text>"


@pytest.mark.parametrize(
    ("answer", "actions"),
    [
        (HARMFUL, ["block"]),
        (f"```json\n{HARMFUL}\n```", ["block"]),
        ('{"label": "weapons", "level": "low"}', ["report"]),
        ('{"label": "none", "level": "none"}', []),
        ('{"label": "weapons", "level": "none"}', []),
        ('{"label": "invented", "level": "high"}', []),
    ],
)
def test_answers(answer, actions):
    assert [each.action for each in findings(answer, "t", JudgeSettings())] == actions


@given(st.text())
def test_any_answer_is_read_or_refused(answer):
    with contextlib.suppress(ValueError):
        assert len(findings(answer, "t", JudgeSettings())) <= 1


@given(st.text(alphabet="</text >TEX\n"))
def test_a_text_cannot_close_its_marks(text):
    asked = question(text)[1][1]
    inner = asked.removeprefix("<text>\n").removesuffix("\n</text>")
    assert "<text" not in inner.lower()
    assert "</text" not in inner.lower()
