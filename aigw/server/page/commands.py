"""A request as a command that sends it again: with curl, and in Python.

Rule: no key is in it, but the variable that has the key. What a client adds by itself is left out. It is copied into
terminals, so no character of a body is a control character there."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from aigw.core.headers import HOP_BY_HOP
from aigw.core.plain import plain, plain_json, plain_lines
from aigw.core.secrets import names_secret

_OWN = HOP_BY_HOP | {"host", "content-length", "user-agent", "accept-encoding", "accept", "content-encoding", "expect"}
"""Headers that each client writes by itself."""
_OWN_STARTS = ("x-stainless-", "sec-", "accept-language", "priority", "via")
_VARIABLES = {
    "authorization": "OPENAI_API_KEY",
    "x-api-key": "ANTHROPIC_API_KEY",
    "anthropic-api-key": "ANTHROPIC_API_KEY",
    "x-goog-api-key": "GEMINI_API_KEY",
    "api-key": "AZURE_OPENAI_API_KEY",
    "key": "GEMINI_API_KEY",
}
"""The variables that SDKs read, by header or parameter."""
LONGEST = 64 * 1024
"""A longer body is not written into a command."""


class ShownRequest(NamedTuple):
    """A request without its secrets. `url` ends behind the path. `whole` is false if something of the body is
    missing."""

    method: str
    url: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: str
    whole: bool


def curl(request: ShownRequest) -> str:
    options = []
    if request.method != ("POST" if request.body else "GET"):
        options.append(f"-X {shlex.quote(plain(request.method))}")
    for name, value, variable in _sent(request.headers):
        options.append("-H " + (f'"{name}: {value}${variable}"' if variable else shlex.quote(f"{name}: {value}")))
    if (body := _written(request)) is not None:
        options.append(f"--data-raw {shlex.quote(body)}")
    elif request.body:
        options.append("--data-binary @body  # too long, or no text: save it as the file body")
    return " \\\n  ".join([f"curl -sS {_address(request)}", *options])


def _address(request: ShownRequest) -> str:
    address = shlex.quote(plain(request.url))
    for place, (name, equals, value) in enumerate(_pairs(request.query)):
        mark = "&" if place else "?"
        variable = _variable(name) if equals and names_secret(name) else ""
        address += (
            f'"{mark}{_name(name)}=${variable}"' if variable else shlex.quote(plain(f"{mark}{name}{equals}{value}"))
        )
    return address


def python(request: ShownRequest) -> str:
    """Writes the request as a Python program that uses only the standard library."""
    headers = [
        f"        {name!r}: " + (f"{value!r} + os.environ[{variable!r}]," if variable else f"{value!r},")
        for name, value, variable in _sent(request.headers)
    ]
    query = [
        f"{_name(name)!r} + '=' + os.environ[{_variable(name)!r}]"
        if equals and names_secret(name)
        else repr(plain(name + equals + value))
        for name, equals, value in _pairs(request.query)
    ]
    url = (
        " + '&' + ".join([f"{plain(request.url)!r} + '?' + {query[0]}", *query[1:]])
        if query
        else repr(plain(request.url))
    )
    body = _written(request)
    data = f"{body!r}.encode()" if body is not None else "open('body', 'rb').read()" if request.body else "None"
    return "\n".join(
        [
            "import os",
            "import urllib.error",
            "import urllib.request",
            "",
            "request = urllib.request.Request(",
            f"    {url},",
            f"    data={data},",
            "    headers={",
            *headers,
            "    },",
            f"    method={plain(request.method)!r},",
            ")",
            "try:",
            "    answer = urllib.request.urlopen(request)",
            "except urllib.error.HTTPError as refusal:",
            "    answer = refusal  # its body says why",
            "with answer:",
            "    for line in answer:",
            '        print(line.decode(), end="")',
        ]
    )


def _written(request: ShownRequest) -> str | None:
    """Returns the body in a form that can stand in a command, None if that is not possible or there is no body."""
    if not request.body or not request.whole or len(request.body) > LONGEST:
        return None
    try:
        json.loads(request.body)
        return plain_json(request.body)
    except (ValueError, RecursionError):
        return request.body if plain_lines(request.body) == request.body else None


def _sent(headers: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    """Yields name and value, and of a secret the variable that comes behind the value."""
    for given, value in headers:
        name = _name(given)
        if name in _OWN or name.startswith(_OWN_STARTS) or not name:
            continue
        if names_secret(name):
            yield name, "Bearer " if name == "authorization" else "", _variable(name)
        else:
            yield name, plain(value), ""


def _name(text: str) -> str:
    """The name of a header or parameter, with nothing in it that a shell would read."""
    return re.sub(r"[^\w.-]", "", text.lower(), flags=re.ASCII)


def _variable(name: str) -> str:
    own = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")
    return _VARIABLES.get(name.lower()) or (f"_{own}" if own[:1].isdigit() else own) or "KEY"


def _pairs(query: str) -> list[tuple[str, str, str]]:
    return [part.partition("=") for part in query.split("&")] if query else []
