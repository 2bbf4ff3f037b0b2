"""ai-security-guard: checks requests and answers for what must not pass. It has Higress's keys in both forms.

With `fidelity: safe` (safe.py), all texts are checked, in every client's format and in streams; the screen of this
machine checks unless `services:` maps the service. With `fidelity: higress` (higress.py), the service is called as
Higress calls it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache

from msgspec.structs import replace

from aigw.clients import green_cip
from aigw.clients.callout import Callout
from aigw.clients.green_cip import GreenCip
from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.plugin import About, Difference, Place, Plugin
from aigw.higress.gjson import GjsonPath
from aigw.plugins.ai_security_guard.config import Config, check
from aigw.plugins.ai_security_guard.consumers import ByConsumer
from aigw.plugins.ai_security_guard.decision import Decider, decide_original, decide_original_safely
from aigw.plugins.ai_security_guard.higress import HigressGuard, OriginalGuard
from aigw.plugins.ai_security_guard.moderation import HIGRESS, LOCAL, SERVICE, WHOLE, Asking, Check, Phase, Slicing
from aigw.plugins.ai_security_guard.refusals import OriginalRefusals, Refusals, TodaysRefusals
from aigw.plugins.ai_security_guard.safe import SafeGuard, Settings

BUFFER, LOCAL_BUFFER = 1000, 32
"""How many characters of a stream are checked together."""
_SERVICES = {
    False: {"request": "llm_query_moderation", "response": "llm_response_moderation"},
    True: {"request": "query_security_check", "response": "response_security_check"},
}
"""The default services: of TextModerationPlus (False), and of MultiModalGuard (True)."""
IMAGE_SERVICE = "img_query_security_check"

Checks = Callable[[Exchange, Phase], Check]


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    original = config.original
    port, host = config.service_port or 443, config.service_host or config.domain or green_cip.HOSTS[0]
    service = f"{config.service_name}.dns" if original and config.service_name else config.service_name
    callout = Callout(env, service, port, host, config.timeout / 1000, green_cip.STANDIN)
    checks = _checks(config, env, callout)
    refusals: Refusals = OriginalRefusals() if original else TodaysRefusals(config, env)
    if env.fidelity == "higress":
        if original:
            yield OriginalGuard(checks, refusals)
        else:
            yield HigressGuard(config, checks, TodaysRefusals(config, env), env)
        return
    yield SafeGuard(_settings(config, callout, checks), refusals, env)


def _settings(config: Config, callout: Callout, checks: Checks) -> Settings:
    both, path = config.original, config.request_content_json_path
    return Settings(
        request=(lambda exchange: checks(exchange, "request"))
        if config.check_request or config.check_request_image or both
        else None,
        response=(lambda exchange: checks(exchange, "response")) if config.check_response or both else None,
        everything=config.scope == "all" or (not config.scope and callout.local),
        path=GjsonPath(path) if path else None,
        images=config.check_request_image and not both,
        size=config.buffer_limit or (LOCAL_BUFFER if callout.local else BUFFER),
        overlap=config.overlap,
        fail_closed=config.fail_closed,
    )


def _checks(config: Config, env: Env, callout: Callout) -> Checks:
    """Returns what makes the check of a phase of an exchange."""
    safe = env.choose(safe=True, higress=False)
    client = GreenCip(
        callout,
        key_id=config.ak or config.access_key,
        secret=config.sk or config.secret_key,
        token=config.security_token,
        action=config.action,
        form="original" if config.original else "today",
        clock=env.clock,
        random=env.random,
    )
    original = decide_original_safely if safe else decide_original
    decide = original if config.original else Decider(config, follows=safe)
    slicing: Slicing = (LOCAL if callout.local else SERVICE) if safe else WHOLE if config.original else HIGRESS
    requests = ByConsumer(config.consumer_request_check_service)
    responses = ByConsumer(config.consumer_response_check_service)
    bars = ByConsumer(config.consumer_risk_level)
    services = _SERVICES[config.multi]

    decide_image = Decider(replace(config, action=green_cip.IMAGE_ACTION), follows=safe)

    def image_service(consumer: str) -> str:
        special = requests.find(consumer)
        named = special.request_image_check_service if special else ""
        return named or config.request_image_check_service or IMAGE_SERVICE

    def service(phase: Phase, consumer: str) -> str:
        if phase == "request":
            special = requests.find(consumer)
            named = special.request_check_service if special else ""
            return named or config.request_check_service or services[phase]
        other = responses.find(consumer)
        named = other.response_check_service if other else ""
        return named or config.response_check_service or services[phase]

    @lru_cache(maxsize=1024)
    def asking(phase: Phase, consumer: str) -> Asking:
        return Asking(phase, service(phase, consumer), image_service(consumer), bars.find(consumer))

    def make(exchange: Exchange, phase: Phase) -> Check:
        log_words = config.log_words or not safe
        how = asking(phase, exchange.consumer)
        return Check(client, decide, decide_image, env, exchange, how, slicing, log_words=log_words)

    return make


ABOUT = About(
    config=Config,
    build=build,
    place=Place("", 300),
    recipe="ai-security-guard",
    check=check,
    differences=(
        Difference("which texts of a request", "all that the model reads, or those without an answer (`scope`)",
                   "the last message, or what requestContentJsonPath names"),
        Difference("whose requests", "every client's format", "chats"),
        Difference("without a bar", "what the service suggests is done", "only the highest level is denied"),
        Difference("sensitive data", "is masked, in answers and streams, too", "in requests, with riskAction: mask"),
        Difference("a stream", "leaves when it was checked, in windows that overlap", "in windows that do not overlap; "
                   "in the form of June 2024 nothing of it is checked"),
        Difference("arguments of calls, reasoning", "are checked", "are not"),
        Difference("words that were found", "are logged with logWords: true", "are in safecheck_riskWords"),
    ),
)  # fmt: skip
