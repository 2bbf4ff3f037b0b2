"""`--framing` and `--faults`: what a client gets of a replay that is written in another way, or fails."""

import asyncio
import json

import pytest
from openai import APIError, InternalServerError, RateLimitError
from stage.answers import CHAT, PATH, answers, completion, streams, text_events
from stage.gateway import proxied
from stage.raw import encode
from stage.wires import MESSAGES

from aigw.server.framing import Framing
from aigw.traffic.recordings import Recordings
from aigw.traffic.replay.faults import parsed
from aigw.traffic.settings import RecordSettings

TEXTS = ("Grüß ", "Gott 你好 ", "🎉")
STREAM = text_events(*TEXTS)
STREAMED = {**CHAT, "stream": True}


@pytest.fixture
def replay(tmp_path, provider, gateway):
    """Records a plain answer and a stream, then starts a gateway that replays them."""

    async def start(framing="", faults="", seed=0, config=None):
        upstream = await provider(answers(completion("".join(TEXTS))), streams(*STREAM))
        recordings = Recordings(RecordSettings(mode="record"), tmp_path / "recs")
        recorder = await gateway(proxied(upstream.url), around=recordings.around)
        for body in (CHAT, STREAMED):
            await recorder.request("POST", PATH, json.dumps(body).encode())
        await asyncio.to_thread(recordings.close)
        strikes = parsed(faults, seed) if faults else None
        player = Recordings(RecordSettings(mode="replay"), tmp_path / "recs", faults=strikes)
        framed = Framing(framing) if framing else None
        return await gateway(config or proxied(upstream.url), around=player.around, framing=framed)

    return start


async def chunks(running, body):
    """The chunks of the HTTP body: what was one write of the gateway."""
    client = await running.connect()
    await client.send(encode("POST", PATH, json.dumps(body).encode()))
    status, headers = await client.head()
    assert (status, "content-length" in headers) == (200, False)
    found = []
    while piece := await client.chunk():
        found.append(piece)
    await client.close()
    return found


async def text_by_sdk(running):
    stream = await running.sdk().chat.completions.create(**STREAMED)
    return "".join([event.choices[0].delta.content or "" async for event in stream if event.choices])


async def test_one_byte_a_write(replay):
    running = await replay("bytes")
    assert await chunks(running, STREAMED) == [bytes([each]) for each in b"".join(STREAM)]
    assert await chunks(running, CHAT) == [bytes([each]) for each in completion("".join(TEXTS))]


async def test_all_in_one_write(replay):
    assert await chunks(await replay("coalesced"), STREAMED) == [b"".join(STREAM)]


async def test_characters_are_split(replay):
    writes = await chunks(await replay("utf8"), STREAMED)
    assert b"".join(writes) == b"".join(STREAM)
    assert sum(write[0] in range(0x80, 0xC0) for write in writes) == len("".join(TEXTS).encode()) - len("".join(TEXTS))


@pytest.mark.parametrize("framing", ["bytes", "utf8", "coalesced", "crlf", "crlf,bytes", "stall@2:0.01"])
async def test_an_sdk_notices_nothing(replay, framing):
    running = await replay(framing)
    assert await text_by_sdk(running) == "".join(TEXTS)
    answer = await running.sdk().chat.completions.create(**CHAT)
    assert answer.choices[0].message.content == "".join(TEXTS)


async def test_other_clients_notice_nothing(replay):
    running = await replay("crlf,bytes")
    http = running.sdk()._client
    async with http.stream("POST", f"{running.url}{PATH}", json=STREAMED) as response:
        lines = [line async for line in response.aiter_lines()]
    assert lines == b"".join(STREAM).decode().split("\n")[:-1]


async def test_a_stream_without_its_end(replay):
    running = await replay("cut")
    assert b"".join(await chunks(running, STREAMED)) == b"".join(STREAM[:-1])
    assert await text_by_sdk(running) == "".join(TEXTS)


async def test_a_stream_stalls_until_its_client_leaves(replay):
    running = await replay("stall@2")
    client = await running.connect()
    await client.send(encode("POST", PATH, json.dumps(STREAMED).encode()))
    await client.head()
    assert await client.chunk() == STREAM[0]
    rest = asyncio.ensure_future(client.reader.read(1))
    await asyncio.wait([rest], timeout=0.05)
    assert not rest.done()
    rest.cancel()
    await client.close()  # the fixture holds that no task of the gateway is left


async def test_a_client_that_waits_long_enough_gets_all(replay):
    running = await replay("stall@99:0.01,bytes")
    assert b"".join(await chunks(running, STREAMED)) == b"".join(STREAM)


async def test_faults_are_errors_that_an_sdk_knows(replay):
    running = await replay(faults="429:1")
    with pytest.raises(RateLimitError) as caught:
        await running.sdk().chat.completions.create(**CHAT)
    assert caught.value.code == "rate_limit_exceeded"
    assert "x-should-retry" not in caught.value.response.headers


async def test_faults_are_in_the_format_of_the_caller(replay):
    running = await replay(faults="429:1", config=MESSAGES.config("http://127.0.0.1:9", {}))
    answer = await running.request("POST", MESSAGES.path, json.dumps(MESSAGES.body()).encode())
    assert (answer.status, answer.json()["error"]["type"]) == (429, "rate_limit_error")


async def test_an_sdk_that_tries_again_gets_the_answer(replay):
    running = await replay(faults="500:0.5", seed=3)
    sdk = running.sdk(max_retries=0)
    outcomes = []
    for _ in range(12):
        try:
            outcomes.append((await sdk.chat.completions.create(**CHAT)).choices[0].message.content)
        except InternalServerError as error:
            outcomes.append(error.status_code)
    assert set(outcomes) == {500, "".join(TEXTS)}
    answer = await running.sdk(max_retries=9).chat.completions.create(**CHAT)
    assert answer.choices[0].message.content == "".join(TEXTS)


async def test_an_answer_breaks_off(replay):
    running = await replay(faults="cut:1")
    with pytest.raises(APIError, match="a fault of --faults"):
        await text_by_sdk(running)
    with pytest.raises(APIError, match="a fault of --faults"):
        await running.sdk().chat.completions.create(**CHAT)
