"""ai-proxy: sends requests to LLM providers. It has Higress's keys and behaviour, and three keys of aigw.

`weights`, `fallback` and `byModel` are aigw's own keys; Higress ignores them. If no provider is active, the plugin does
nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from aigw.core.authority import origin_of
from aigw.core.env import Env, Services
from aigw.core.exchange import Exchange
from aigw.core.headers import CREDENTIALS, PRIVATE, PRIVATE_STARTS
from aigw.core.model import Origin
from aigw.core.plugin import About, Description, Destination, Difference, Next, Place, Plugin, Problem
from aigw.core.reply import Reply
from aigw.providers.config import ProviderConfig
from aigw.providers.config_check import failing, mistakes_of
from aigw.providers.endpoint import locate
from aigw.providers.health import probe
from aigw.providers.higress import provider_type
from aigw.providers.lookup import KNOWN_ELSEWHERE, lookup
from aigw.providers.mapping import ModelMapping
from aigw.providers.provider import Provider, split_domain
from aigw.providers.router import Router
from aigw.providers.suggestions import apis_to_try, lacks_key, models_to_try, variable_of

_Weight = Annotated[int, Meta(ge=1)]


class Config(Struct, frozen=True, rename="camel", kw_only=True):
    """Sends requests to LLM providers.

    It takes the keys of Higress's ai-proxy for its OpenAI-compatible providers, for `qwen` in both of its forms,
    `azure`, `ollama`, `vllm`, `generic` and `coze`; and `builtin`, whose models `echo` and `mock` need no network. A
    request in a format that the provider does not speak is translated into one that it does: `claude` and `gemini`
    speak their vendors' own.

    If several keys of `modelMapping` match, the exact name wins, then the longest `prefix*`, then `~regex` in the order
    of the file, then `*`. Higress has no order there.

    If a provider fails (4xx, 5xx, no connection, or a failure inside an answer of status 200), the request is tried
    again with another of its `apiTokens` (`retryOnFailure`), then with the next provider (`fallback`). Once the client
    has got the first content, nothing is tried again.

    Embeddings are only shared among providers, and fall back, where these use the same model: vectors of two models
    must not be compared.

    `weights`, `fallback` and `byModel` are aigw's own keys. Higress ignores them."""

    provider: Annotated[ProviderConfig | None, Meta(description="the provider, if there is only one")] = None
    providers: Annotated[list[ProviderConfig], Meta(description="several providers, each with its own `id`")] = []
    active_provider_id: Annotated[str, Meta(description="the `id` of the provider that is used")] = ""
    weights: Annotated[
        dict[str, _Weight],
        Meta(description="aigw: provider id -> its share of the requests; replaces activeProviderId"),
    ] = {}
    fallback: Annotated[
        list[str],
        Meta(description="aigw: provider ids, tried in this order if a provider fails before its first content"),
    ] = []
    by_model: Annotated[
        dict[str, str], Meta(description="aigw: model of the request -> provider id; keys as in modelMapping")
    ] = {}

    def active(self) -> list[ProviderConfig]:
        """Returns the providers that requests can be sent to, the default one first. As in Higress, `provider` goes
        before `providers`, and the first of several with the same id counts."""
        if self.provider:
            return [self.provider]
        by_id = {provider.id: provider for provider in reversed(self.providers)}
        named = [self.active_provider_id, *self.weights, *self.by_model.values(), *self.fallback]
        return [by_id[name] for name in dict.fromkeys(named) if name in by_id]


def check(config: Config) -> list[Problem]:
    """Returns the problems of a configuration. The messages are Higress's, if it has one."""
    problems = [] if config.provider is None else mistakes_of(config.provider, ("provider",))
    ids: set[str] = set()
    active = config.active()
    for index, provider in enumerate(config.providers):
        found = mistakes_of(provider, ("providers", index))
        if not provider.id:
            found.append(Problem(("providers", index, "id"), "missing id in provider config"))
        elif provider.id in ids:
            message = f"{provider.id!r} is already the id of another provider"
            found.append(Problem(("providers", index, "id"), message, quirk=True))
        problems += found if provider in active else [_unused(problem, provider) for problem in found]
        ids.add(provider.id)
    problems += failing(("byModel",), lambda: ModelMapping(config.by_model))
    problems += _check_references(config)
    if config.provider and (config.active_provider_id or config.weights or config.fallback or config.by_model):
        problems.append(Problem(("provider",), "is used, as in Higress, and none of providers is", note=True))
    return problems


