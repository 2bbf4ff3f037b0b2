"""A stream that the gateway itself cut when it stopped: the statistics must not blame the client."""

from __future__ import annotations

import json
import signal

from stage.answers import PATH
from stage.command import aigw, ended, ready
from stage.raw import RawClient, encode

from aigw.books.usage_file import FILE_NAME
from aigw.books.usage_query import read

MOCK = {"tokens": 200, "tokensPerSecond": 5}
BODY = {"model": "mock", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}


async def test_a_stream_that_the_gateway_cut_is_not_the_clients_doing(tmp_path):
    config = {"listen": "127.0.0.1:0", "plugins": {"ai-proxy": {"provider": {"type": "builtin", "mock": MOCK}}}}
    async with aigw(tmp_path, "--grace", "0.2", config=config) as process:
        client = await RawClient.connect(int((await ready(process))["url"].rpartition(":")[2]))
        await client.send(encode("POST", PATH, json.dumps(BODY).encode()))
        await client.head()
        await client.chunk()
        process.send_signal(signal.SIGTERM)
        rest = await client.reader.read()
        await client.close()
        await ended(process)
    (row,) = read(tmp_path / ".aigw" / FILE_NAME)
    assert (row.outcome, row.status) == ("failed", 200), "the client stayed until the end"
    assert b'"error"' in rest, "the client is told why its stream ended"
