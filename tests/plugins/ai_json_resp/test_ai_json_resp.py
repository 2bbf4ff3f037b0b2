"""ai-json-resp in its chain: what the model is asked, what the client gets, in each API, and how it fails."""

import json

import pytest
from fakes import Answer, answer_json
from world import configured, world

from aigw.core.asking import AskError
from aigw.core.errors import ConfigError, GatewayError, UpstreamError, UpstreamFault
from aigw.core.model import Chunk
from aigw.dialects.sse import EventSplitter

SERVICE = {"serviceName": "qwen", "serviceDomain": "llm.example", "servicePath": "/compatible/chat", "apiKey": "k"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
ASK = {"model": "m", "messages": [{"role": "user", "content": "q"}], "temperature": 0}
both = pytest.mark.parametrize("fidelity", ["safe", "higress"])


def said(content):
    return answer_json({"choices": [{"index": 0, "message": {"role": "assistant", "content": content}}]})


def asking(*script, fidelity="safe", service=SERVICE, env=(), **config):
    return world({"ai-json-resp": {**service, **config}}, *script, fidelity=fidelity, question=ASK, **dict(env))


def turns(it, index=-1):
    return [(turn["role"], turn["content"]) for turn in it.upstream.json(index)["messages"]]


@both
async def test_the_answer_is_the_json_alone(fidelity):
    async with asking(said('Sure:\n```json\n{"a": 1}\n```'), fidelity=fidelity, jsonSchema=SCHEMA) as it:
        seen = await it.ask(authorization="Bearer theirs")
        assert (seen.status, seen.body, seen.headers["content-type"]) == (200, b'{"a": 1}', "application/json")
        assert seen.headers["content-disposition"] == 'attachment; filename="response.json"'
        ((request, target),) = it.upstream.sent
        assert (str(target.origin), target.authority, request.target) == (
            "https://llm.example:443",
            "llm.example",
            "/compatible/chat",
        )
        assert request.headers.getall("authorization") == ["Bearer k"]
        assert (it.upstream.json()["temperature"], it.upstream.json()["model"]) == (0, "m")


async def test_what_the_model_is_told():
    async with asking(said("It is 1."), said('{"a": "1"}'), said('{"a": 1}'), jsonSchema=SCHEMA) as it:
        seen = await it.ask()
        assert seen.json() == {"a": 1}
        instruction = turns(it, 0)[0]
        assert instruction[0] == "system"
        assert json.dumps(SCHEMA, separators=(",", ":")) in instruction[1]
        assert turns(it, 0)[1:] == [("user", "q")]
        assert turns(it, 1)[2] == ("assistant", "It is 1.")
        assert turns(it, 1)[3][1].startswith("That is wrong: the answer is no JSON object or array")
        assert turns(it, 2)[5][1].startswith("That is wrong: $.a: '1' is not of type 'integer'")
        assert seen.labels.remarks == {"ai-json-resp": "JSON at try 3"}


async def test_how_higress_asks_again():
    async with asking(
        said("It is 1."), said('{"a": "1"}'), said('{"a": 1}'), fidelity="higress", jsonSchema=SCHEMA
    ) as it:
        assert (await it.ask()).json() == {"a": 1}
        assert it.upstream.json(0) == ASK
        ask = f"Given the Json Schema: {json.dumps(SCHEMA, separators=(',', ':'))}, please help me convert the following content to a pure json: "
        end = "\n Do not respond other content except the pure json!!!!"
        assert turns(it, 1) == [
            ("user", "q"), ("system", "It is 1."),
            ("system", "response body does not contain the valid json: cannot find json in the response body"),
            ("user", f"{ask}It is 1.{end}"),
        ]  # fmt: skip
        assert turns(it, 2)[3:5] == [("user", f"{ask}It is 1.{end}"), ("system", '{"a": "1"}')]
        assert turns(it, 2)[-1] == ("user", f'{ask}{{"a": "1"}}{end}')
        assert it.sent.headers["x-higress-ai-json-resp"] == "true"


async def test_all_tries_are_used_up():
    async with asking(said("no"), maxRetry=2) as it:
        seen = await it.ask() if False else None
        assert seen is None
        with pytest.raises(
            Exception, match=r"ai-json-resp 1006: no answer of 3 is such JSON; the last: 1003"
        ) as caught:
            await it.ask()
        error = caught.value
        assert (error.status, error.code, error.headers) == (502, "json_1006", {"x-should-retry": "false"})
        assert len(it.upstream.sent) == 3
    async with asking(said("no"), fidelity="higress", maxRetry=2) as it:
        seen = await it.ask()
        assert (seen.status, seen.json()["Code"], len(it.upstream.sent)) == (500, 1006, 3)
        assert seen.json()["Msg"].startswith("retry count exceeds max retry count: response body does not contain")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(500, pieces=[b'{"error": "x"}']), "500"),
        (Answer(error=UpstreamError(UpstreamFault.CONNECT, "down")), "down"),
        (Answer(pieces=[b"no JSON"]), "not the expected JSON"),
        (answer_json({"choices": []}), "does not contain the content"),
    ],
    ids=["500", "down", "no JSON", "no content"],
)
async def test_a_model_that_cannot_be_asked(answer, message):
    async with asking(answer) as it:
        with pytest.raises(GatewayError, match=f"1007: .*{message}") as caught:
            await it.ask()
        assert (caught.value.status, len(it.upstream.sent)) == (502, 1)
    async with asking(answer, fidelity="higress") as it:
        seen = await it.ask()
        assert (seen.status, seen.json()["Code"], len(it.upstream.sent)) == (500, 1007, 1)


