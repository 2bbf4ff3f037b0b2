"""ai-transformer in `safe`: requests and answers are rewritten by rules and by models; what cannot be stays as it is."""

import asyncio
import gzip
import logging

import pytest
from fakes import Answer, FailingStores, FakeUpstream, answer_json
from multidict import CIMultiDict
from transformer_world import JSON_TEXT, PROVIDER, XML, get, plugin, prompt, says
from world import QUESTION, world

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Request, Route
from aigw.plugins.ai_transformer.models import EXPERT
from aigw.plugins.ai_transformer.safe import HEADER


async def test_an_answer_by_a_model():
    async with world(plugin(response=prompt()), XML, says(JSON_TEXT, finish_reason="stop")) as it:
        seen = await it.ask(get())
    assert (seen.status, seen.json()) == (200, {"a": 1})
    assert (seen.headers["content-type"], seen.headers["x-new"]) == ("application/json", "1")
    assert seen.headers[HEADER] == seen.labels.remarks["ai-transformer"] == "response transformed"
    call, target = it.upstream.sent[1]
    assert (target.authority, call.headers["authorization"]) == ("dashscope.aliyuncs.com", "Bearer sk-x")
    turns = [(each["role"], each["content"]) for each in it.upstream.json(1)["input"]["messages"]]
    text = ":status:200\ncontent-type:application/xml\n\n<a/>"
    assert turns == [("system", EXPERT), ("system", "turn xml into json"), ("user", text)]


async def test_a_request_by_a_model():
    written = ":method:PUT\n:path:/xml?b=2\n:authority:evil\nx-b:1\ncontent-length:999\n\nhi"
    async with world(plugin(request=prompt("p")), says(written), XML) as it:
        seen = await it.ask(get("/httpbin/xml", query="a=1&key=sk-2", x_a="1", authorization="Bearer sk-1"))
        sent = it.sent
    text = it.upstream.json(0)["input"]["messages"][2]["content"]
    assert text == ":method:GET\n:path:/httpbin/xml?a=1\nx-a:1\n\n"
    assert (sent.method, sent.target, sent.body) == ("PUT", "/xml?b=2&key=sk-2", b"hi")
    assert (sent.headers["x-b"], sent.headers["authorization"]) == ("1", "Bearer sk-1")
    assert not {"x-a", "content-length", ":authority"} & sent.headers.keys()
    assert (seen.body, seen.headers[HEADER]) == (b"<a/>", "request transformed")


async def test_a_request_becomes_one_of_another_api():
    written = ':method:POST\n:path:/v1/chat/completions\ncontent-type:application/json\n\n{"model":"m","messages":[]}'
    async with world(plugin(request=prompt("p")), says(written), answer_json({})) as it:
        seen = await it.ask(get("/ask", query="q=hi"))
    exchange = seen.exchange
    assert (exchange.api, exchange.asked.model, exchange.named) == ("openai/v1/chatcompletions", "m", "m")


async def test_a_model_is_not_talked_into_a_path_that_gets_a_providers_key():
    """Where a provider answers, no API has the path that it wrote."""

    async def answer(exchange):
        return exchange.reply(b"{}")

    async with world(plugin(request=prompt("p")), says(":path:/v1/secrets\n\n")) as it:
        seen = await it.ask(get("/v1/models"), route=Route("llm"), end=answer)
    assert seen.exchange.request.path == "/v1/models"
    assert "which no API has" in seen.headers[HEADER]


async def test_the_head_of_an_answer_says_nothing_of_other_bytes():
    head = Answer(200, {"content-type": "application/xml", "content-length": "4", "etag": '"1"'}, [])
    async with world(plugin(response={"rules": ["xmlToJson"]}), head) as it:
        seen = await it.ask(get(method="HEAD"))
    assert not {"content-length", "etag"} & seen.headers.keys()


async def test_a_model_that_changes_nothing():
    async with world(plugin(response=prompt()), XML, says("content-type:application/xml\n\n<a/>")) as it:
        seen = await it.ask(get())
    assert (seen.body, seen.headers[HEADER]) == (b"<a/>", "response transformed, but the model changed nothing")


async def test_rules_without_a_model():
    parts = {"rules": [{"set": {"model": "other"}}, {"setHeader": {"x-a": "1"}}]}
    async with world(plugin(parts, {"rules": ["jsonToYaml"]}), answer_json({"b": 1})) as it:
        seen = await it.ask(QUESTION)
        sent = it.upstream.json()
    assert (sent["model"], it.sent.headers["x-a"]) == ("other", "1")
    assert (seen.body, seen.headers["content-type"]) == (b"b: 1\n", "application/yaml")
    assert seen.headers[HEADER] == "request transformed; response transformed"


