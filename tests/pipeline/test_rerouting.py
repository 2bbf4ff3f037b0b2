"""A plugin that sets headers chooses the route again: behind it stands the chain of the new one."""

from contextlib import AsyncExitStack

import pytest
from fakes import FakeUpstream, chat, make_env, make_exchange

from aigw.config.load import load
from aigw.core.errors import GatewayError
from aigw.core.model import Timeouts
from aigw.pipeline.forward import Forward
from aigw.pipeline.pipeline import Pipeline
from aigw.server.routes import RouteTable
from aigw.trace.tracer import Tracer

GLOBAL = """
plugins:
  model-router: {modelToHeader: x-model}
routes:
- {name: a, match: {headers: {x-model: a}}, upstream: "http://a", plugins: {model-mapper: {modelMapping: {a: A}}}}
- {name: b, match: {headers: {x-model: b}}, upstream: "http://b", plugins: {model-mapper: {modelMapping: {b: B}}}}
"""
REST = GLOBAL + '- {name: rest, upstream: "http://rest", plugins: {model-mapper: {modelMapping: {"*": R}}}}\n'


async def served(text, model, tracer=None, **headers):
    """The upstream and the route of one request, as the edge would serve it."""
    upstream = FakeUpstream()
    loaded = load(None, {}, text=text.encode())
    async with AsyncExitStack() as stack:
        pipeline = Pipeline(list(loaded.plugins.values()), Forward(upstream), tracer)
        await pipeline.open(make_env(upstream), stack)
        table = RouteTable(loaded.config.routes, pipeline, loaded.services, Timeouts())
        request = chat({"model": model}, headers=headers)
        found = table.find(request)
        if found is None:
            return None
        route, chain = found
        exchange = make_exchange(request, route=route)
        try:
            await chain.call(exchange)
        finally:
            await exchange.aclose()
            await exchange.settled()
    return upstream.json()["model"], upstream.sent[0][1].origin.host, exchange.route.name


@pytest.mark.parametrize(
    ("text", "model", "expected"),
    [
        (GLOBAL, "a", ("A", "a", "a")),
        (GLOBAL, "b", ("B", "b", "b")),
        (REST, "a", ("A", "a", "a")),
        (REST, "c", ("R", "rest", "rest")),
    ],
)
async def test_the_route_is_chosen_again(text, model, expected):
    assert await served(text, model) == expected


async def test_a_header_of_the_clients_does_not_count():
    assert await served(REST, "b", **{"x-model": "a"}) == ("B", "b", "b")


async def test_a_model_that_no_route_takes():
    with pytest.raises(GatewayError) as caught:
        await served(GLOBAL, "c")
    assert (caught.value.status, caught.value.code) == (404, "unknown_url")


async def test_without_the_plugin_there_is_no_second_choice():
    assert await served(GLOBAL.replace("plugins:\n  model-router: {modelToHeader: x-model}\n", ""), "a") is None


async def test_on_one_route_only():
    """A route's own model-router leads away from it; its further plugins do not run then."""
    text = REST.replace("plugins:\n  model-router: {modelToHeader: x-model}\n", "").replace(
        'rest", plugins: {', 'rest", plugins: {model-router: {modelToHeader: x-model}, '
    )
    assert await served(text, "a") == ("A", "a", "a")
    assert await served(text, "c") == ("R", "rest", "rest")


@pytest.mark.parametrize(("model", "route"), [("a", "a"), ("c", "rest")])
async def test_a_trace_holds_all_turns(model, route):
    recordings = []
    await served(REST, model, Tracer(make_env(FakeUpstream()).clock, recordings.append))
    (recording,) = recordings
    turns = [turn.applied.name if turn.applied else "-" for turn in recording.visits]
    assert (turns, recording.absent) == (["model-router", "model-mapper", "-"], [])
    assert recording.exchange.route.name == route


def test_where_no_route_looks_at_headers_nothing_is_chosen_again():
    text = b'plugins: {model-router: {}}\nroutes: [{name: a, match: {path: /a}, upstream: "http://a"}]'
    loaded = load(None, {}, text=text)
    pipeline = Pipeline(list(loaded.plugins.values()), Forward(FakeUpstream()))
    assert RouteTable(loaded.config.routes, pipeline, loaded.services, Timeouts()).find(chat({}, path="/b")) is None
