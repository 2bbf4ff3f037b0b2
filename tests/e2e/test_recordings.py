"""Recording at the door, and replaying from a folder, in a gateway that runs."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest
from openai import NotFoundError
from stage.answers import CHAT, PATH, answers, chunk, completion, streams, text_events
from stage.gateway import proxied
from stage.raw import encode
from stage.taped import CLOSED, without_misses

from aigw.traffic.format.folder import Folder
from aigw.traffic.replay.used import read
from aigw.traffic.volatility.rules import VolatileConfig
from aigw.upstream.no_network import ClosedUpstream


def say(text, *before, **fields):
    messages = [{"role": ("user", "assistant")[n % 2], "content": each} for n, each in enumerate((*before, text))]
    return {"model": "gpt-4o", "messages": messages, **fields}


async def post(running, body, path=PATH, **headers):
    return await running.request("POST", path, json.dumps(body).encode(), content_type="application/json", **headers)


async def recorded(taped, upstream, *bodies, here=None, **headers):
    running = await taped("record", upstream.url, here=here)
    got = [await post(running, body, **headers) for body in bodies]
    await asyncio.to_thread(running.recordings.close)
    return [(each.status, each.body) for each in got]


async def replayed(running, *bodies):
    return [((got := await post(running, body)).status, got.body) for body in bodies]


async def test_an_answer_is_replayed_byte_for_byte_and_nothing_goes_upstream(provider, taped):
    pieces = [
        *text_events("Hi", " there"),
    ]
    upstream = await provider(streams(*pieces), answers(completion("plain")))
    bodies = [{**CHAT, "stream": True}, CHAT]
    before = await recorded(taped, upstream, *bodies)
    running = await taped("replay", CLOSED)
    assert await replayed(running, *bodies, *bodies) == before * 2
    assert len(upstream.requests) == 2


async def test_failures_are_replayed_too(provider, taped):
    quota = json.dumps({"error": {"message": "You exceeded your quota", "type": "insufficient_quota"}}).encode()
    upstream = await provider(answers(quota, 429, {"retry-after": "7"}), streams(chunk({"content": "Hi"}), ends=False))
    bodies = [CHAT, {**CHAT, "stream": True}]
    before = await recorded(taped, upstream, *bodies)
    assert [status for status, _ in before] == [429, 200]
    assert b"error" in before[1][1]
    running = await taped("replay", CLOSED)
    assert [status for status, _ in await replayed(running, *bodies)] == [429, 200]
    assert (await post(running, CHAT)).headers["retry-after"] == "7"


async def test_a_miss_names_the_difference_and_is_final(provider, taped):
    upstream = await provider(answers(completion("yo")))
    await recorded(taped, upstream, say("Look at CASE-1, please"))
    running = await taped("replay", CLOSED)
    with pytest.raises(NotFoundError) as caught:
        await running.sdk(max_retries=3).chat.completions.create(**say("Look at CASE-2, please"))
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert caught.value.code == "no_recording"
    for part in ("001-01-chat.json", "messages[0].content", "CASE-1", "CASE-2"):
        assert part in caught.value.message
    assert [missed.text for missed in running.recordings.report.missed] == [caught.value.body["message"]]


async def test_a_miss_tells_no_secret(provider, taped):
    upstream = await provider(answers(completion("yo")))
    await recorded(taped, upstream, say("Look at the door"))
    running = await taped("replay", CLOSED)
    missed = await post(running, say("Look at open-sesame"))
    assert b"Look at ***" in missed.body
    assert b"sesame" not in missed.body
    assert "sesame" not in running.recordings.report.missed[0].text


async def test_auto_replays_what_is_known_and_records_the_rest(provider, taped):
    upstream = await provider(answers(completion("one")), answers(completion("two")))
    await recorded(taped, upstream, say("one"))
    running = await taped("auto", upstream.url)
    got = await replayed(running, say("one"), say("two"))
    assert [json.loads(body)["choices"][0]["message"]["content"] for _, body in got] == ["one", "two"]
    await asyncio.to_thread(running.recordings.close)
    assert len(upstream.requests) == 2
    assert [entry.name for entry in Folder(running.recordings.path).entries()] == [
        "001-01-chat.json",
        "002-01-chat.json",
    ]


async def test_refresh_records_in_the_same_files(provider, taped):
    upstream = await provider(*(answers(completion(text)) for text in ("old", "kept", "new")))
    await recorded(taped, upstream, say("one"), say("two"))
    running = await taped("refresh", upstream.url)
    await post(running, say("one"))
    await asyncio.to_thread(running.recordings.close)
    folder = Folder(running.recordings.path)
    assert [folder.read(entry.name).answer.text for entry in folder.entries()] == [["new"], ["kept"]]


async def test_refresh_in_sequence_takes_the_place_of_another_request(provider, taped):
    upstream = await provider(*(answers(completion(text)) for text in ("old", "new")))
    await recorded(taped, upstream, say("one"))
    running = await taped("refresh", upstream.url, match="sequence")
    await post(running, say("another"))
    await asyncio.to_thread(running.recordings.close)
    folder = Folder(running.recordings.path)
    assert [(entry.name, folder.read(entry.name).answer.text) for entry in folder.entries()] == [
        ("001-01-chat.json", ["new"])
    ]
    assert running.recordings.report.diverged == []


async def test_two_conversations_at_once_get_their_own_answers(provider, taped):
    """They ask the same, and are answered differently each time."""
    upstream = await provider(*(answers(completion(text)) for text in ("a1", "b1", "b2", "a2")))
    asked = [say("go"), say("go"), say("on", "go", "b1"), say("on", "go", "a1")]
    before = await recorded(taped, upstream, *asked)
    running = await taped("replay", CLOSED)
    for _ in range(3):
        assert await replayed(running, *asked) == before
    assert await replayed(running, say("go"), asked[3], say("go"), asked[2]) == [before[n] for n in (0, 3, 1, 2)]


async def test_steps_of_a_loop_with_the_same_question_keep_their_order(provider, taped):
    """As of an agent that asks for a state until it is done."""
    upstream = await provider(*(answers(completion(text)) for text in ("pending", "pending", "done")))
    before = await recorded(taped, upstream, *[say("state?")] * 3, x_aigw_session="s")
    running = await taped("replay", CLOSED)
    got = [await post(running, say("state?"), x_aigw_session="another") for _ in range(4)]
    assert [(each.status, each.body) for each in got] == [*before, before[-1]]


async def test_what_comes_more_often_is_a_miss_where_it_is_strict(provider, taped):
    upstream = await provider(answers(completion("once")))
    await recorded(taped, upstream, say("go"))
    running = await taped("replay", CLOSED, strict=True)
    assert [status for status, _ in await replayed(running, say("go"), say("go"))] == [200, 404]


async def test_in_sequence_the_nth_call_gets_the_nth_answer(provider, taped):
    upstream = await provider(*(answers(completion(text)) for text in ("a", "b")))
    before = await recorded(taped, upstream, say("go"), say("on", "go", "a"))
    edited = [say("Please go"), say("on", "Please go", "a")]
    running = await taped("replay", CLOSED, match="sequence", max_divergence=1)
    (first, second) = await replayed(running, *edited)
    assert first == before[0]
    assert second[0] == 404
    assert b"Of a sequence at most 1 call may differ, and 1 did (max_divergence)." in second[1]
    assert len(running.recordings.report.diverged) == 1
    lenient = await taped("replay", CLOSED, match="sequence")
    assert await replayed(lenient, *edited) == before
    assert ["messages[0].content" in each.text for each in lenient.recordings.report.diverged] == [True, True]


async def test_auto_in_sequence_records_a_call_more_once(provider, taped):
    upstream = await provider(*(answers(completion(text)) for text in ("a", "b")))
    asked = [say("go"), say("on", "go", "a")]
    await recorded(taped, upstream, asked[0])
    for _ in range(2):
        running = await taped("auto", upstream.url, match="sequence")
        assert [status for status, _ in await replayed(running, *asked)] == [200, 200]
        await asyncio.to_thread(running.recordings.close)
    assert (len(upstream.requests), running.recordings.report.hits) == (2, 2)


async def test_a_request_with_a_key_finds_its_recording_that_has_none(provider, taped):
    upstream = await provider(answers(completion("never say sk-proj-abcdefghijklmnop")))
    asked = say("is sk-proj-abcdefghijklmnop mine?")
    await recorded(taped, upstream, asked)
    text = ((await taped("replay", CLOSED)).recordings.path / "001-01-chat.json").read_text()
    assert "abcdefgh" not in text and "sk-provider" not in text
    for volatile in ({}, {"rules": [{"pointer": "/seed"}]}):
        running = await taped("replay", CLOSED, volatile=_volatile(volatile))
        ((status, body),) = await replayed(running, asked)
        assert (status, b"abcdefgh" in body) == (200, False)


def _volatile(rules):
    return msgspec.convert(rules, VolatileConfig)


async def test_what_varies_by_a_rule_of_the_user_makes_no_other_request(provider, taped):
    upstream = await provider(answers(completion("yo")))
    await recorded(taped, upstream, say("go", seed=1))
    running = await taped("replay", CLOSED, volatile=_volatile({"rules": [{"pointer": "/seed"}]}))
    strict = await taped("replay", CLOSED)
    assert [status for status, _ in await replayed(running, say("go", seed=2))] == [200]
    assert [status for status, _ in await replayed(strict, say("go", seed=2))] == [404]


async def test_a_damaged_recording_is_named_and_counts_as_a_miss(provider, taped):
    upstream = await provider(answers(completion("x" * 300_000)))
    await recorded(taped, upstream, CHAT)
    running = await taped("replay", CLOSED)
    (running.recordings.path / "001-01-chat.answer.bin").write_bytes(b"something else")
    got = await post(running, CHAT)
    assert (got.status, b"is not the file that was recorded" in got.body) == (500, True)
    assert got.headers["x-should-retry"] == "false"
    assert len(running.recordings.report.missed) == 1


async def test_another_machine_has_other_folders(provider, taped):
    upstream = await provider(answers(completion("yo")))
    here, there = Path("/home/me/project"), Path("/builds/7/project")
    await recorded(taped, upstream, say(f"read {here}/a.txt"), here=here)
    for volatile in ({}, {"rules": [{"pointer": "/seed"}]}):
        running = await taped("replay", CLOSED, here=there, volatile=_volatile(volatile))
        assert [status for status, _ in await replayed(running, say(f"read {there}/a.txt"))] == [200]


async def test_a_closed_network_opens_no_socket(provider, gateway, tmp_path):
    upstream = await provider(answers(completion("yo")))
    running = await gateway(proxied(upstream.url), network=_Closed("nothing goes upstream in replay"))
    got = await post(running, CHAT)
    assert (got.status, b"nothing goes upstream in replay" in got.body) == (502, True)
    assert upstream.requests == []


class _Closed(ClosedUpstream):
    open_connections = 0


async def test_whose_call_it_was_is_recorded_and_not_his_key(provider, taped):
    upstream = await provider(answers(completion("Hi")))
    routed = proxied(upstream.url)
    auth = {"keys": ["x-api-key"], "consumers": [{"name": "ann", "credential": "key-of-ann-1"}]}
    running = await taped("record", config={**routed, "plugins": {"key-auth": auth, **routed["plugins"]}})
    await post(running, say("Hi"), x_api_key="key-of-ann-1")
    ((entry, recording),) = await taped.written(running)
    assert recording.source.consumer == "ann"
    assert "key-of-ann" not in (running.recordings.path / entry.name).read_text()


def with_rag(url):
    """ai-rag, whose services and whose provider are at `url`."""
    service = {"apiKey": "k", "servicePort": 80, "serviceHost": "a.host"}
    found = {"collection": "birds", "topk": 1, "threshold": 0.5, "field": "raw"}
    rag = {
        "dashscope": {**service, "serviceFQDN": "ds.dns"},
        "dashvector": {**service, **found, "serviceFQDN": "dv.dns"},
    }
    routed = proxied(url)
    services = {**routed["services"], "ds.dns": url, "dv.dns": url}
    return {**routed, "services": services, "plugins": {"ai-rag": rag, **routed["plugins"]}}


async def test_what_plugins_ask_for_themselves_is_replayed(provider, taped):
    vector = {"output": {"embeddings": [{"text_index": 0, "embedding": [0.6, 0.8]}]}}
    passages = {"code": 0, "output": [{"id": "1", "score": 0.1, "fields": {"raw": "Penguins swim."}}]}
    told = [json.dumps(each).encode() for each in (vector, passages)]
    upstream = await provider(*map(answers, [*told, completion("Yes.")]))
    running = await taped("record", config=with_rag(upstream.url))
    before = await post(running, say("Do penguins swim?"))
    assert len(await taped.written(running)) == len(upstream.requests) == 3
    assert b"Penguins swim." in upstream.requests[-1].body
    again = await taped("replay", config=with_rag(CLOSED), strict=True)
    assert await replayed(again, say("Do penguins swim?")) == [(200, before.body)]
    assert without_misses(again.recordings.report) == 3


async def test_embeddings_and_unknown_fields_are_compared_as_sent(provider, taped):
    vectors = json.dumps({"object": "list", "data": [{"index": 0, "embedding": "AACAPw=="}], "model": "m"}).encode()
    upstream = await provider(answers(vectors))
    asked = {"model": "text-embedding-3-small", "input": ["a"], "encoding_format": "base64"}
    running = await taped("record", upstream.url)
    before = await post(running, asked, "/v1/embeddings")
    await asyncio.to_thread(running.recordings.close)
    running = await taped("replay", CLOSED)
    again = await post(running, dict(reversed(asked.items())), "/v1/embeddings")
    other = await post(running, {**asked, "input": ["b"]}, "/v1/embeddings")
    assert (again.body, other.status) == (before.body, 404)


async def _left(taped, upstream):
    """Records a client that leaves after the first piece."""
    running = await taped("record", upstream.url)
    client = await running.connect()
    body = json.dumps({**CHAT, "stream": True}).encode()
    await client.send(encode("POST", PATH, body, content_type="application/json"))
    await client.head()
    await client.chunk()
    await client.close()
    await upstream.peers[0].gone()
    ((entry, recording),) = await taped.written(running)
    assert (entry.left, recording.end.ended) == (True, "left")


async def test_what_a_client_left_is_replayed_as_broken_off_and_never_as_whole(provider, taped):
    async def begins(peer):
        await peer.begin()
        await peer.piece(b"".join(text_events("Hi")[:2]))
        await peer.gone()

    upstream = await provider(begins, streams(*text_events("whole")))
    await _left(taped, upstream)
    body = {**CHAT, "stream": True}
    replay = await taped("replay", CLOSED)
    got = await post(replay, body)
    assert b"the client left here when 001-01-chat.json was recorded; record it again" in got.body
    auto = await taped("auto", upstream.url)
    assert b"whole" in (await post(auto, body)).body
    await taped.written(auto)
    replay = await taped("replay", CLOSED, strict=True)
    assert b"whole" in (await post(replay, body)).body
    assert replay.recordings.report.unused == []


async def test_a_site_is_replayed_with_its_framing_and_by_range(provider, taped):
    async def site(peer):
        if peer.request.method == "HEAD":
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
        elif "range" in peer.request.headers:
            await peer.answer(b"par", 206, {"Content-Range": "bytes 0-2/7"}, "text/plain")
        else:
            await peer.answer(b"partial", 200, {}, "text/plain")

    upstream = await provider(site)
    config = {"routes": [{"name": "site", "match": {"path": "/*"}, "upstream": upstream.url}]}
    asked = [("GET", {"x-aigw-session": "s"}), ("GET", {"range": "bytes=0-2"}), ("HEAD", {})]

    async def ask(running, method, headers):
        client = await running.connect()
        await client.send(encode(method, "/a.txt", **headers))
        got = await client.answer(head_only=method == "HEAD")
        return got.status, got.headers["content-length"], got.body

    running = await taped("record", config=config)
    before = [await ask(running, *each) for each in asked]
    assert before == [(200, "7", b"partial"), (206, "3", b"par"), (200, "7", b"")]
    assert "x-aigw-session" not in upstream.requests[0].headers
    assert "s" in [recording.session.name for _, recording in await taped.written(running)]
    running = await taped("replay", config=config)
    assert [await ask(running, *each) for each in reversed(asked)] == before[::-1]


async def test_a_replay_notes_what_it_used(provider, taped, tmp_path):
    upstream = await provider(answers(completion("a")), answers(completion("b")))
    await recorded(taped, upstream, say("first"), say("second"))
    running = await taped("replay", CLOSED)
    await replayed(running, say("second"))
    await asyncio.to_thread(running.recordings.close)
    assert read(tmp_path / "recs").names == ["002-01-chat.json"]


async def test_a_folder_that_cannot_be_written_is_replayed(provider, taped, tmp_path):
    upstream = await provider(answers(completion("a")))
    before = await recorded(taped, upstream, say("first"))
    (tmp_path / "recs" / ".aigw").write_text("something else")
    running = await taped("replay", CLOSED)
    assert await replayed(running, say("first")) == before
    await asyncio.to_thread(running.recordings.close)
    assert read(tmp_path / "recs") is None