async def test_a_long_body():
    long = Answer(200, {"content-type": "application/xml"}, [b"<a>" + b"x" * 100_000 + b"</a>"])
    async with world(plugin(response={"rules": ["xmlToJson"]}), long) as it:
        assert (await it.ask(get())).json() == {"a": "x" * 100_000}


async def test_rules_come_before_the_prompt():
    both = {**prompt("p"), "rules": ["xmlToJson"]}
    async with world(plugin(response=both), XML, says("x-a:1\n\nhi")) as it:
        seen = await it.ask(get())
    text = it.upstream.json(1)["input"]["messages"][2]["content"]
    assert text == ':status:200\ncontent-type:application/json\n\n{"a":null}'
    assert (seen.body, seen.headers["x-a"]) == (b"hi", "1")


DOWN = Answer(error=UpstreamError(UpstreamFault.CONNECT, "refused"))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (DOWN, "dashscope.aliyuncs.com: refused"),
        (Answer(401), "dashscope.aliyuncs.com answered 401"),
        (answer_json({}), "the answer has no text"),
        (says("I cannot"), "the model wrote no HTTP message: it has no blank line"),
        (says("Sure!\n\n{}"), "the model wrote no HTTP message: line 1 is no header"),
        (says("content-type:application/json\n\n{"), "the model wrote a body that is not application/json"),
        (says(JSON_TEXT, finish_reason="length"), "the model's answer is not whole: length"),
        (says(":status:700\n\n"), "the model wrote :status '700'"),
    ],
)
async def test_a_model_that_answers_badly(answer, why, caplog):
    async with world(plugin(response=prompt()), XML, answer) as it:
        with caplog.at_level(logging.WARNING):
            seen = await it.ask(get())
    assert (seen.status, seen.body, seen.headers["content-type"]) == (200, b"<a/>", "application/xml")
    assert seen.headers[HEADER].startswith(f"response unchanged: {why}")
    assert seen.labels.remarks["ai-transformer"] == seen.headers[HEADER]
    assert why in caplog.text
    assert seen.reply.makeshift


class Slow(FakeUpstream):
    """The server answers, and the model never does."""

    async def send(self, request, target):
        if request.method == "POST":
            await asyncio.Event().wait()
        return await super().send(request, target)


async def test_a_model_that_is_too_slow():
    config = plugin(response=prompt())
    config["ai-transformer"]["provider"] = {**PROVIDER, "timeout": 10}
    async with world(config, upstream=Slow(XML)) as it:
        seen = await it.ask(get())
    assert seen.body == b"<a/>"
    assert seen.headers[HEADER] == "response unchanged: dashscope.aliyuncs.com: no answer within 0.01 s"


async def test_a_request_that_a_model_answers_badly():
    async with world(plugin(request=prompt("p")), says(":path:/a/%2e%2e%2f..%2fb\n\n"), XML) as it:
        seen = await it.ask(get("/a", x_a="1"))
        assert (it.sent.method, it.sent.target, it.sent.headers["x-a"]) == ("GET", "/a", "1")
    assert "request unchanged: the model wrote :path" in seen.headers[HEADER]
    assert seen.reply.makeshift


EVENTS = Answer(200, {"content-type": "text/event-stream"}, [b"data: a\n\n", b"data: b\n\n"])


@pytest.mark.parametrize(
    ("answer", "asked", "why"),
    [
        (EVENTS, get(), "a stream of events"),
        (Answer(200, {"content-type": "application/x-ndjson"}, [b"{}\n"]), get(), "a stream of events"),
        (Answer(200, {"content-type": "image/png"}, [b"\xff\0"]), get(), "no text"),
        (Answer(200, {"content-type": "text/plain"}, [b"x" * 11]), get(), "more than 10 bytes (maxBody)"),
        (Answer(200, {"content-type": "text/plain"}, [b"x" * 6] * 2), get(), "more than 10 bytes (maxBody)"),
        (Answer(206, {"content-type": "text/plain"}, [b"x"]), get(), "a part of an answer"),
        (Answer(204, {}, []), get(), "there is no body"),
        (Answer(200, {"content-encoding": "x"}, [b"x"]), get(), "cannot be decoded"),
        (XML, get(method="HEAD"), "there is no body"),
    ],
)
async def test_answers_that_pass_by(answer, asked, why):
    """Nobody is asked about them, nothing is lost, and a cache may keep them."""
    async with world(plugin(response=prompt(), maxBody=10), answer) as it:
        seen = await it.ask(asked)
        assert len(it.upstream.sent) == 1
    assert (seen.status, seen.body) == (answer.status, b"".join(answer.pieces))
    assert why in seen.headers[HEADER]
    assert not seen.reply.makeshift