def _unused(problem: Problem, provider: ProviderConfig) -> Problem:
    """Higress does not look at a provider that nothing chooses. So one of a type that aigw does not speak, which may be
    for another gateway, is no error."""
    if problem.note or problem.path[-1] != "type" or provider.type not in KNOWN_ELSEWHERE:
        return problem._replace(quirk=True)
    return problem._replace(note=True, message=f"{problem.message}, so that nothing may choose this provider")


_CHOICE = ("activeProviderId", "weights", "fallback", "byModel")


def not_inherited(keys: Collection[str], *, exact: bool) -> Collection[str]:
    """A rule chooses its provider in one of the two ways. If it chooses none, Higress uses none there."""
    if "provider" in keys:
        return _CHOICE
    chooses = any(key in keys for key in _CHOICE)
    return ("provider",) if chooses else ("provider", *_CHOICE) if exact else ()


def _check_references(config: Config) -> list[Problem]:
    """Finds ids that no provider has. With such an id, Higress's plugin does nothing, without an error."""
    known = {provider.id for provider in config.providers}
    named: list[tuple[str, Iterable[str]]] = [
        ("activeProviderId", [config.active_provider_id] if config.active_provider_id else []),
        ("weights", config.weights),
        ("fallback", config.fallback),
        ("byModel", config.by_model.values()),
    ]
    return [
        Problem(
            (key,), f"there is no provider '{name}' in providers ({', '.join(sorted(known)) or 'none'})", quirk=True
        )
        for key, names in named
        for name in names
        if name and name not in known
    ]


def describes(config: Config) -> Description:
    providers = config.active()
    if not providers:
        return Description(lacking=_lacking(config))
    names = [each.id or each.type for each in providers]
    builtin, models = models_to_try(providers, config.by_model)
    told = Description(names, models, builtin, apis_to_try(providers, config.by_model))
    if not models or builtin or not lacks_key(providers[0]):
        return told
    return told._replace(key_header="authorization: Bearer KEY", key_variable=variable_of(providers[0].type))


def _lacking(config: Config) -> str:
    ids = [each.id for each in config.providers]
    if not ids:
        return "ai-proxy has no provider; write provider: {type: ...} under it (`aigw init` writes one)"
    return f"ai-proxy has {', '.join(ids)}, and activeProviderId names none; write activeProviderId: {ids[0]}"


_UNKEYED = ("apiTokens", "timeout", "firstByteTimeout", "failover", "retryOnFailure")


def identity(config: Config, services: Services) -> Any:
    """Returns where requests are sent and how they are changed, without tokens and timeouts. `ownKey` is true if no
    client's key is sent on."""
    providers = config.active()
    if not providers:
        return None
    rows = [(lookup(provider.type), msgspec.to_builtins(provider)) for provider in providers]
    return {
        "providers": [
            {name: value for name, value in keys.items() if name not in _UNKEYED}
            | {"at": _address(row, keys, services)}
            for row, keys in rows
        ],
        "weights": config.weights,
        "fallback": config.fallback,
        "byModel": config.by_model,
        "ownKey": _has_own_keys(config),
    }


def withholds(config: Config) -> tuple[str, ...]:
    """Returns the client's headers that no provider gets: those that tell who the client is, and its keys if all
    providers have their own."""
    if not config.active():
        return ()
    return (*PRIVATE, *(f"{start}*" for start in PRIVATE_STARTS), *(CREDENTIALS if _has_own_keys(config) else ()))


def _has_own_keys(config: Config) -> bool:
    return all(each.api_tokens or lookup(each.type).dialect == "builtin" for each in config.active())


