"""Requests through ai-proxy alone, over a scripted upstream."""

from contextlib import asynccontextmanager

from fakes import FakeUpstream
from world import world

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Route

HELLO = {"model": "gpt-4", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**HELLO, "stream": True}
OPENAI = {"type": "openai", "apiTokens": ["sk-o"]}
COMPLETION = {
    "id": "x",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yo"}}],
}
USAGE = {"id": "x", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}
RESET = UpstreamError(UpstreamFault.RESET, "reset")
TWO = {"providers": [{"id": "a", **OPENAI}, {"id": "b", "type": "deepseek", "apiTokens": ["k"]}],
       "activeProviderId": "a", "fallback": ["b"]}  # fmt: skip
"""The first one is asked, the second one when it fails."""


def delta(text, finish=None):
    return {"id": "x", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}


@asynccontextmanager
async def proxy(config, upstream, **how):
    """Sends requests through the plugin; the replies are closed at the end."""

    async def send(request, route=None):
        return (await it.send(request, route=route))[1]

    async with world({"ai-proxy": config}, upstream=upstream, route=Route("test"), **how) as it:
        yield send


async def once(config, request, *script, **how):
    """One request through the plugin: the upstream, the reply and its body."""
    upstream = FakeUpstream(*script)
    async with proxy(config, upstream, **how) as send:
        reply = await send(request)
        return upstream, reply, await reply.body()
