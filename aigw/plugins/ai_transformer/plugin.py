"""ai-transformer: a model rewrites requests and answers as a prompt says, or rules do it without one.

With `fidelity: safe` (safe.py) a message that cannot be transformed stays as it is, and nobody's secrets are shown to
the model. With `fidelity: higress` (higress.py) DashScope is called as Higress calls it, with the whole message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aigw.clients import dashscope
from aigw.clients.callout import TLS_PORT, Callout
from aigw.clients.dashscope_text import DashScopeText
from aigw.core.env import Env
from aigw.core.plugin import About, Difference, Place, Plugin
from aigw.plugins.ai_transformer.config import Config, Part, Provider, asks, check, identity
from aigw.plugins.ai_transformer.higress import HigressTransformer
from aigw.plugins.ai_transformer.kept_messages import KeptMessages
from aigw.plugins.ai_transformer.models import DashScopeModel, Model, OwnModel
from aigw.plugins.ai_transformer.rules import Rules
from aigw.plugins.ai_transformer.safe import SafeTransformer
from aigw.plugins.ai_transformer.transformation import Transformation

MODEL = "qwen-max"
HOST = "dashscope.aliyuncs.com"


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    if env.fidelity == "higress":
        asked, answered = (part.prompt if part.prompted else "" for part in (config.request, config.response))
        yield HigressTransformer(asked, answered, _dashscope(config.provider, env, MODEL), env)
        return
    model = model_of(config.provider, env)
    kept = KeptMessages(env.stores.kv(), config.cache_ttl) if config.cache else None
    request, response = (transformation(part, model, kept) for part in (config.request, config.response))
    yield SafeTransformer(request, response, config.max_body, env)


def transformation(part: Part, model: Model, kept: KeptMessages | None = None) -> Transformation | None:
    """Returns None if there is nothing to do."""
    if not part.prompted and not part.ruled:
        return None
    return Transformation(Rules(part.rules if part.ruled else ()), part.prompt if part.prompted else "", model, kept)


def model_of(provider: Provider, env: Env) -> Model:
    if provider.own:
        return OwnModel(env.models, provider.route, provider.model, provider.timeout / 1000)
    return _dashscope(provider, env, provider.model or MODEL)


def _dashscope(provider: Provider, env: Env, model: str) -> Model:
    service = f"{provider.service_name}.dns" if provider.service_name else ""
    callout = Callout(env, service, TLS_PORT, provider.domain or HOST, provider.timeout / 1000, dashscope.STANDIN)
    return DashScopeModel(DashScopeText(callout, provider.api_key, model), model)


ABOUT = About(
    config=Config,
    build=build,
    place=Place("", 550),
    recipe="ai-transformer",
    check=check,
    identity=identity,
    asks=asks,
    differences=(
        Difference("what a model may not see or change", "keys, cookies, who the client is, and where it goes",
                   "nothing; what it leaves out is gone"),
        Difference("a message that the model answers badly", "stays as it is; a header says why",
                   "the plugin crashes; here it stays as it is"),
        Difference("bodies that do not fit their new content type", "leave the message as it is", "are sent"),
        Difference("streams of events", "pass as they are", "are held back to their end and transformed"),
        Difference("answers with a content coding", "are decoded and transformed", "pass as they are"),
        Difference("bodies of more than `maxBody` bytes", "leave the message as it is", "are transformed"),
    ),
)  # fmt: skip
