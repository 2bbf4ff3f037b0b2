"""A recorded run is sent again to a server, on real sockets: what it gets, and what is told of its answers."""

import json

import pytest
from recorded_calls import END, chat_call, delta, said, streamed, user, written
from stage.answers import answers, chunk, completion, error_body, streams, text_events

from aigw.cli.sources.replay import ReplayOptions, replayed
from aigw.traffic.runs.outcome import changed

KEY = "sk-client-1234567890"


@pytest.fixture
def recordings(tmp_path):
    first, second = user("What is the capital of France?"), user("Hi")
    written(
        tmp_path / "recs",
        (chat_call(first, stream=True), streamed(delta("Paris"), delta("."), *END)),
        (chat_call(second), said("Hello.")),
    )
    return tmp_path / "recs"


async def again(recordings, upstream, **more):
    wanted = ReplayOptions(recordings, f"{upstream.url}/v1", concurrency=1, **more)
    found = await replayed(wanted, {"OPENAI_API_KEY": KEY}, lambda done, total: None)
    return found, [changed(old, new) for old, new in zip(found.old, found.new, strict=True)]


async def test_the_same_answers(provider, recordings):
    upstream = await provider(streams(*text_events("Pa", "ris.")), answers(completion("Hello.")))
    found, changes = await again(recordings, upstream)
    assert changes == [[], []]
    assert [each.answer.text for each in found.new] == [["Paris."], ["Hello."]]
    assert found.new[1].count == 3


async def test_what_the_server_gets(provider, recordings):
    upstream = await provider(streams(*text_events("Paris.")), answers())
    await again(recordings, upstream, model="other")
    first, second = upstream.requests
    assert [each.target for each in (first, second)] == ["/v1/chat/completions"] * 2
    assert first.headers["authorization"] == f"Bearer {KEY}"
    assert [json.loads(each.body)["model"] for each in (first, second)] == ["other"] * 2
    assert json.loads(first.body)["stream_options"] == {"include_usage": True}
    assert "x-aigw-session" not in first.headers


async def test_other_answers(provider, recordings):
    upstream = await provider(streams(*text_events("Lyon.")), answers(error_body("slow down"), 429))
    found, changes = await again(recordings, upstream)
    assert changes == [["text"], ["status"]]
    assert found.new[1].answer.error == "slow down"


async def test_a_stream_that_breaks_off(provider, recordings):
    upstream = await provider(streams(chunk({"content": "Par"}), ends=False), answers(completion("Hello.")))
    found, changes = await again(recordings, upstream)
    assert changes == [["error"], []]
    assert (found.new[0].broken, found.new[0].answer.text) == (True, ["Par"])
