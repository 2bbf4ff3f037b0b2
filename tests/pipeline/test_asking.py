"""aigw/pipeline/asking.py: a plugin asks a model through a route, as a client would."""

import asyncio
import itertools
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import ref

import pytest
from fakes import Answer, FakeClock, FakeUpstream, answer_json, chat, events, make_env, make_exchange

from aigw.config.load import load
from aigw.core.asking import AskError, Question
from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.exchange import current
from aigw.core.layers import Outcome
from aigw.core.model import Timeouts
from aigw.pipeline.asking import MAX_BYTES, Asker
from aigw.pipeline.forward import Forward
from aigw.pipeline.pipeline import Pipeline
from aigw.server.routes import RouteTable

CONFIG = """
plugins:
  key-auth: {consumers: [{name: alice, credential: sk-alice}], keys: [authorization], global_auth: true}
routes:
- {name: judge, match: {path: /judge}, upstream: "http://judge"}
- {name: mapped, match: {path: /mapped}, upstream: "http://mapped", plugins: {model-mapper: {modelMapping: {"*": M}}}}
- {name: provider, match: {path: /p}, plugins: {ai-proxy: {provider: {type: openai, apiTokens: [sk-1]}}}}
- {name: rest, upstream: "http://rest"}
"""
QUESTION = Question([("system", "Judge."), ("user", "Is it so?")], "m", max_tokens=5)


def said(text, finish="stop"):
    return answer_json(
        {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}]}
    )


@asynccontextmanager
async def asking(*script):
    upstream, noted = FakeUpstream(*script), []
    loaded = load(None, {}, text=CONFIG.encode())
    numbers = itertools.count()
    asker = Asker(
        FakeClock(),
        lambda: f"q{next(numbers)}",
        lambda *note: noted.append((note[0].id, note[0].route.name, *note[1:])),
        set(),
    )
    async with AsyncExitStack() as stack:
        pipeline = Pipeline(list(loaded.plugins.values()), Forward(upstream))
        await pipeline.open(make_env(upstream, models=asker), stack)
        table = RouteTable(loaded.config.routes, pipeline, loaded.services, Timeouts())
        asker.open(table.find_own, table.names)
        yield asker, upstream, noted


async def test_the_question_goes_the_way_of_a_request_without_a_key():
    async with asking(said("Yes.")) as (asker, upstream, noted):
        assert await asker.ask(QUESTION) == "Yes."
    assert upstream.json() == {
        "messages": [{"role": "system", "content": "Judge."}, {"role": "user", "content": "Is it so?"}],
        "stream": False,
        "model": "m",
        "max_tokens": 5,
    }
    assert upstream.sent[0][1].origin.host == "rest"
    assert noted == [("q0", "rest", 200, Outcome.COMPLETE, "")]
    assert upstream.bodies[0].closed


async def test_a_route_by_its_name_with_its_plugins():
    async with asking(said("Yes.")) as (asker, upstream, _):
        assert [asker.has(name) for name in ("", "mapped", "nowhere")] == [True, True, False]
        await asker.ask(QUESTION._replace(route="mapped"))
        assert (upstream.sent[0][1].origin.host, upstream.json()["model"]) == ("mapped", "M")


async def test_it_counts_for_the_consumer_on_whose_behalf_it_is_asked():
    exchange = make_exchange(chat({}))
    exchange.consumer = "alice"
    async with asking(said("Yes.")) as (asker, upstream, _):
        before = current.set(ref(exchange))
        try:
            await asker.ask(QUESTION)
            assert current.get()() is exchange
        finally:
            current.reset(before)
    assert upstream.last.headers["x-mse-consumer"] == "alice"


async def test_a_stream_is_an_answer_too():
    stream = events({"choices": [{"index": 0, "delta": {"content": "Yes"}, "finish_reason": "stop"}]})
    async with asking(stream) as (asker, _, _):
        assert await asker.ask(QUESTION) == "Yes"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (answer_json({"error": {"message": "no such model"}}, 404), "status 404: "),
        (said("Ye", "length"), "the answer is not whole: length"),
        (said(""), "the answer has no text"),
        (Answer(pieces=[b"<html>"]), "the answer has no text"),
        (said("x" * MAX_BYTES), f"the answer has more than {MAX_BYTES} bytes"),
        (Answer(error=UpstreamError(UpstreamFault.CONNECT, "rest refuses")), "asking m: rest refuses"),
    ],
)
async def test_no_answer(answer, reason):
    async with asking(answer) as (asker, _, noted):
        with pytest.raises(AskError, match=reason) as caught:
            await asker.ask(QUESTION)
    assert len(noted) == 1
    assert caught.value.absent == ("404" in reason)


async def test_an_answer_that_does_not_come():
    class Silent(FakeUpstream):
        async def send(self, request, target):
            await asyncio.Event().wait()

    async with asking(said("")) as (asker, upstream, noted):
        upstream.send = Silent().send
        with pytest.raises(AskError, match=r"asking m: no answer within 0.01 s"):
            await asker.ask(QUESTION._replace(seconds=0.01))
    assert noted == [("q0", "rest", 500, Outcome.ABORTED, "")]


async def test_an_answer_that_does_not_close_is_noted_all_the_same():
    class SlowToClose(FakeUpstream):
        async def send(self, request, target):
            response = await super().send(request, target)
            response.body.aclose = asyncio.Event().wait
            return response

    async with asking(said("")) as (asker, upstream, noted):
        upstream.send = SlowToClose(said("Yes.")).send
        with pytest.raises(AskError, match=r"asking m: no answer within 0.01 s"):
            await asker.ask(QUESTION._replace(seconds=0.01))
    assert noted == [("q0", "rest", 200, Outcome.COMPLETE, "")]


async def test_no_such_route():
    async with asking(said("")) as (asker, _, _):
        with pytest.raises(AskError, match="by the route nowhere: there is no such route") as caught:
            await asker.ask(QUESTION._replace(route="nowhere"))
    assert caught.value.absent


async def test_only_a_route_with_a_provider():
    async with asking(said("Yes.")) as (asker, upstream, _):
        with pytest.raises(AskError, match="no such route") as caught:
            await asker.ask(QUESTION._replace(provided=True))
        assert (caught.value.absent, upstream.sent) == (True, [])
        await asker.ask(QUESTION._replace(route="provider", provided=True))
        assert upstream.sent[0][0].headers["authorization"] == "Bearer sk-1"


async def test_a_question_leads_to_no_other():
    async with asking(said("Yes.")) as (asker, upstream, _):
        send = upstream.send

        async def asks_again(request, target):
            await asker.ask(QUESTION)
            return await send(request, target)

        upstream.send = asks_again
        with pytest.raises(AskError, match="switch it off on the route"):
            await asker.ask(QUESTION)
