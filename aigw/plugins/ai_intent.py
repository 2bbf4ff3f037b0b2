"""ai-intent: asks a model to which of some categories a question belongs.

Rule: it never stops a request. Whatever fails, the request goes on without a category, and the log says why."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated
from urllib.parse import SplitResult, quote, urlsplit

from msgspec import Meta, Struct

from aigw.clients.callout import TLS_PORT, Callout, CalloutError
from aigw.clients.openai_chat import chat_body, text_in
from aigw.core.aside import aside
from aigw.core.asking import AskError, Question
from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.json_path import JsonPath
from aigw.core.plain import header_text
from aigw.core.plugin import About, Difference, Next, Place, Plugin, Problem
from aigw.core.reply import Reply
from aigw.dialects.json_values import decoded
from aigw.dialects.model_field import as_header
from aigw.higress.bodies import is_unseen
from aigw.higress.gjson import GjsonPath
from aigw.higress.go_format import sprintf
from aigw.higress.raw_value import unquoted, without_unicode_escapes
from aigw.higress.values import text_of

NAME = "ai-intent"
PROPERTY = "intent_category"
HEADER = "x-higress-intent-category"
"""The request header with the category, by which routes can match."""
TOLD, NONE = "x-aigw-intent", "none"
PROMPT = (
    "你是一个智能类别识别助手，负责根据用户提出的问题和预设的类别，确定问题属于哪个预设的类别，并给出相应的类别。"
    "用户提出的问题为:'%s',预设的类别为'%s'，直接返回一种具体类别，如果没有找到就返回'NotFound'。"
)
"""Higress's own: asks for the one category of the second text that fits the question in the first one."""
QUESTION = "messages.@reverse.0.content"
MODEL, TIMEOUT = "qwen-long", 10_000
MOST_TOKENS = 64
"""How long the answer of a route may be: a category is a word or two."""

Ask = Callable[[str], Awaitable[str]]
"""Returns the answer to a prompt. Raises CalloutError or AskError."""


class Scene(Struct, frozen=True, kw_only=True):
    """A question about a text: the categories, and the prompt."""

    category: Annotated[str, Meta(description="the categories, with | between them")] = ""
    prompt: Annotated[
        str, Meta(description="the prompt: the first %s becomes the question, the second one the categories")
    ] = PROMPT

    @property
    def categories(self) -> list[str]:
        return [name for name in self.category.split("|") if name.strip()]


class Llm(Struct, frozen=True, rename="camel", kw_only=True):
    """Who is asked: a service that speaks OpenAI's API or, as only aigw has it, a route of this gateway."""

    route: Annotated[
        str | None, Meta(description="aigw: the name of a route of this gateway that is asked; empty: any that matches")
    ] = None
    proxy_service_name: Annotated[str, Meta(description="the name of the service in `services:`")] = ""
    proxy_url: Annotated[str, Meta(description="the URL of its API, with the path")] = ""
    proxy_domain: Annotated[str, Meta(description="the header Host; empty: the host in `proxyUrl`")] = ""
    proxy_port: Annotated[int, Meta(ge=0, le=65535, description="the port; 0: the one in `proxyUrl`")] = 0
    proxy_model: Annotated[str, Meta(description="the model that is asked; empty: qwen-long")] = ""
    proxy_timeout: Annotated[int, Meta(ge=0, description="how long it may take, in milliseconds; 0: 10000")] = TIMEOUT
    proxy_api_key: Annotated[str, Meta(description="the API key of the service")] = ""

    @property
    def seconds(self) -> float:
        return (self.proxy_timeout or TIMEOUT) / 1000

    @property
    def url(self) -> SplitResult:
        return urlsplit(self.proxy_url)

    @property
    def port(self) -> int:
        """Raises ValueError."""
        return self.proxy_port or self.url.port or (TLS_PORT if self.url.scheme == "https" else 80)


class KeyFrom(Struct, frozen=True, rename="camel", kw_only=True):
    """Where the question is."""

    request_body: Annotated[
        str, Meta(description="a gjson path in the request; empty: the last message (with `safe`: of the user)")
    ] = ""
    response_body: Annotated[str, Meta(description="not used, as in Higress")] = ""


class Config(Struct, frozen=True, rename="camel", kw_only=True):
    """Asks a model to which category a question belongs, before the request goes on.

    The category is the property `intent_category` in the access log and on the span, and the request header
    x-higress-intent-category, by which the route is chosen again: `match: {headers: {x-higress-intent-category: law}}`.
    Clients cannot send this header. The response header x-aigw-intent shows it.

    `llm: {route: NAME}` asks a route of this gateway, so that its limits, its cache and the books see the question.
    Without a category, because none fits or the model does not answer, the request goes on as it was."""

    scene: Scene = Scene()
    llm: Llm = Llm()
    key_from: KeyFrom = KeyFrom()


def check(config: Config) -> list[Problem]:
    problems = [] if config.scene.categories else [Problem(("scene", "category"), "scene.category must not be empty")]
    if config.scene.prompt and _placeholders(config.scene.prompt) != 2:
        message = "must have %s twice, for the question and the categories"
        problems.append(Problem(("scene", "prompt"), message, quirk=True))
    return problems + _check_llm(config.llm)


def _check_llm(llm: Llm) -> list[Problem]:
    if llm.route is not None:
        return []
    if not llm.proxy_service_name:
        return [Problem(("llm", "proxyServiceName"), "llm.proxyServiceName must not be empty; or write `route`")]
    if not llm.proxy_url:
        return [Problem(("llm", "proxyUrl"), "llm.proxyUrl must not be empty")]
    try:
        _ = llm.port
    except ValueError as error:
        return [Problem(("llm", "proxyUrl"), f"llm.proxyUrl is not a URL: {error}")]
    return []


