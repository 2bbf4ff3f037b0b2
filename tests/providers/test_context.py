"""The context file: one fetch, whoever waits for it."""

import asyncio

import pytest
from fakes import Answer, FakeUpstream, make_env

from aigw.config.services import ServiceTable
from aigw.core.errors import ConfigError, GatewayError, UpstreamError, UpstreamFault
from aigw.providers.config import ContextFile
from aigw.providers.context import ContextText

FILE = ContextFile("http://files.local/ctx.txt", "files.dns")
GONE = Answer(error=UpstreamError(UpstreamFault.CONNECT, "refused"))


class SlowUpstream(FakeUpstream):
    """Answers when it is let go."""

    def __init__(self, *script):
        super().__init__(*script)
        self.asked, self.go = asyncio.Event(), asyncio.Event()
        self.count = 0

    async def send(self, request, target):
        self.count += 1
        self.asked.set()
        await self.go.wait()
        return await super().send(request, target)


async def waiting(context, upstream, count):
    tasks = [asyncio.create_task(context.text()) for _ in range(count)]
    await upstream.asked.wait()
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_all_who_wait_get_the_failure_of_one_fetch():
    upstream = SlowUpstream(GONE, Answer(pieces=[b"CTX"]))
    context = ContextText(FILE, timeout=5, env=make_env(upstream))
    tasks = await waiting(context, upstream, 4)
    upstream.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [GatewayError] * 4
    assert upstream.count == 1
    assert await context.text() == "CTX", "the next request tries again"


async def test_one_who_leaves_does_not_take_the_file_from_the_others():
    upstream = SlowUpstream(Answer(pieces=[b"CTX"]))
    context = ContextText(FILE, timeout=5, env=make_env(upstream))
    first, second = await waiting(context, upstream, 2)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    upstream.go.set()
    assert await second == "CTX"
    assert await context.text() == "CTX"
    assert upstream.count == 1


async def test_a_failure_that_nobody_waits_for_is_not_left_over():
    upstream = SlowUpstream(GONE)
    context = ContextText(FILE, timeout=5, env=make_env(upstream))
    (only,) = await waiting(context, upstream, 1)
    only.cancel()
    await asyncio.gather(only, return_exceptions=True)
    upstream.go.set()
    with pytest.raises(GatewayError):
        await context.text()


async def test_a_server_that_hangs_is_given_up():
    context = ContextText(FILE, timeout=0.01, env=make_env(SlowUpstream()))
    with pytest.raises(GatewayError, match=r"no answer within 0.01 s"):
        await context.text()


@pytest.mark.parametrize("url", ["ftp://x/y", "ctx/y", "http://", "http://a:bc/", "http://[::", "http://u:secret@a b/"])
def test_what_is_no_url_is_found_at_the_start_without_its_password(url):
    with pytest.raises(ValueError, match=r"\S") as caught:
        ContextText(ContextFile(url, "s"), timeout=1, env=make_env(FakeUpstream()))
    assert "secret" not in str(caught.value)


def test_a_mapping_that_is_not_http_is_named_at_the_start():
    env = make_env(FakeUpstream(), services=ServiceTable({"files.local": "redis://127.0.0.1"}))
    with pytest.raises(ConfigError, match=r"services\.files\.local"):
        ContextText(FILE, timeout=1, env=env)