def _address(row: Provider, keys: dict[str, Any], services: Services) -> str:
    """Returns the real address of a provider, "" if it is the route's own service or built in."""
    origin = _origin(row, keys)
    return "" if origin is None else str(services.locate(origin.scheme, _authority(origin)))


def _origin(row: Provider, keys: dict[str, Any]) -> Origin | None:
    """Returns where a provider is by its configuration, None if it is the route's own service or built in."""
    domain = keys["providerDomain"]
    origin = origin_of(*split_domain(domain, row.scheme)) if domain else locate(row, keys).origin
    return None if row.dialect == "builtin" else origin


def destinations(config: Config) -> list[Destination]:
    found = []
    for provider in config.active():
        row = lookup(provider.type)
        origin = _origin(row, msgspec.to_builtins(provider))
        if origin is not None:
            found.append(Destination(provider.id or provider.type, provider.type, origin.scheme, _authority(origin)))
        elif row.dialect == "builtin":
            found.append(Destination(provider.id or provider.type, provider.type, "", ""))
    return found


def _authority(origin: Origin) -> str:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return f"{host}:{origin.port}"


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    """Yields the router, and meanwhile probes the providers that have a `healthCheckModel`."""
    make = provider_type(env)
    providers = [make(provider, env, at_route=not index) for index, provider in enumerate(config.active())]
    if not providers:
        yield _pass
        return
    if any(provider.row.type == "builtin" for provider in providers) and not env.tokenizer.ready():
        await asyncio.to_thread(env.tokenizer.count, "")  # the first call must not wait for the vocabulary
    router = Router(
        providers,
        env,
        weights=config.weights,
        fallback=config.fallback,
        by_model=config.by_model,
    )
    probed = [p for p in providers if p.config.failover.enabled and p.config.failover.health_check_model]
    tasks = [asyncio.create_task(probe(provider, env)) for provider in probed]
    try:
        yield router
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass(exchange: Exchange, call_next: Next) -> Reply:
    return await call_next(exchange)


