"""Probes of tokens that are out of use: they go on whatever one of them meets."""

import asyncio
from dataclasses import replace

import msgspec
from fakes import Answer, FakeUpstream, answer_json, make_env

from aigw.providers.bound import BoundProvider
from aigw.providers.config import ProviderConfig
from aigw.providers.health import probe

FAILOVER = {"enabled": True, "failureThreshold": 1, "healthCheckModel": "m"}


async def probing(failover, *script, rounds):
    """A provider whose only token is out of use, after so many rounds of probes; and how long each pause was."""
    upstream, pauses, done = FakeUpstream(*script), [], asyncio.Event()

    async def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) > rounds:
            done.set()
            await asyncio.Event().wait()

    env = replace(make_env(upstream), sleep=sleep)
    config = {"type": "openai", "apiTokens": ["t"], "failover": failover}
    provider = BoundProvider(msgspec.convert(config, ProviderConfig), env)
    provider.tokens.report("t", 500)
    task = asyncio.create_task(probe(provider, env))
    waiting = asyncio.create_task(done.wait())
    await asyncio.wait([task, waiting], timeout=5, return_when=asyncio.FIRST_COMPLETED)
    assert not task.done(), "the probe has ended"
    waiting.cancel()
    task.cancel()
    await asyncio.gather(task, waiting, return_exceptions=True)
    return provider, pauses


async def test_a_probe_that_is_answered_brings_the_token_back():
    provider, _ = await probing(FAILOVER, answer_json({}, 401), answer_json({}), rounds=1)
    assert provider.tokens.removed == ("t",)
    provider, _ = await probing(FAILOVER, answer_json({}, 401), answer_json({}), rounds=2)
    assert provider.tokens.removed == ()


async def test_a_bug_in_one_probe_is_logged_and_does_not_end_them(caplog):
    provider, _ = await probing(FAILOVER, Answer(error=ZeroDivisionError("bug")), answer_json({}), rounds=2)
    assert provider.tokens.removed == ()
    assert "openai" in caplog.text and "ZeroDivisionError" in caplog.text


async def test_an_interval_of_0_is_the_default():
    _, pauses = await probing({**FAILOVER, "healthCheckInterval": 0}, answer_json({}, 401), rounds=1)
    assert pauses == [5, 5]
