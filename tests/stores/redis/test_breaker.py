"""After a failure nobody waits: a probe in the background says when it is over."""

import asyncio
import logging

from aigw.stores.redis.breaker import Breaker


class Server:
    """Gives these answers to probes; the last one stays."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.probed = 0
        self.well = asyncio.Event()

    async def probe(self):
        self.probed += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not answer:
            self.well.set()
        return answer


async def closed(breaker, server):
    async with asyncio.timeout(10):
        await server.well.wait()
        while breaker.problem:  # noqa: ASYNC110 - it takes the answer in its next step
            await asyncio.sleep(0)
    await breaker.aclose()


async def test_one_probe_that_succeeds_closes_it_without_a_word(caplog):
    server = Server("")
    breaker = Breaker("redis", server.probe)
    breaker.trip("reset")
    assert (breaker.problem, server.probed) == ("reset", 0)
    await closed(breaker, server)
    assert (server.probed, caplog.messages) == (1, [])


async def test_what_lasts_is_told_once_and_so_is_its_end(caplog):
    server = Server("is down", "is loading", "")
    breaker = Breaker("redis", server.probe)
    with caplog.at_level(logging.WARNING):
        breaker.trip("reset")
        await closed(breaker, server)
    assert caplog.messages == ["redis cannot be used: is down", "redis can be used again"]
    assert server.probed == 3


async def test_failures_while_it_is_open_start_no_other_probe():
    server = Server("")
    breaker = Breaker("redis", server.probe)
    for problem in ("one", "two"):
        breaker.trip(problem)
    assert breaker.problem == "two"
    await closed(breaker, server)
    assert server.probed == 1
    breaker.trip("again")
    server.well.clear()
    await closed(breaker, server)
    assert server.probed == 2


async def test_closing_ends_the_probes():
    server = Server("is down")
    breaker = Breaker("redis", server.probe)
    breaker.trip("reset")
    before = asyncio.all_tasks()
    await breaker.aclose()
    assert len(asyncio.all_tasks()) == len(before) - 1
    await Breaker("never tripped", server.probe).aclose()
