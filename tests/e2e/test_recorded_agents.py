"""Agents with tools, recorded and replayed: loops, conversations at the same time, and what changed since."""

import asyncio
import itertools
import json
import random

import openai
import pytest
from stage.agent import SYSTEM, agent, model, page_of
from stage.answers import PATH
from stage.taped import CLOSED, without_misses

from aigw.traffic.format.folder import Folder
from aigw.traffic.matching.identity import recorded
from aigw.traffic.runs.lint import RunCall, lint
from aigw.traffic.volatility.rules import Rules, VolatileConfig

STEPS = 20
RUNS = 100
GOAL = "Read the book."


async def answers_to(running, bodies, **headers):
    """Sends bodies one after the other on one connection. Returns what came back."""
    client = await running.connect()
    return [(await client.request("POST", PATH, body, **headers)).body for body in bodies]


async def test_a_loop_of_many_steps_is_replayed_a_hundred_times(provider, taped):
    upstream = await provider(model(STEPS))
    running = await taped("record", upstream.url)
    said = await agent(running.sdk(), GOAL)
    bodies = [request.body for request in upstream.requests]
    assert len(bodies) == STEPS + 1
    recordings = [recording for _, recording in await taped.written(running)]
    assert {recording.session.number for recording in recordings} == {1}
    before = [b"".join(piece.encode() for _, piece in recording.pieces) for recording in recordings]
    running = await taped("replay", CLOSED)
    for _ in range(RUNS):
        assert await answers_to(running, bodies) == before
    assert without_misses(running.recordings.report) == RUNS * len(bodies)
    for _ in range(2):  # a gateway that begins anew, and the agent itself
        running = await taped("replay", CLOSED, strict=True)
        assert await agent(running.sdk(), GOAL) == said
        assert without_misses(running.recordings.report) == len(bodies)
    assert len(upstream.requests) == len(bodies)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
async def test_agents_at_the_same_time_get_their_own_answers(provider, taped, stream, named):
    """They have the same goal, so that only what was answered before tells them apart."""
    upstream = await provider(model(3, at_once=2, gap=lambda: asyncio.sleep(0)))
    running = await taped("record", upstream.url)
    before = await at_once(running, 4, stream=stream, named=named)
    recordings = [recording for _, recording in await taped.written(running)]
    assert [recording.session.position for recording in recordings] == [1, 2, 3, 4] * 4
    running = await taped("replay", CLOSED)
    after = await at_once(running, 4, stream=stream, named=named)
    again = await at_once(running, 4, stream=stream, named=named, order=(2, 0, 3, 1))
    if not named:  # who comes first may be another one
        before, after, again = (sorted(map(json.dumps, each)) for each in (before, after, again))
    assert before == after == again
    assert without_misses(running.recordings.report) == 2 * len(upstream.requests)


async def at_once(running, count, *, stream, named, order=None):
    """Runs agents that take turns in each step, in the `order` of their numbers. Returns the messages of each."""
    order = itertools.cycle(order or range(count))
    turn, current = asyncio.Condition(), next(order)

    async def wait(number):
        nonlocal current
        async with turn:
            await turn.wait_for(lambda: current == number)
            current = next(order)
            turn.notify_all()

    def started(number):
        client = running.sdk(default_headers={"x-aigw-session": f"agent-{number}"} if named else {})
        return agent(client, GOAL, stream=stream, between=lambda: wait(number))

    async with asyncio.timeout(30):
        return await asyncio.gather(*map(started, range(count)))


@pytest.mark.parametrize("seed", range(3))
async def test_agents_that_overtake_each_other_get_their_own_answers(provider, taped, seed):
    """Nobody names them, and their steps and events come in any order."""
    drawn = random.Random(seed)

    async def gap():
        for _ in range(drawn.randrange(9)):
            await asyncio.sleep(0)

    async def several(running):
        runs = (agent(running.sdk(), GOAL, stream=seed % 2 == 0, between=gap) for _ in range(6))
        return sorted(map(json.dumps, await asyncio.gather(*runs)))

    upstream = await provider(model(4, at_once=1 + seed % 2, gap=gap))
    running = await taped("record", upstream.url)
    before = await several(running)
    recordings = [recording for _, recording in await taped.written(running)]
    assert [recording.session.position for recording in recordings] == [1, 2, 3, 4, 5] * 6
    for settings in ({}, {"strict": True}, {"match": "sequence", "max_divergence": 0}):
        running = await taped("replay", CLOSED, **settings)
        assert await several(running) == before
        assert without_misses(running.recordings.report) == len(upstream.requests)
    assert running.recordings.report.diverged == []


async def test_one_word_of_a_prompt_is_a_miss_that_names_it(provider, taped):
    upstream = await provider(model(2))
    running = await taped("record", upstream.url)
    await agent(running.sdk(), GOAL)
    await taped.written(running)
    running = await taped("replay", CLOSED)
    with pytest.raises(openai.NotFoundError) as caught:
        await agent(running.sdk(max_retries=2), GOAL, system=SYSTEM.replace("every", "each"))
    assert "001-01-chat.json" in caught.value.message
    assert (
        'messages[0].content: "... an agent. Look at every..." -> "... an agent. Look at each' in caught.value.message
    )
    (missed,) = running.recordings.report.missed  # the SDK did not try again
    assert missed.text == caught.value.body["message"]


async def test_a_clock_in_a_tool_result_is_found_and_declared(provider, taped, tmp_path):
    """Its time is written as no built-in rule knows it. The rule that lint proposes lets every run pass."""
    first, second, third = (
        lambda page, at=at: f"{page_of(page)} (It was {at} then.)"
        for at in ("Thu Nov 19 10:22:03 2026", "Fri Nov 20 08:01:59 2026", "Mon Dec 21 23:59:00 2026")
    )
    upstream = await provider(model(2))
    runs = []
    for folder, tool in ((taped.folder, first), (Folder(tmp_path / "again"), second)):
        running = await taped("record", upstream.url, folder=folder)
        await agent(running.sdk(), GOAL, tool=tool)
        runs.append([_call(recording) for _, recording in await taped.written(running)])
    running = await taped("replay", CLOSED)
    with pytest.raises(openai.NotFoundError):
        await agent(running.sdk(), GOAL, tool=second)
    found = lint(*runs)
    assert (found.same, found.different) == (1, 2)
    accepted = VolatileConfig(rules=[found.varying[0].rule])
    running = await taped("replay", CLOSED, volatile=accepted)
    for tool in (first, second, third):
        await agent(running.sdk(), GOAL, tool=tool)
    assert without_misses(running.recordings.report) == 9


def _call(recording):
    rules = Rules.of(VolatileConfig(), folder="/", home="/")
    return RunCall(recording.session.number, recording.session.position, recorded(recording, rules).value)