def _placeholders(prompt: str) -> int:
    return prompt.replace("%%", "").count("%s")


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    ask = _ask(config.llm, env)
    safe: Plugin = _Safe(config, ask, env)
    yield env.choose(safe=safe, higress=_Higress(config, ask, env))


def _ask(llm: Llm, env: Env) -> Ask:
    if llm.route is not None:
        return _route(llm, llm.route, env)
    host = llm.proxy_domain or llm.url.hostname or ""
    callout = Callout(env, llm.proxy_service_name, llm.port, host, llm.seconds)
    sends_key = env.choose(safe=bool(llm.proxy_api_key), higress=True)
    headers = {"authorization": f"Bearer {llm.proxy_api_key}"} if sends_key else {}

    async def ask(prompt: str) -> str:
        return text_in(await callout.post(llm.url.path, headers, chat_body(llm.proxy_model or MODEL, prompt)))

    return ask


def _route(llm: Llm, route: str, env: Env) -> Ask:
    async def ask(prompt: str) -> str:
        if env.models is None:
            raise AskError("no route can be asked here")
        question = Question([("user", prompt)], llm.proxy_model, route, llm.seconds, MOST_TOKENS)
        return await env.models.ask(question)

    return ask


class _Safe:
    def __init__(self, config: Config, ask: Ask, env: Env) -> None:
        self._scene = config.scene
        self._prompt = config.scene.prompt or PROMPT
        self._path = GjsonPath(config.key_from.request_body) if config.key_from.request_body else None
        self._ask = ask
        self._env = env

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        exchange.request.headers.popall(HEADER, None)
        question = await aside(len(exchange.request.body), self._question, exchange)
        if not question.strip():
            return await call_next(exchange)
        category, told = await self._classify(question)
        exchange.labels.remarks[NAME] = category or told
        if category:
            note(exchange, category)
            exchange.request.headers[HEADER] = as_header(category)
        route = exchange.route
        reply = await call_next(exchange)
        reply.headers[TOLD] = quote(category, safe=" ") or told
        # a cache in front of the choice of the route does not know which one it was
        failed = not category and told != NONE
        reply.makeshift = reply.makeshift or failed or exchange.route is not route
        return reply

    def _question(self, exchange: Exchange) -> str:
        if not exchange.request.is_json or not exchange.asked.generates:
            return ""
        try:
            if self._path is None:
                return exchange.asked.question
            exchange.request.seal()
            return text_of(self._path.get(decoded(exchange.request.body)))
        except ValueError:
            return ""

    async def _classify(self, question: str) -> tuple[str, str]:
        """Returns the category, or "" and the reason why there is none."""
        try:
            answer = await self._ask(sprintf(self._prompt, question, self._scene.category))
        except (CalloutError, AskError) as error:
            self._env.log.warning("%s: %s", NAME, error)
            return "", f"{NONE}; {header_text(str(error), 200)}"
        return named(answer, self._scene.categories), NONE


class _Higress:
    def __init__(self, config: Config, ask: Ask, env: Env) -> None:
        self._categories = config.scene.categories
        self._category = config.scene.category
        self._prompt = config.scene.prompt or PROMPT
        self._path = GjsonPath(config.key_from.request_body or QUESTION)
        self._ask = ask
        self._env = env

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        request = exchange.request
        request.seal()
        if request.body and request.upload is None and not is_unseen(exchange.original.headers):
            try:
                question = await aside(len(request.body), self._question, request.body)
                answer = await self._ask(sprintf(self._prompt, question, self._category))
            except (CalloutError, AskError) as error:
                self._env.log.warning("%s: %s", NAME, error)
                answer = ""
            if category := next((name for name in self._categories if name in answer), ""):
                note(exchange, category)
        return await call_next(exchange)

    def _question(self, body: bytes) -> str:
        try:
            value = decoded(body)
        except ValueError:
            return ""
        return without_unicode_escapes(unquoted(body, value, self._path))


def note(exchange: Exchange, category: str) -> None:
    exchange.labels.log_properties[PROPERTY] = category
    exchange.labels.span_tags[PROPERTY] = category


def named(answer: str, categories: Sequence[str]) -> str:
    """Returns the category that is the answer, or else the one that it names first, "" if it names none."""
    said = answer.strip().casefold()
    places = [(said.find(name.strip().casefold()), -len(name), name) for name in categories]
    exact = [name for name in categories if name.strip().casefold() == said]
    return exact[0] if exact else min((each for each in places if each[0] >= 0), default=(0, 0, ""))[2]


def withholds(config: Config) -> Sequence[str]:
    return (HEADER,)


def asks(config: Config) -> Mapping[JsonPath, str]:
    return {("llm", "route"): config.llm.route or ""}


ABOUT = About(
    config=Config,
    build=build,
    place=Place("", 700),
    recipe="ai-intent",
    check=check,
    asks=asks,
    reroutes=True,
    withholds=withholds,
    differences=(
        Difference("the category", "is a request header, too, and the route is chosen again", "is a property only"),
        Difference("the question", "is the user's last one, in any API", "is the last message of a chat, with escapes"),
        Difference("what has no question", "is not classified", "is, with an empty one"),
        Difference("an answer with more than a category", "counts as the one that it names first",
                   "counts as the first of the list that is in it"),
    ),
)  # fmt: skip
