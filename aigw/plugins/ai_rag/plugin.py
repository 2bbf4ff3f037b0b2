"""ai-rag: puts passages that fit the question in front of it. It has Higress's keys in both forms.

With `fidelity: safe` (safe.py), a collection of this machine is searched by words and by meaning, unless `services:`
maps DashVector; all fields of the request stay. With `fidelity: higress` (higress.py), both services are called
as Higress calls them, and their stand-ins answer if they are not mapped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from aigw.clients import dashscope, dashvector
from aigw.clients.callout import Callout, is_local, located
from aigw.clients.dashscope import EMBED_HOST, DashScopeClient
from aigw.clients.dashvector import DashVectorClient
from aigw.core.env import Env, Services
from aigw.core.plugin import About, Difference, Place, Plugin
from aigw.plugins.ai_rag.config import Config, check, position_of
from aigw.plugins.ai_rag.higress import HigressRag, OriginalRag
from aigw.plugins.ai_rag.safe import SafeRag, Settings
from aigw.plugins.ai_rag.search import LocalSearcher, RemoteSearcher, Searcher

TOP = 3
"""How many passages are searched, in today's form."""
ORIGINAL_MODEL = "text-embedding-v1"


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    embed, vectors = _callouts(config, env)
    embedder = DashScopeClient(embed, config.dashscope.api_key, ORIGINAL_MODEL if config.original else "")
    found = DashVectorClient(vectors, config.dashvector.api_key, config.collection)
    if env.fidelity == "higress":
        yield _as_higress(config, embedder, found, env)
        return
    top = config.dashvector.topk or (1 if config.original else TOP)
    searcher: Searcher = RemoteSearcher(embedder, found, top, config.dashvector.field_name or "raw")
    if vectors.local and env.retrieval is not None:
        searcher = LocalSearcher(env.retrieval, config.collection, top)
    yield SafeRag(searcher, _settings(config), env)


def _as_higress(config: Config, embedder: DashScopeClient, vectors: DashVectorClient, env: Env) -> Plugin:
    if config.original:
        return OriginalRag(embedder, vectors, env.log.warning)
    return HigressRag(config, embedder, vectors, env.log.warning)


def _callouts(config: Config, env: Env) -> tuple[Callout, Callout]:
    """Returns how DashScope and DashVector are called."""
    embed, vector = config.dashscope, config.dashvector
    service, port, host = embed.address
    to_embed = Callout(env, service, port, host or EMBED_HOST, embed.timeout / 1000, dashscope.STANDIN)
    service, port, host = vector.address
    return to_embed, Callout(env, service, port, host, vector.timeout / 1000, dashvector.STANDIN)


def _settings(config: Config) -> Settings:
    return Settings(
        threshold=config.dashvector.threshold,
        least=config.min_score,
        as_messages=position_of(config) == "messages",
        template=config.template,
        budget=config.max_context_tokens,
    )


def searches(config: Config, services: Services) -> Collection[str]:
    service, port, host = config.dashvector.address
    here = is_local(located(services, service, port, host, dashvector.STANDIN))
    return (config.collection,) if here else ()


ABOUT = About(
    config=Config,
    build=build,
    place=Place("", 400),
    recipe="ai-rag",
    check=check,
    searches=searches,
    differences=(
        Difference("where it searches", "by words and by meaning, in a collection of this machine",
                   "by the vector of the question alone"),
        Difference("what it searches for", "all that the user said since the last answer", "the last message"),
        Difference("the other fields of the request", "stay as they are", "only seven survive; numbers become 0"),
        Difference("whose requests", "chats, completions, Messages, Responses, Gemini", "chats with plain texts"),
        Difference("passages", "stand between marks, as data with their source", "are pasted as they are"),
        Difference("the words before the question", "are `template`, or Chinese or English, as the question is",
                   "are Chinese"),
        Difference("the field with a passage's text", "`field`", "always raw"),
    ),
)  # fmt: skip