APIS = {
    "/v1/messages": {
        "model": "m",
        "max_tokens": 9,
        "system": "s",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}],
    },
    "/v1/responses": {"model": "m", "instructions": "s", "input": "q"},
    "/v1beta/models/m:generateContent": {
        "systemInstruction": {"parts": [{"text": "s"}]},
        "contents": [{"parts": [{"text": "q"}]}],
    },
}


@pytest.mark.parametrize("path", APIS)
async def test_every_api_with_a_conversation(path):
    async with asking(said('{"a": 1}')) as it:
        assert (await it.ask(APIS[path], path=path)).json() == {"a": 1}
        assert turns(it)[1:] == [("system", "s"), ("user", "q")]
        assert it.upstream.json()["model"] == "m"
    async with asking(said('{"a": 1}'), asCompletion=True) as it:
        seen = await it.ask(APIS[path], path=path)
        read = seen.exchange.dialect.reader(seen.exchange.asked, streaming=False)
        read.feed([Chunk(seen.body, seen.body)])
        assert (read.text, read.complete) == ('{"a": 1}', True)


STREAMS = {
    "/v1/chat/completions": {**ASK, "stream": True, "stream_options": {"include_usage": True}},
    "/v1/messages": {**APIS["/v1/messages"], "stream": True},
    "/v1/responses": {**APIS["/v1/responses"], "stream": True},
}


@pytest.mark.parametrize("path", STREAMS)
async def test_a_stream_is_one_of_the_clients_api(path):
    async with asking(said('{"a": 1}')) as it:
        seen = await it.ask(STREAMS[path], path=path)
        assert "stream" not in it.upstream.json() or it.upstream.json()["stream"] is False
        assert seen.headers["content-type"].startswith("text/event-stream")
        read = seen.exchange.dialect.reader(seen.exchange.asked, streaming=True)
        read.feed(EventSplitter().feed(seen.body))
        assert (read.text, read.complete, read.ended) == ('{"a": 1}', True, True)


async def test_what_asks_for_no_text_passes():
    async with asking() as it:
        await it.ask(b"x", content_type="text/plain")
        await it.ask({"input": "x"}, path="/v1/embeddings")
        assert [request.path for request, _ in it.upstream.sent] == ["/v1/chat/completions", "/v1/embeddings"]
        error = await it.refused({"model": "m"})
        assert (error.status, error.code) == (400, "invalid_body")


