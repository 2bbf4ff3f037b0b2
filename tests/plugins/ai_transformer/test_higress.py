"""ai-transformer as in Higress: the model sees the whole message, and what it writes replaces all headers."""

import logging

import pytest
from fakes import Answer
from transformer_world import JSON_TEXT, PROVIDER, XML, get, plugin, prompt, says
from world import world

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.plugins.ai_transformer.models import EXPERT
from aigw.plugins.ai_transformer.safe import HEADER


def higress(*script, **parts):
    return world(plugin(**parts), *script, fidelity="higress")


def asked(it, index):
    return [(each["role"], each["content"]) for each in it.upstream.json(index)["input"]["messages"]]


async def test_an_answer():
    answer = Answer(200, {"content-type": "application/xml", "set-cookie": "s=1", "x-old": "1"}, [b"<a/>"])
    async with higress(answer, says(JSON_TEXT), response=prompt()) as it:
        seen = await it.ask(get())
    text = ":status:200\ncontent-type:application/xml\nset-cookie:s=1\nx-old:1\n\n<a/>"
    assert asked(it, 1) == [("system", EXPERT), ("system", "turn xml into json"), ("user", text)]
    assert (dict(seen.headers), seen.body) == ({"content-type": "application/json", "x-new": "1"}, b'{"a":1}')


async def test_a_request():
    written = ":authority:other\n:path:/v1/xml?a\n:method:POST\nx-a: 1\n\nhi"
    async with higress(says(written), XML, request=prompt("p")) as it:
        await it.ask(get("/old", query="key=k", authorization="Bearer sk-1"))
        sent = it.sent
    start = ":authority:localhost\n:path:/old?key=k\n:method:GET\n:scheme:http\n"
    assert asked(it, 0)[2] == ("user", f"{start}authorization:Bearer sk-1\n\n")
    assert (sent.method, sent.target, sent.body, "authorization" in sent.headers) == ("POST", "/v1/xml?a", b"hi", False)
    assert (sent.headers["x-a"], sent.headers["host"]) == (" 1", "other")


async def test_a_stream_is_held_back_and_transformed():
    events = Answer(200, {"content-type": "text/event-stream"}, [b"data: a\n\n", b"data: b\n\n"])
    async with higress(events, says(JSON_TEXT), response=prompt()) as it:
        seen = await it.ask(get())
    assert asked(it, 1)[2][1].endswith("\n\ndata: a\n\ndata: b\n\n")
    assert seen.body == b'{"a":1}'


@pytest.mark.parametrize(
    "answer",
    [
        says("no blank line"),
        says("no header\n\n{}"),
        Answer(500),
        Answer(error=UpstreamError(UpstreamFault.CONNECT, "no")),
    ],
)
async def test_where_higress_crashes_the_message_passes(answer, caplog):
    async with higress(XML, answer, response=prompt()) as it:
        with caplog.at_level(logging.WARNING):
            seen = await it.ask(get())
    assert (seen.body, seen.headers["content-type"], HEADER in seen.headers) == (b"<a/>", "application/xml", False)
    assert "ai-transformer: a message stays as it is" in caplog.text


@pytest.mark.parametrize("headers", [{"content-type": "application/octet-stream"}, {"content-encoding": "gzip"}])
async def test_what_plugins_do_not_see(headers):
    async with higress(Answer(200, headers, [b"x"]), response=prompt()) as it:
        seen = await it.ask(get())
    assert (seen.body, len(it.upstream.sent)) == (b"x", 1)


async def test_our_own_keys_have_no_effect():
    more = {"provider": {"route": "llm", **PROVIDER}, "cache": True, "maxBody": 1}
    config = plugin(response={**prompt(), "rules": ["xmlToJson"]}, **more)
    async with world(config, XML, says(JSON_TEXT), fidelity="higress", routes=["llm"]) as it:
        seen = await it.ask(get())
    assert (asked(it, 1)[2][1].endswith("<a/>"), seen.json()) == (True, {"a": 1})
