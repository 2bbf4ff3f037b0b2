"""Chains: which plugins a request meets, in which order, built when."""

from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
from fakes import FakeUpstream, about, chat, make_env, make_exchange

from aigw.config.load import load
from aigw.core.model import Origin, Route, Target
from aigw.core.plugin import Behind, PerChain
from aigw.pipeline.pipeline import MAX_CHAINS, Pipeline


class Config(msgspec.Struct):
    text: str = ""


def writes(log, like, **more):
    """A plugin that writes its text on the way in and out."""

    @asynccontextmanager
    async def build(config, env):
        log.append(f"built {config.text}")

        async def plugin(exchange, call_next):
            log.append(config.text)
            reply = await call_next(exchange)
            log.append(f"/{config.text}")
            return reply

        yield plugin
        log.append(f"cleaned {config.text}")

    return about(build, Config, like=like, **more)


async def run(text, *requests, log):
    abouts = {name: writes(log, name) for name in ("key-auth", "ai-cache", "ai-proxy")}
    loaded = load(None, {}, abouts.get, text=text.encode())

    async def terminal(exchange):
        return exchange.reply(b"end")

    async with AsyncExitStack() as stack:
        pipeline = Pipeline(list(loaded.plugins.values()), terminal)
        await pipeline.open(make_env(FakeUpstream()), stack)
        log.clear()
        for route, host in requests:
            await pipeline.chain(Route(route), host).call(make_exchange(chat({})))
        return list(log), pipeline


async def test_order_is_higress_s_in_and_the_reverse_out():
    text = "plugins: {ai-proxy: {text: proxy}, ai-cache: {text: cache}, key-auth: {text: auth}}"
    seen, _ = await run(text, ("r", "h"), log=[])
    assert seen == ["auth", "cache", "proxy", "/proxy", "/cache", "/auth"]


async def test_order_can_be_given():
    text = "plugins: {ai-proxy: {text: proxy}, ai-cache: {text: cache}}\norder: [ai-proxy, ai-cache]"
    seen, _ = await run(text, ("r", "h"), log=[])
    assert seen[:2] == ["proxy", "cache"]


RULES = """
plugins:
  ai-cache:
    text: global
    _rules_:
    - {_match_domain_: ["*.corp"], text: corp}
    - {_match_route_: [r1], text: route}
routes: [{name: r1, match: {path: /a}}, {name: without, match: {path: /b}, plugins: {ai-cache: false}}]
"""


async def test_rules_by_host_and_route():
    seen, _ = await run(
        RULES, ("r1", "x.corp:1"), ("r1", "X.Corp."), ("r1", "y"), ("other", "y"), ("without", "x.corp"), log=[]
    )
    assert [text for text in seen if not text.startswith("/")] == ["corp", "corp", "route", "global"]


async def test_chains_by_made_up_hosts_are_bounded():
    log = []
    hosts = [("r1", f"h{number}") for number in range(MAX_CHAINS + 10)]
    _, pipeline = await run(RULES, *hosts, log=log)
    assert len(pipeline._chains) <= MAX_CHAINS


async def test_made_up_hosts_displace_no_chain_of_a_route_without_hosts():
    text = "plugins: {ai-proxy: {text: proxy, _rules_: [{_match_domain_: ['*.corp'], text: corp}]}}"
    text += "\nroutes: [{name: plain, plugins: {ai-proxy: {text: own}}}]"
    hosts = [("other", f"h{number}") for number in range(MAX_CHAINS + 10)]
    _, pipeline = await run(text, ("plain", "h"), *hosts, log=[])
    kept = pipeline.chain(Route("plain"), "h")
    for route, host in hosts:
        pipeline.chain(Route(route), f"again-{host}")
    assert pipeline.chain(Route("plain"), "h") is kept


async def test_every_configuration_is_built_once_and_cleaned_up():
    log = []
    await run(RULES, ("r1", "x.corp"), ("r1", "x.corp"), log=log)
    assert sorted(log[-3:]) == ["cleaned corp", "cleaned global", "cleaned route"]


async def test_a_plugin_is_told_what_stands_behind_it():
    told = []

    @asynccontextmanager
    async def build(config, env):
        async def plugin(exchange, call_next):
            return await call_next(exchange)

        yield PerChain(lambda behind: told.append(behind) or plugin)

    log = []
    withheld = {"a": ("cookie",), "b": ("cookie", "x-key")}
    abouts = {
        "ai-cache": about(build, Config, like="ai-cache"),
        "ai-statistics": writes(log, "ai-statistics", withholds=lambda config: ("in-front",)),
        "ai-proxy": writes(log, "ai-proxy", withholds=lambda config: withheld[config.text]),
        "ai-quota": writes(log, "ai-quota", identity=lambda config, services: None),
    }
    text = b"""
plugins: {ai-cache: {}, ai-statistics: {text: front}, ai-proxy: {text: a}, ai-quota: {text: refuses}}
routes:
- {name: one, match: {path: /one}}
- {name: two, plugins: {ai-proxy: {text: b}}}
"""
    loaded = load(None, {}, abouts.get, text=text)

    async def terminal(exchange):
        return exchange.reply(b"end")

    async with AsyncExitStack() as stack:
        pipeline = Pipeline(list(loaded.plugins.values()), terminal)
        await pipeline.open(make_env(FakeUpstream()), stack)
        target = Target(Origin("http", "127.0.0.1", 1), "llm")
        for route in (Route("one"), Route("two", target=target), Route("one")):
            await pipeline.chain(route, "h").call(make_exchange(chat({})))
    assert told == [
        Behind({"ai-proxy": {"text": "a"}, "route": None}, frozenset({"cookie"})),
        Behind({"ai-proxy": {"text": "b"}, "route": ["http://127.0.0.1:1", "llm"]}, frozenset({"cookie", "x-key"})),
    ]
