"""ai-intent: who is asked what, what becomes of the answer, and that nothing stops a request."""

import pytest
from fakes import Answer, answer_json
from world import configured, world

from aigw.core.asking import AskError
from aigw.core.errors import ConfigError, UpstreamError, UpstreamFault
from aigw.plugins.ai_intent import HEADER, named

URL = "http://127.0.0.1:8080/intent/v1/chat/completions?x=1"
LLM = {"proxyServiceName": "intent.static", "proxyUrl": URL, "proxyApiKey": "k"}
SCENE = {"category": "finance|law", "prompt": "%s: %s"}
LAW = {"choices": [{"message": {"content": "It is Law."}}]}
QUESTION = "What is a contract?"
ASKED = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": QUESTION}]},
    "/v1/messages": {"messages": [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}]},
    "/v1/responses": {"input": QUESTION},
    "/v1beta/models/m:generateContent": {"contents": [{"parts": [{"text": QUESTION}]}]},
}
both = pytest.mark.parametrize("fidelity", ["safe", "higress"])


def asking(*script, scene=(), llm=LLM, fidelity="safe", key_from=(), **how):
    config = {"scene": {**SCENE, **dict(scene)}, "llm": llm, "keyFrom": dict(key_from)}
    return world({"ai-intent": config}, *script, fidelity=fidelity, question=ASKED["/v1/chat/completions"], **how)


@pytest.mark.parametrize("path", ASKED)
async def test_a_question_of_any_api_is_classified(path):
    async with asking(answer_json(LAW), Answer()) as it:
        seen = await it.ask(ASKED[path], path=path)
        ((callout, target), _) = it.upstream.sent
        assert it.upstream.json(0) == {
            "model": "qwen-long",
            "messages": [{"role": "user", "content": f"{QUESTION}: finance|law"}],
        }
        assert (callout.target, callout.headers["authorization"]) == ("/intent/v1/chat/completions", "Bearer k")
        assert (str(target.origin), target.authority) == ("http://127.0.0.1:8080", "127.0.0.1")
        assert it.sent.headers[HEADER] == "law"
        assert seen.headers["x-aigw-intent"] == "law"
        assert seen.labels.log_properties == seen.labels.span_tags == {"intent_category": "law"}
        assert seen.labels.remarks == {"ai-intent": "law"}
        assert not seen.reply.makeshift


async def test_where_the_service_is():
    llm = {**LLM, "proxyUrl": "https://llm.example/chat", "proxyDomain": "other.example", "proxyTimeout": 0}
    async with asking(answer_json(LAW), Answer(), llm=llm, services={"intent.static": "http://127.0.0.1:9"}) as it:
        await it.ask()
        assert str(it.upstream.sent[0][1].origin) == "http://127.0.0.1:9"
    async with asking(answer_json(LAW), Answer(), llm=llm) as it:
        await it.ask()
        assert (str(it.upstream.sent[0][1].origin), it.upstream.sent[0][1].authority) == (
            "https://other.example:443",
            "other.example",
        )


@both
@pytest.mark.parametrize(
    "answer",
    [
        Answer(500),
        Answer(error=UpstreamError(UpstreamFault.CONNECT, "down")),
        answer_json({"choices": []}),
        answer_json({"choices": [{"message": {"content": "NotFound"}}]}),
    ],
    ids=["500", "down", "empty", "not found"],
)
async def test_nothing_stops_a_request(fidelity, answer):
    async with asking(answer, Answer(), fidelity=fidelity) as it:
        seen = await it.ask()
        assert (seen.status, len(it.upstream.sent), HEADER in it.sent.headers) == (200, 2, False)
        assert seen.labels.log_properties == {}
        if fidelity == "safe":
            assert seen.headers["x-aigw-intent"].startswith("none")
            assert seen.reply.makeshift == (seen.headers["x-aigw-intent"] != "none")


