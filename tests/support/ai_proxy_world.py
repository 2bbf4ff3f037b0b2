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

ROLE = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}
OVERLOADED = {"error": {"message": "busy", "code": 529}}
CLAUDE = {"type": "claude", "apiTokens": ["k"]}
GEMINI = {"type": "gemini", "apiTokens": ["k"]}
QWEN = {"type": "qwen", "apiTokens": ["k"], "qwenEnableCompatible": False}
STARTED = {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": []}}
CREATED = {"type": "response.created", "response": {"id": "r", "status": "in_progress", "output": [], "error": None}}
CALLS = {
    "chat": (OPENAI, "/v1/chat/completions", HELLO),
    "completions": (OPENAI, "/v1/completions", {"model": "m", "prompt": "hi"}),
    "responses": (OPENAI, "/v1/responses", {"model": "m", "input": "hi"}),
    "messages": (CLAUDE, "/v1/messages", {"model": "m", "max_tokens": 9, **HELLO}),
    "gemini": (GEMINI, "/v1beta/models/m:generateContent", {"contents": [{"parts": [{"text": "hi"}]}]}),
    "embeddings": (OPENAI, "/v1/embeddings", {"model": "m", "input": "hi"}),
    "native": (QWEN, "/v1/chat/completions", HELLO),
    "embed": (GEMINI, "/v1beta/models/m:embedContent", {"content": {"parts": [{"text": "hi"}]}}),
}
"""By format: a provider, the path and the body of a request."""


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