_DIFFERENCES = (
    # the configuration
    ("a provider that nothing chooses", "may be of a type that aigw does not speak", "may be wrong in any way"),
    ("a rule that chooses no provider", "has that of the global configuration", "has none: requests pass as they are"),
    # what a provider gets
    ("another spelling of a path (`/v1/chat/completions/`, `%2F`, `//`, `..`, capitals)",
     "is the same API, and goes on in its plain form", "is another path, which is passed on unmapped"),
    ("a path that is no API and that no route names (`/favicon.ico`)", "404", "is sent to the provider, with its key"),
    ("an API that the provider does not offer", "400", "is sent to some providers all the same"),
    ("tokens of a prompt that the provider does not count (`count_tokens`, `:countTokens`, `input_tokens`)",
     "are estimated here, for nothing", "refused, or sent to some providers all the same"),
    ("a 404 for the API itself, of Messages or of a compaction", "400, because clients take 404 for a missing model",
     "is passed on"),
    ("an API that the next provider has, but not this one", "the next one is asked", "refused"),
    ("a deployment in the path (Azure)", "is the model of the request", "is another path"),
    ("`modelMapping` for a model in a path (Gemini) or a form (audio)", "is used", "is not"),
    ("a missing model", "becomes the one for `*`; without that it stays missing",
     'becomes the one for `*`, but not with qwen; without that `""`'),
    ("a form", "is kept, so that it can be sent again (`max_kept_upload`)", "is sent once"),
    ("a form with several models or boundaries", "400", "the first one counts"),
    ("names that stand twice in a JSON body", "400", "each reader takes the one that it likes"),
    ("unknown fields of a request whose body is rewritten", "are kept", "are lost"),
    ("a request in a format that the provider does not speak",
     "is translated, from any format; `x-aigw-lost` names what is lost; what would make the answer wrong is refused",
     "is translated from Anthropic's, and for `claude` and `gemini` from OpenAI's; images in results, documents, "
     "schemas and more are lost"),
    ("`reasoning_effort: none`, with `zhipuai`", "the model does not think", "the model thinks, as with any effort"),
    ("a client of Anthropic's API that does not ask for thinking, with `zhipuai`", "the model decides",
     "the model does not think"),
    ("`context`", "goes into every conversation", "goes into chat requests only"),
    ("a command of `contextCleanupCommands` that is the only part of a list", "is found", "is not"),
    ("the path with protocol original", "is the provider's own from where that begins",
     "is the client's with qwen and azure"),
    ("a slash at the end of `providerBasePath`", "is left out", "is doubled"),
    ("`Accept`, where a stream is asked for", "is the client's", "becomes `text/event-stream`"),
    ("native qwen: no `top_p`", "none is sent", "0.000001 is sent"),
    ("keys in the query (`?key=`)", "are removed", "are passed on"),
    ("what tells who the client is (`Cookie`, `Origin`, `Referer`, `Forwarded`, `Sec-*`, `X-Forwarded-*`, `Cf-*`)",
     "is removed", "is passed on; `x-hi-original-auth`, `x-envoy-original-*` are added"),
    ("keys of the client, where the provider has its own", "are removed", "all but the one in its place are passed on"),
    ("`retryOnFailure`", "streams too, before their first content", "plain requests only"),
    ("what a retry sends", "the same with another key",
     "no header of the client, no `customSettings`: only the model is mapped and the body converted"),
    ("reasoning that a client leaves out, where the provider wants it back (DeepSeek, Kimi, OpenRouter)",
     "is put back",
     "stays away, and the provider refuses a request with tools"),
    ("`store: false` in chat completions, at providers other than OpenAI and Azure", "is left out: some refuse it",
     "is passed on"),
    ("custom tools of chat completions, where the provider knows functions alone (DeepSeek, Kimi, Qwen, ...)",
     "become functions, and their calls custom ones again", "are passed on, and refused"),
    ("what another provider has signed, in a conversation that has moved", "is left out: it would be refused",
     "is passed on"),
    # what the client gets
    ("errors of the gateway", "JSON in the client's format, with a fitting status", "text/plain, often 500"),
    ("an error in DashScope's own form (`qwenEnableCompatible: false`)", "becomes an error in the client's format",
     "is passed on"),
    ("an error page that is not JSON", "becomes an error in the client's format", "is passed on"),
    ("if all retries fail", "the client gets the last error", "the client gets the first error"),
    ("if all providers of `fallback` fail", "the client gets the first error, with a line on the others",
     "the client gets the last error"),
    ("a status 200 that failed (an error in any shape, no answer, a web page)",
     "is tried elsewhere, or becomes an HTTP error", "is passed on"),
    ("events that only open an answer", "are held back while another provider could be tried, up to 15 s",
     "are passed on"),
    ("an answer that is cut off, however it is framed or coded",
     "ends with an error event, or with a broken connection", "ends as its connection does"),
    ("JSON where events were asked for, or the reverse", "is converted", "is passed on"),
    ("a complete stream without `[DONE]`", "gets one", "gets none"),
    ("a usage chunk that the client did not ask for", "read, not forwarded", "forwarded"),
    ("embeddings in another format than asked for", "are converted", "are passed on"),
    ("a list of models", "has the shape that the caller reads", "has the provider's"),
    ("`cache_control.ttl` of Anthropic's API, for other makers", "is removed: some refuse it", "is passed on"),
    ("keys of ours that an error of the provider quotes", "become `***`", "are passed on"),
    ("`x-aigw-*`, cookies and CORS headers of the provider (`Access-Control-*`, `Set-Cookie`, `Alt-Svc`)",
     "are removed", "are passed on"),
)  # fmt: skip
"""Rows of (subject, what `safe` does, what `fidelity: higress` does)."""

ABOUT = About(
    config=Config,
    build=build,
    place=Place("", 100),
    recipe="ai-proxy",
    check=check,
    inherits=True,
    not_inherited=not_inherited,
    identity=identity,
    withholds=withholds,
    describes=describes,
    destinations=destinations,
    differences=tuple(Difference(*difference) for difference in _DIFFERENCES),
)
