"""The first call that a person may copy into a terminal: one that the configuration in force answers.

Rule: it shows no key. It names the variable that has the key, or the line of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from multidict import CIMultiDict

from aigw.config.load import Loaded
from aigw.config.model import RouteConfig
from aigw.config.rules import matches_domain
from aigw.core.errors import GatewayError
from aigw.core.model import Request, Timeouts
from aigw.core.plugin import Description
from aigw.dialects import apis
from aigw.dialects.greeting import GREETED, greeting
from aigw.pipeline.pipeline import select
from aigw.providers.to_try import WELL_KNOWN
from aigw.server.guard import Guard
from aigw.server.routes import DEFAULT_ROUTE, make_route, matches

LOCAL = "127.0.0.1"
ROOM = 76
"""How long a line of a command may be before it goes on in the next one."""


class FirstCall(NamedTuple):
    """`path` and `headers` are words of a shell. `body` is None for a GET. `builtin` are the models that need no
    network. `note` says where the key is."""

    path: str
    headers: Sequence[str] = ()
    body: str | None = None
    builtin: Sequence[str] = ()
    note: str = ""

    def curl(self, url: str, indent: str = "  ") -> str:
        """The command, in lines that fit 80 columns where the names allow it."""
        parts = [f"-H {header}" for header in self.headers]
        if self.body is not None:
            parts = ["-H 'content-type: application/json'", *parts, f"-d {_quoted(self.body)}"]
        lines = [f"{indent}curl {url}{self.path}"]
        for part in parts:
            if len(lines[-1]) + len(part) > ROOM:
                lines.append(f"{indent} ")
            lines[-1] += f" {part}"
        return " \\\n".join(lines)


class _Key(NamedTuple):
    """How a client shows its key, as words of a shell: a header, or a part of the path. `note` is for people."""

    header: str = ""
    query: str = ""
    note: str = ""


def first_call(loaded: Loaded) -> FirstCall | None:
    """The simplest call that is answered; None if none is."""
    found = [call for route in loaded.config.routes or (DEFAULT_ROUTE,) for call in _calls(loaded, route)]
    return min(found, key=lambda call: (call.body is None, len(call.headers)), default=None)


def described(loaded: Loaded) -> list[Description]:
    """What all plugins say about all of their configurations."""
    plugins = loaded.plugins.values()
    return [each.about.describes(config) for each in plugins for config in each.rules.configs if config is not None]


def _calls(loaded: Loaded, route: RouteConfig) -> Iterator[FirstCall]:
    """The best call for a route, if there is one."""
    host = _host(loaded, route)
    if host is None:
        return
    for api in GREETED:
        path = _path(route.match.path, api)
        if path is None or (route.match.methods and "POST" not in route.match.methods):
            continue
        call = _ask(loaded, route, host, api, path)
        if call is not None:
            yield call
            return
    path = route.match.path.rstrip("*")
    if route.upstream and (not route.match.methods or "GET" in route.match.methods):
        yield FirstCall(path, [*_host_header(host), *_written(route.match.headers)])


def _ask(loaded: Loaded, route: RouteConfig, host: str, api: str, path: str) -> FirstCall | None:
    chosen = select(list(loaded.plugins.values()), make_route(route, loaded.services, Timeouts()), host or LOCAL)
    said = [(plugin.name, plugin.about.describes(plugin.rules.configs[index])) for plugin, index in chosen]
    about = [each for _, each in said]
    if not any(each.providers for each in about):
        return None
    filled = {each.model_header.lower() for each in about if each.model_header}
    named = {name: value for name, value in route.match.headers.items() if name.lower() not in filled}
    asked = next((value for name, value in route.match.headers.items() if name.lower() in filled), "")
    if not filled and not _is_first(loaded, route, Request("POST", path, "", CIMultiDict(named)), host):
        return None
    key = next((_key(loaded, name, each) for name, each in said if each.key_header or each.key_query), _Key())
    headers = [*_host_header(host), *_written(named), *([key.header] if key.header else [])]
    builtin = [name for each in about for name in each.builtin]
    model = asked or _model(loaded, about)
    if not model:
        return FirstCall(f"/v1/models{key.query}", headers, None, builtin, key.note) if api == apis.CHAT else None
    return FirstCall(f"{path}{key.query}", headers, greeting(api, model), builtin, key.note)


def _model(loaded: Loaded, about: Sequence[Description]) -> str:
    models = [model for each in about for model in each.models]
    if not any(each.priced for each in about):
        return next(iter(models), "")
    free = {model for each in about for model in each.builtin}
    known = [model for model in models if model in WELL_KNOWN.values() and model not in free]
    priced = [model for model in models if any(fnmatchcase(model, glob) for glob in loaded.config.prices)]
    return next(iter([*priced, *known, *models]), "")


def _path(pattern: str, api: str) -> str | None:
    path = apis.PATHS[api]
    if pattern.endswith("*"):
        start = pattern[:-1]
        return path if path.startswith(start) else f"{start.rstrip('/')}{path}"
    return pattern if apis.detect(pattern) == api else None


def _host(loaded: Loaded, route: RouteConfig) -> str | None:
    """A name that the route takes and the gateway answers to; "" if any does, None if there is none."""
    wanted = route.match.hosts
    if not wanted:
        return ""
    guard = Guard(hosts=loaded.config.hosts)
    names = ["localhost", *loaded.config.hosts, *(name.replace("*", "app", 1) for name in wanted)]
    return next((name for name in names if matches_domain(wanted, name) and _answers(guard, name)), None)


def _answers(guard: Guard, host: str) -> bool:
    try:
        guard.check({"host": host})
    except GatewayError:
        return False
    return True


def _is_first(loaded: Loaded, route: RouteConfig, request: Request, host: str) -> bool:
    """Whether no earlier route takes the request."""
    routes = loaded.config.routes or (DEFAULT_ROUTE,)
    return next((each for each in routes if matches(each.match, request, host or LOCAL)), None) is route


def _host_header(host: str) -> list[str]:
    return [_quoted(f"host: {host}")] if host else []


def _written(headers: Mapping[str, str]) -> list[str]:
    return [_quoted(f"{name}: {value}") for name, value in headers.items()]


def _key(loaded: Loaded, plugin: str, about: Description) -> _Key:
    source = loaded.source
    places = [each for each in source.lines if plugin in each and each[-len(about.key_at) :] == about.key_at]
    place = places[0] if places and about.key_at else None
    names = source.expanded.get(place, ()) if place else (about.key_variable,)
    variable = next(iter(names), "")
    note = ""
    if not variable or variable in source.dotenv:
        where = f"{loaded.path}:{source.lines[place]}" if place and loaded.path else f"what {plugin} has"
        note = (
            f"KEY is {variable} of .env" if variable else f"KEY is the key in {where}" if place else "KEY is your key"
        )
        variable = ""
    if about.key_header and variable:
        return _Key(header=f'"{about.key_header.replace("KEY", f"${variable}")}"')
    if about.key_header:
        return _Key(header=_quoted(about.key_header), note=note)
    return _Key(query=f'"?{about.key_query}=${variable}"' if variable else f"'?{about.key_query}=KEY'", note=note)


def _quoted(text: str) -> str:
    """The text as one word of a shell."""
    return "'" + text.replace("'", "'\\''") + "'"
