"""What is large does not hold up what is small, and is treated as what is small."""

import asyncio
import gc
import gzip
import json
import threading

from stage.answers import PATH, answers, completion, streams, text_events
from stage.gateway import proxied

from aigw.core.aside import aside
from aigw.core.exchange import Exchange
from aigw.core.pace import LARGE

SECONDS = 5.0
PLUGINS = {
    "ai-statistics": {},
    "ai-cache": {"cache": {"type": "redis", "serviceName": "redis.static"}},
    "ai-budget": {"budgets": [{"name": "all", "tokens": 10**12}], "repetition": {"tool_calls": 3}},
}


def ask(running, *messages, **more):
    body = {"model": "gpt-4o", "messages": messages, **more}
    return running.request("POST", PATH, json.dumps(body).encode(), content_type="application/json")


def turn(text):
    return {"role": "user", "content": text}


def calls(*paths):
    """A conversation in which these files were looked at, one after another."""
    for number, path in enumerate(paths):
        call = {"name": "look", "arguments": json.dumps({"path": path})}
        yield {"role": "assistant", "tool_calls": [{"id": f"c{number}", "type": "function", "function": call}]}
        yield {"role": "tool", "tool_call_id": f"c{number}", "content": "x" * 400}


async def busy():
    """Keeps the thread for what is large busy until the event that it returns."""
    begun, go_on = threading.Event(), threading.Event()

    def job():
        begun.set()
        assert go_on.wait(SECONDS)

    before = asyncio.create_task(aside(LARGE + 1, job))
    assert await asyncio.to_thread(begun.wait, SECONDS)
    return before, go_on


async def test_a_small_request_is_answered_while_a_large_one_is_in_the_works(provider, gateway, tmp_path):
    upstream = await provider(*[answers(completion(text)) for text in ("small", "large", "tools")])
    config = proxied(upstream.url)
    config["plugins"] |= PLUGINS
    running = await gateway(config, keeps=True, folder=tmp_path)
    before, go_on = await busy()
    many = [turn("x" * 400)] * (LARGE // 400)
    large = asyncio.create_task(ask(running, *many))
    small = await ask(running, turn("Hello!"))
    assert b"small" in small.body and not large.done()
    go_on.set()
    await before
    answer = await large
    assert b"large" in answer.body and answer.headers["x-aigw-cache"].startswith("miss")

    again = await ask(running, *many)
    assert b"large" in again.body and again.headers["x-aigw-cache"].startswith("hit")
    paths = [f"file {number}" for number in range(LARGE // 400)]
    assert b"tools" in (await ask(running, turn("Look!"), *calls(*paths))).body
    looping = await ask(running, turn("Look!"), *calls(*paths, "a", "a", "a"))
    assert looping.status == 403 and b"was made 3 times" in looping.body


async def test_a_small_request_is_answered_while_a_large_event_is_in_the_works(provider, gateway, tmp_path):
    sent = b"".join(text_events("a", "x" * 2 * LARGE, "b"))
    asked = asyncio.Event()

    async def says_much(peer):
        asked.set()
        await streams(sent)(peer)

    upstream = await provider(says_much, answers(completion("small")))
    config = proxied(upstream.url)
    config["plugins"] |= PLUGINS
    running = await gateway(config, keeps=True, folder=tmp_path)
    before, go_on = await busy()
    large = asyncio.create_task(ask(running, turn("Say much."), stream=True))
    await asked.wait()
    small = await ask(running, turn("Hello!"))
    assert b"small" in small.body and not large.done()
    go_on.set()
    await before
    assert (await large).body == sent
    again = await ask(running, turn("Say much."), stream=True)
    assert again.body == sent and again.headers["x-aigw-cache"].startswith("hit")


async def test_a_small_request_is_answered_while_a_large_answer_is_decoded(provider, gateway):
    """Each piece of it is small."""
    coded = gzip.compress(completion("x" * 2 * LARGE), mtime=0)
    asked = asyncio.Event()

    async def says_much(peer):
        asked.set()
        await answers(coded, headers={"Content-Encoding": "gzip"})(peer)

    upstream = await provider(says_much, answers(completion("small")))
    running = await gateway(proxied(upstream.url))
    before, go_on = await busy()
    large = asyncio.create_task(ask(running, turn("Say much.")))
    await asked.wait()
    small = await ask(running, turn("Hello!"))
    assert b"small" in small.body and not large.done()
    go_on.set()
    await before
    assert (await large).body == coded


async def test_a_connection_that_is_kept_holds_no_request(behind):
    running, _ = await behind(answers())
    mark = "the first of its connection"
    assert (await ask(running, turn(mark))).status == 200
    assert running.upstream.open_connections == 1
    gc.collect()
    exchanges = [each for each in gc.get_objects() if isinstance(each, Exchange)]
    assert [each.id for each in exchanges if mark.encode() in each.original.body] == []