async def test_other_settings():
    service = {"serviceName": "q", "serviceUrl": "http://llm.example/v9/chat"}
    async with asking(answer_json({"choices": [], "out": ["[1]"]}), service=service, contentPath="out.0", model="big",
                      enableContentDisposition=False, servicePort=8080, env={"services": {"q.dns": "http://127.0.0.1:9"}}) as it:  # fmt: skip
        seen = await it.ask()
        assert (seen.json(), "content-disposition" in seen.headers) == ([1], False)
        ((request, target),) = it.upstream.sent
        assert (str(target.origin), target.authority, request.target) == (
            "http://127.0.0.1:9",
            "llm.example",
            "/v9/chat",
        )
        assert ("authorization" in request.headers, it.upstream.json()["model"]) == (False, "big")


class Routes:
    """Models that answer one after the other."""

    def __init__(self, *answers):
        self.asked = []
        self._answers = list(answers)

    def has(self, route):
        return True

    async def ask(self, question):
        self.asked.append(question)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_a_route_is_asked():
    models = Routes("no", '{"a": 1}')
    async with asking(
        service={"route": "model"}, env={"models": models, "routes": ["model"]}, serviceTimeout=700
    ) as it:
        assert (await it.ask({**ASK, "max_tokens": 5})).json() == {"a": 1}
        first, second = models.asked
        assert (first.model, first.route, first.seconds, first.max_tokens) == ("m", "model", 0.7, 5)
        assert [role for role, _ in second.turns] == ["system", "user", "assistant", "user"]
        assert not it.upstream.sent


@pytest.mark.parametrize("models", [Routes(AskError("there is no such route")), None])
async def test_a_route_that_does_not_answer(models):
    async with asking(service={"route": "model"}, env={"models": models, "routes": ["model"]}) as it:
        assert (await it.refused()).code == "json_1007"


async def test_in_higress_a_header_lets_a_request_pass():
    for fidelity, passes in (("higress", True), ("safe", False)):
        async with asking(said('{"a": 1}'), fidelity=fidelity) as it:
            await it.ask(x_higress_ai_json_resp="true")
            assert (it.sent.path == "/v1/chat/completions") is passes


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"serviceName": "q"}, 1008),
        ({**SERVICE, "jsonSchema": "{}"}, 1001),
        ({**SERVICE, "jsonSchema": {"type": "nope"}}, 1002),
    ],
)
async def test_what_is_wrong_is_an_error_at_the_start_and_in_higress_of_each_request(config, code):
    with pytest.raises(ConfigError, match=r"service domain is empty|must be a mapping|no valid JSON Schema"):
        configured({"ai-json-resp": config})
    async with asking(fidelity="higress", service=config) as it:
        seen = await it.ask()
        assert (seen.status, seen.json()["Code"], len(it.upstream.sent)) == (500, code, 0)


async def test_higress_does_not_check_with_a_schema_that_is_nested_deep():
    deep = {"properties": {"a": {"properties": {"b": {"properties": {"c": {"type": "integer"}}}}}}}
    assert any("nested 8 deep" in note for note in configured({"ai-json-resp": {**SERVICE, "jsonSchema": deep}}).notes)
    wrong = '{"a": {"b": {"c": "x"}}}'
    async with asking(said(wrong), fidelity="higress", jsonSchema=deep) as it:
        assert (await it.ask()).body.decode() == wrong
    async with asking(said(wrong), said('{"a": {}}'), jsonSchema=deep) as it:
        assert (await it.ask()).json() == {"a": {}}


def test_a_missing_schema_is_noted():
    (note,) = configured({"ai-json-resp": SERVICE}).notes
    assert "answer every request with 1002" in note


@both
async def test_half_of_a_surrogate_pair_breaks_nothing(fidelity):
    answers = said(r'{"b": "\ud83d"}'), said(r'{"a": 1, "b": "\ud83d"}')
    async with asking(*answers, fidelity=fidelity, jsonSchema=SCHEMA) as it:
        assert (await it.ask(rb'{"model":"m","messages":[{"role":"user","content":"\ud83d"}]}')).json()["a"] == 1


def test_a_route_that_is_not_there():
    with pytest.raises(ConfigError, match=r"ai-json-resp\.route: there is no route 'modle'; did you mean 'model'\?"):
        configured({"ai-json-resp": {"route": "modle"}}, routes=[{"name": "model"}])
