"""ai-history: keeps what each user and the model said last, and puts it in front of the user's next question.

With `fidelity: safe` (safe.py), it works in every API, for users who say who they are. With `fidelity: higress`
(higress.py), it works in chats of OpenAI. Both keep histories in the same format."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aigw.core.env import Env
from aigw.core.plugin import About, Difference, Place, Plugin
from aigw.plugins.ai_history.config import Config, check
from aigw.plugins.ai_history.higress import HigressHistory
from aigw.plugins.ai_history.safe import SafeHistory


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    assert config.redis is not None
    kv = env.stores.kv(config.redis.service())
    safe: Plugin = SafeHistory(config, kv, env)
    yield env.choose(safe=safe, higress=HigressHistory(config, kv, env))


ABOUT = About(
    config=Config,
    build=build,
    place=Place("", 650),
    recipe="ai-history",
    check=check,
    trusts_consumer=True,
    differences=(
        Difference("without the identity header", "there is no history", "everybody shares one"),
        Difference("a key in the identity header", "is kept as its hash", "is part of the name under which it is kept"),
        Difference("the other fields of messages", "stay as they are", "are lost"),
        Difference("system messages", "stay in front of the history", "come after it"),
        Difference("whose requests", "those of all APIs with a conversation", "chats of OpenAI with plain texts"),
        Difference("answers that are cut off, fail or call tools", "are not kept", "are kept"),
        Difference("turns at the same time", "are all kept", "may be lost"),
        Difference("the query", "is answered whatever the method, with [] where nothing is kept",
                   "is answered to a POST with a question, if something is kept"),
        Difference("texts in the history", "are as they were said", "have the escapes of JSON in answers"),
    ),
)  # fmt: skip