async def pieces():
    yield b"x"


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (get(method="POST", body=b"x" * 11), "more than 10 bytes"),
        (get(method="POST", body=b"\xff"), "no text"),
        (get(method="POST", body=b"x", content_encoding="gzip"), "piece by piece"),
        (Request("POST", "/x", "", CIMultiDict(), b"x", pieces()), "piece by piece"),
    ],
)
async def test_requests_that_pass_by(asked, why):
    async with world(plugin(prompt("p"), maxBody=10), XML) as it:
        seen = await it.ask(asked)
        assert len(it.upstream.sent) == 1
    assert it.sent.body == asked.body
    assert why in seen.headers[HEADER]


async def test_an_answer_with_a_content_coding():
    coded = Answer(200, {"content-type": "application/xml", "content-encoding": "gzip"}, [gzip.compress(b"<a/>")])
    async with world(plugin(response={"rules": ["xmlToJson"]}), coded) as it:
        seen = await it.ask(get(accept_encoding="gzip", range="bytes=0-1"))
        assert (it.sent.headers["accept-encoding"], "range" in it.sent.headers) == ("identity", False)
    assert seen.json() == {"a": None}
    assert not {"content-encoding", "content-length"} & seen.headers.keys()


@pytest.mark.parametrize(
    "body",
    [gzip.compress(b"x" * 10_000), gzip.compress(b"<a/>")[:-4], b"no gzip"],
    ids=["too large", "cut off", "no gzip"],  # what is packed has the time in it
)
async def test_a_content_coding_that_cannot_be_undone(body):
    """It is a bomb, cut off, or none."""
    coded = Answer(200, {"content-type": "application/xml", "content-encoding": "gzip"}, [body])
    async with world(plugin(response={"rules": ["xmlToJson"]}, maxBody=100), coded) as it:
        seen = await it.ask(get())
    assert (seen.body, seen.headers["content-encoding"]) == (body, "gzip")
    assert "response unchanged: the body cannot be decoded" in seen.headers[HEADER]


async def test_rules_of_headers_hold_for_streams_and_uploads():
    rules = {"rules": [{"setHeader": {"x-a": "1"}}]}
    async with world(plugin(rules, rules), EVENTS) as it:
        seen = await it.ask(Request("POST", "/x", "", CIMultiDict(), b"x", pieces()))
    assert (it.sent.headers["x-a"], seen.headers["x-a"], seen.body) == ("1", "1", b"data: a\n\ndata: b\n\n")


async def test_a_body_that_a_rule_does_not_fit():
    async with world(plugin(response={"rules": [{"setHeader": {"x-a": "1"}}, "xmlToJson"]}), answer_json({})) as it:
        seen = await it.ask(get())
    assert (seen.body, "x-a" in seen.headers) == (b"{}", False)
    assert seen.headers[HEADER].startswith("response unchanged: the body is not XML")


async def test_equal_messages_are_transformed_once():
    async with world(
        plugin(response=prompt(), cache=True, cacheTTL=60), XML, says(JSON_TEXT), XML, XML, says("no")
    ) as it:
        told = []
        for _ in range(2):
            seen = await it.ask(get())
            told.append((seen.json(), seen.headers[HEADER]))
        it.clock.now += 61
        again = await it.ask(get())
    assert told == [({"a": 1}, "response transformed"), ({"a": 1}, "response transformed, from the cache")]
    assert (len(it.upstream.sent), again.body) == (5, b"<a/>")


@pytest.mark.parametrize("operation", ["get", "put"])
async def test_a_store_that_is_down_does_no_harm(operation):
    stores = FailingStores(operation)
    async with world(plugin(response=prompt(), cache=True), XML, says(JSON_TEXT), stores=stores) as it:
        assert (await it.ask(get())).json() == {"a": 1}


async def test_what_is_very_long_is_not_kept():
    async with world(plugin(response=prompt(), cache=True), XML, says("x-a:1\n\n" + "x" * 2**20)) as it:
        await it.ask(get())
        assert await it.kept() == {}


async def test_what_no_message_came_of_is_not_kept():
    async with world(plugin(response=prompt(), cache=True), XML, says("no")) as it:
        await it.ask(get())
        assert await it.kept() == {}


async def test_nothing_to_do():
    async with world(plugin(), XML) as it:
        seen = await it.ask(get())
    assert (seen.body, HEADER in seen.headers, seen.labels.remarks) == (b"<a/>", False, {})
