"""Many streams at once: each client gets its own events, all of them, in order."""

import asyncio

from stage.answers import DONE, PATH, chunk
from stage.gateway import until
from stage.raw import encode

from aigw.core.layers import Outcome

STREAMS = 200
EVENTS = 200


async def test_none_lost_or_reordered(behind):
    async def script(peer):
        name = (await peer.body()).split(b'"model":"')[1].partition(b'"')[0].decode()
        await peer.begin()
        for number in range(EVENTS):
            await peer.piece(chunk({"content": f"{name}/{number}"}))
            if number % 16 == 0:
                await asyncio.sleep(0)  # the streams take turns
        await peer.piece(chunk({}, "stop") + DONE)
        await peer.end()

    running, upstream = await behind(script, probes=True)

    async def ask(name):
        client = await running.connect()
        await client.send(encode("POST", PATH, b'{"stream":true,"model":"%b","messages":[]}' % name.encode()))
        return await client.answer()

    names = [f"stream-{number}" for number in range(STREAMS)]
    async with asyncio.timeout(50):
        got = await asyncio.gather(*(ask(name) for name in names))
    end = chunk({}, "stop") + DONE
    for name, answer in zip(names, got, strict=True):
        assert answer.body == b"".join(chunk({"content": f"{name}/{number}"}) for number in range(EVENTS)) + end
    await until(lambda: running.outer.ends == running.inner.ends == [Outcome.COMPLETE] * STREAMS)
    assert len(upstream.requests) == STREAMS
