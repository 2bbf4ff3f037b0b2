"""The first call that a person may copy into a terminal: one that the configuration in force answers.

Rule: it shows no key. It names the variable that has the key, or the line of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from multidict import CIMultiDict

from aigw.config.load import Loaded
from aigw.config.model import DEFAULT_ROUTE, RouteConfig
from aigw.config.rules import matches_domain
from aigw.core.errors import GatewayError
from aigw.core.model import Request, Timeouts
from aigw.core.path import plain
from aigw.core.plugin import Description
from aigw.dialects import apis
from aigw.dialects.greeting import GREETED, greeting
from aigw.pipeline.pipeline import select
from aigw.providers.well_known import WELL_KNOWN
from aigw.server.guard import Guard
from aigw.server.route_index import matches
from aigw.server.routes import make_route
from aigw.translation.translation import CLIENTS

LOCAL = "127.0.0.1"
GEMINI_PATH = "/v1beta/models/{model}:generateContent"
PLACEHOLDER = "MODEL"
"""The name in a call where the configuration names no model."""
ROOM = 76
"""How long a line of a command may be before it goes on in the next one."""


class Key(NamedTuple):
    """How a client shows its key: in the header `header`, after `prefix`, or as the parameter `query`. The key is in
    the environment variable `variable`; if that is "", `note` tells people where it is."""

    header: str = ""
    prefix: str = ""
    query: str = ""
    variable: str = ""
    note: str = ""

    @property
    def is_bearer(self) -> bool:
        return self.header == "authorization"

    def header_word(self) -> str:
        """The header as a word of a shell."""
        start = f"{self.header}: {self.prefix}"
        return f'"{start}${self.variable}"' if self.variable else _quoted(f"{start}KEY")

    def query_word(self) -> str:
        """The query as the rest of a word of a shell, "" if the key is not there."""
        if not self.query:
            return ""
        return f'"?{self.query}=${self.variable}"' if self.variable else f"'?{self.query}=KEY'"


class FirstCall(NamedTuple):
    """A call to copy. `headers` are those that the route wants. `model` is "" if nobody knows one: then the body has
    the placeholder. `body` is None for a GET. `builtin` are the models that need no network."""

    path: str
    headers: Mapping[str, str] = {}
    model: str = ""
    body: str | None = None
    builtin: Sequence[str] = ()
    key: Key = Key()

    @property
    def notes(self) -> list[str]:
        """The places in the command that a person must fill in."""
        unnamed = self.body is not None and not self.model
        model = f"{PLACEHOLDER} is a model of the provider; /v1/models may list them" if unnamed else ""
        return [note for note in (model, self.key.note) if note]

    def curl(self, url: str, indent: str = "  ") -> str:
        """The command, in lines that fit 80 columns where the names allow it."""
        words = [_quoted(f"{name}: {value}") for name, value in self.headers.items()]
        parts = [f"-H {word}" for word in [*words, *([self.key.header_word()] if self.key.header else [])]]
        if self.body is not None:
            parts = ["-H 'content-type: application/json'", *parts, f"-d {_quoted(self.body)}"]
        lines = [f"{indent}curl {url}{self.path}{self.key.query_word()}"]
        for part in parts:
            if len(lines[-1]) + len(part) > ROOM:
                lines.append(f"{indent} ")
            lines[-1] += f" {part}"
        return " \\\n".join(lines)


def first_call(loaded: Loaded) -> FirstCall | None:
    """Returns the simplest call that is answered, None if there is none."""
    found = [call for route in _routes(loaded) for call in _calls(loaded, route)]
    return min(found, key=_effort, default=None)


def call_of(loaded: Loaded, api: str) -> FirstCall | None:
    """Returns the simplest call of this API that is answered, None if there is none."""
    found = [_call(loaded, route, api) for route in _routes(loaded)]
    return min(filter(None, found), key=_effort, default=None)


def call_on(loaded: Loaded, route: RouteConfig, api: str) -> FirstCall:
    """A call of this API that this route takes, also if no provider answers it."""
    found = _call(loaded, route, api)
    path = _path(route.match.path, api) or route.match.path
    return found or FirstCall(path, {**_host_header(_host(loaded, route) or ""), **_headers(route)})


def _effort(call: FirstCall) -> tuple[bool, int]:
    return not call.model, len(call.headers) + bool(call.key.header)


def _routes(loaded: Loaded) -> Sequence[RouteConfig]:
    return loaded.config.routes or (DEFAULT_ROUTE,)


def models_to_name(loaded: Loaded) -> list[str]:
    """The models that the configuration names and answers, the best first."""
    about = described(loaded)
    return _let_in(loaded, about, [model for each in about for model in each.models])


def described(loaded: Loaded) -> list[Description]:
    """Returns what all plugins say about their configurations."""
    plugins = loaded.plugins.values()
    return [each.about.describes(config) for each in plugins for config in each.rules.configs if config is not None]


def _calls(loaded: Loaded, route: RouteConfig) -> Iterator[FirstCall]:
    """The best call for a route, if there is one."""
    call = next(filter(None, (_call(loaded, route, api) for api in GREETED)), None)
    host = _host(loaded, route)
    if call is not None:
        yield call
    elif host is not None and route.upstream and (not route.match.methods or "GET" in route.match.methods):
        yield FirstCall(route.match.path.rstrip("*"), {**_host_header(host), **_headers(route)})


def _call(loaded: Loaded, route: RouteConfig, api: str) -> FirstCall | None:
    host, path = _host(loaded, route), _path(route.match.path, api)
    if host is None or path is None or (route.match.methods and "POST" not in route.match.methods):
        return None
    return _ask(loaded, route, host, api, path)


def _ask(loaded: Loaded, route: RouteConfig, host: str, api: str, path: str) -> FirstCall | None:
    chosen = select(list(loaded.plugins.values()), make_route(route, loaded.services, Timeouts()), _form(loaded, host))
    said = [(plugin.name, plugin.about.describes(plugin.rules.configs[index])) for plugin, index in chosen]
    about = [each for _, each in said]
    if not any(api in each.offers for each in about):
        return None
    filled = {each.model_header.lower() for each in about if each.model_header}
    named = {name: value for name, value in _headers(route).items() if name.lower() not in filled}
    asked = next((value for name, value in route.match.headers.items() if name.lower() in filled), "")
    if not filled and not _is_first(loaded, route, Request("POST", path, "", CIMultiDict(named)), host):
        return None
    key = next((_key(loaded, name, each) for name, each in said if each.key_header or each.key_query), Key())
    headers = {**_host_header(host), **named}
    builtin = _let_in(loaded, about, [name for each in about for name in each.builtin])
    model = _named(loaded, about, api, asked) if asked else _model(loaded, about, api)
    shown = model or PLACEHOLDER
    return FirstCall(path.replace("{model}", shown), headers, model, greeting(api, shown), builtin, key)


def _headers(route: RouteConfig) -> dict[str, str]:
    """Headers that the route takes: of a prefix no more than that."""
    return {name: value.removesuffix("*") for name, value in route.match.headers.items()}


def _named(loaded: Loaded, about: Sequence[Description], api: str, pattern: str) -> str:
    """The best model among those that a route asks for by name, or by how the name begins."""
    start = pattern.removesuffix("*")
    if start == pattern:
        return pattern
    known = [*_models(loaded, about, api), *WELL_KNOWN.values()]
    return next((model for model in known if model.startswith(start)), start)


def _model(loaded: Loaded, about: Sequence[Description], api: str) -> str:
    """The best model to ask this API for: what a model-mapper in front makes of every name, else a provider's own."""
    return next(iter(_models(loaded, about, api)), "")