async def test_a_client_cannot_choose_the_category():
    async with asking(answer_json({"choices": []}), Answer()) as it:
        await it.ask(x_higress_intent_category="law")
        assert HEADER not in it.sent.headers


async def test_what_has_no_question_is_not_classified():
    async with asking(Answer()) as it:
        for body, path in ((b"x", "/v1/chat/completions"), ({"input": "x"}, "/v1/embeddings"), ({}, "/v1/responses")):
            await it.ask(body, path=path)
        assert len(it.upstream.sent) == 3


async def test_a_question_at_another_place():
    async with asking(answer_json(LAW), Answer(), key_from={"requestBody": "query.0"}) as it:
        await it.ask({**ASKED["/v1/chat/completions"], "query": ["here"]})
        assert it.upstream.json(0)["messages"][0]["content"] == "here: finance|law"


@both
async def test_half_of_a_surrogate_pair_breaks_nothing(fidelity):
    async with asking(answer_json(LAW), Answer(), fidelity=fidelity) as it:
        seen = await it.ask(rb'{"messages":[{"role":"user","content":"\ud83d law"}]}')
        assert (seen.status, len(it.upstream.sent)) == (200, 2)


class Routes:
    """Models that answer, or fail."""

    def __init__(self, answer):
        self.asked = []
        self._answer = answer

    def has(self, route):
        return True

    async def ask(self, question):
        self.asked.append(question)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


async def test_a_route_of_this_gateway_is_asked():
    models = Routes("law")
    async with asking(
        llm={"route": "judge", "proxyModel": "m", "proxyTimeout": 500}, models=models, routes=["judge"]
    ) as it:
        assert (await it.ask()).labels.remarks == {"ai-intent": "law"}
        (asked,) = models.asked
        assert (asked.turns, asked.model, asked.route, asked.seconds) == (
            [("user", f"{QUESTION}: finance|law")],
            "m",
            "judge",
            0.5,
        )
        assert len(it.upstream.sent) == 1


@both
@pytest.mark.parametrize("models", [Routes(AskError("no such\nroute é")), None])
async def test_a_route_that_does_not_answer(fidelity, models):
    async with asking(llm={"route": "judge"}, models=models, routes=["judge"], fidelity=fidelity) as it:
        assert (await it.ask()).status == 200


async def test_higress_takes_the_text_with_its_escapes_and_asks_always():
    async with asking(answer_json(LAW), Answer(), answer_json(LAW), Answer(), fidelity="higress") as it:
        await it.ask(rb'{"messages":[{"role":"user","content":"a\n\u6cd5"}]}')
        assert it.upstream.json(0)["messages"][0]["content"] == r"a\n法: finance|law"
        await it.ask(b"{")
        assert it.upstream.json(2)["messages"][0]["content"] == ": finance|law"


@pytest.mark.parametrize(
    ("answer", "category"),
    [("law", "law"), (" LAW.\n", "law"), ("law, not finance", "law"), ("tax law is law", "tax law"), ("no", ""), ("", "")],
)  # fmt: skip
def test_the_category_in_an_answer(answer, category):
    assert named(answer, ["finance", "law", "tax law"]) == category


def test_the_whole_answer_comes_before_what_it_contains():
    assert named("b law", ["b", "b law"]) == "b law"


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"llm": LLM}, "scene.category must not be empty"),
        ({"scene": {"category": " | "}, "llm": LLM}, "scene.category must not be empty"),
        ({"scene": {**SCENE, "prompt": "%s"}, "llm": LLM}, "%s twice"),
        ({"scene": SCENE}, "llm.proxyServiceName must not be empty"),
        ({"scene": SCENE, "llm": {"proxyServiceName": "s"}}, "llm.proxyUrl must not be empty"),
        ({"scene": SCENE, "llm": {**LLM, "proxyUrl": "http://h:x/"}}, "llm.proxyUrl is not a URL"),
    ],
)
def test_what_is_wrong(config, problem):
    with pytest.raises(ConfigError, match=problem):
        configured({"ai-intent": config})