def _models(loaded: Loaded, about: Sequence[Description], api: str) -> Sequence[str]:
    mapped = [model for each in about if not each.providers for model in each.models]
    own = [model for each in about for model in (each.offers.get(api, ""), *(each.models if api in CLIENTS else ()))]
    return _let_in(loaded, about, [*mapped, *filter(None, own)])


def _let_in(loaded: Loaded, about: Sequence[Description], models: Sequence[str]) -> list[str]:
    """Returns the models without those that are refused because their price is not known."""
    if not any(each.priced for each in about):
        return list(dict.fromkeys(models))
    free = {model for each in about for model in each.builtin}
    priced = [model for model in models if any(fnmatchcase(model, glob) for glob in loaded.config.prices)]
    known = [model for model in models if model in WELL_KNOWN.values() and model not in free]
    return list(dict.fromkeys([*priced, *known, *(model for model in models if model not in free)]))


def _path(pattern: str, api: str) -> str | None:
    path = GEMINI_PATH if api == apis.GENERATE_CONTENT else apis.PATHS[api]
    if pattern.endswith("*"):
        start = pattern[:-1]
        return path if path.startswith(start) else f"{start.rstrip('/')}{path}"
    return pattern if apis.detect(pattern) == api else None


def _host(loaded: Loaded, route: RouteConfig) -> str | None:
    """Returns a host name that the route takes and the gateway answers to, "" if any will do, None if there is none."""
    wanted = route.match.hosts
    if not wanted:
        return ""
    guard = Guard(hosts=loaded.config.hosts)
    names = ["localhost", *loaded.config.hosts, *(name.replace("*", "app", 1) for name in wanted)]
    return next(
        (name for name in names if matches_domain(wanted, loaded.hosts.host(name)) and _answers(guard, name)), None
    )


def _form(loaded: Loaded, host: str) -> str:
    return loaded.hosts.host(host or LOCAL)


def _answers(guard: Guard, host: str) -> bool:
    try:
        guard.check({"host": host})
    except GatewayError:
        return False
    return True


def _is_first(loaded: Loaded, route: RouteConfig, request: Request, host: str) -> bool:
    """Whether no earlier route takes the request."""
    path, host = plain(request.path), _form(loaded, host)
    return next((each for each in _routes(loaded) if matches(each.match, request, path, host)), None) is route


def _host_header(host: str) -> dict[str, str]:
    return {"host": host} if host else {}


def _key(loaded: Loaded, plugin: str, about: Description) -> Key:
    source = loaded.source
    length = len(about.key_at)
    fitting = (each for each in source.lines if each[-length:] == about.key_at and plugin in each)
    place = next(fitting, None) if length else None
    names = source.expanded.get(place, ()) if place else (about.key_variable,)
    variable = next(iter(names), "")
    note = ""
    if not variable or variable in source.dotenv:
        where = f"{loaded.path}:{source.lines[place]}" if place and loaded.path else f"what {plugin} has"
        note = (
            f"KEY is {variable} of .env" if variable else f"KEY is the key in {where}" if place else "KEY is your key"
        )
        variable = ""
    name, _, value = about.key_header.partition(": ")
    return Key(name, value.removesuffix("KEY"), about.key_query, variable, note)


def _quoted(text: str) -> str:
    """The text as one word of a shell."""
    return "'" + text.replace("'", "'\\''") + "'"
