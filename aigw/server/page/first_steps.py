"""How to begin with a gateway: the models, and how clients are pointed here. The page shows it.

Rule: what it tells is answered by the configuration in force, or it says what is needed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aigw.config.load import Loaded
from aigw.dialects import apis
from aigw.server.first_call import GEMINI_PATH, PLACEHOLDER, FirstCall, Key, call_of, first_call, models_to_name

_SHOWN = 50
"""How many models are named."""

_NOTHING = "This configuration answers nothing; `aigw init` writes one that does."


class _Family(NamedTuple):
    """Programs that speak one API and find its address in the environment. `key` and `bearer` are the variables whose
    value they send in the header `header`, and as a bearer token."""

    api: str
    clients: str
    end: str
    url: str
    header: str
    key: str
    bearer: str


_OPENAI = _Family(apis.CHAT, "OpenAI's API", "/chat/completions", "OPENAI_BASE_URL", "", "", "OPENAI_API_KEY")
_FAMILIES = (
    _OPENAI,
    _Family(
        apis.MESSAGES, "Anthropic's Messages, as Claude Code does", apis.PATHS[apis.MESSAGES],
        "ANTHROPIC_BASE_URL", "x-api-key", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN",
    ),
    _Family(
        apis.GENERATE_CONTENT, "Gemini's API", GEMINI_PATH.removesuffix("models/{model}:generateContent"),
        "GOOGLE_GEMINI_BASE_URL", "x-goog-api-key", "GEMINI_API_KEY", "",
    ),
)  # fmt: skip


class Start(NamedTuple):
    """How to begin: models to ask for (and how many `more` there are), and what to type. `lacking` says why there is
    nothing."""

    models: Sequence[str]
    more: int
    curl: str
    python: str
    environment: Sequence[str]
    notes: Sequence[str]
    lacking: str


class Beginning:
    """How to begin with one configuration. The result does not change, so it is made once."""

    def __init__(self, loaded: Loaded) -> None:
        self._models = models_to_name(loaded)
        self._call = first_call(loaded)
        self._calls = {family: call_of(loaded, family.api) for family in _FAMILIES}

    def start(self, url: str) -> Start:
        """`url` is the gateway's own, as the client names it."""
        call = self._calls[_OPENAI]
        lines, notes = self._environment(url)
        if self._call is not None:
            notes = [*(f"{note}." for note in self._call.notes), *notes]
        return Start(
            models=self._models[:_SHOWN],
            more=max(len(self._models) - _SHOWN, 0),
            curl=self._call.curl(url, "") if self._call is not None else "",
            python=_openai(call, url) if call else "",
            environment=lines,
            notes=notes,
            lacking="" if self._call is not None else _NOTHING,
        )

    def _environment(self, url: str) -> tuple[list[str], list[str]]:
        """Returns the lines to type for programs that read the environment, and what to know about them."""
        found = {family: (call, _variable(family, call)) for family, call in self._calls.items() if call}
        lines = [
            f"export {family.url}={shlex.quote(url + _base(call, family))} {variable}={_value(call.key)}"
            for family, (call, variable) in found.items()
            if variable
        ]
        more = "; ".join(family.clients for family, (_, variable) in found.items() if not variable)
        lacking = "; ".join(family.clients for family, call in self._calls.items() if not call)
        notes = [f"They have to send what curl sends above, too, for {more}."] if more else []
        return lines, notes + ([f"This configuration does not answer {lacking}."] if lacking else [])


def _variable(family: _Family, call: FirstCall) -> str | None:
    """The variable of the key; None if variables cannot make the program send what this call needs."""
    if call.headers or call.key.query:
        return None
    if not call.key.header:
        return family.bearer or family.key
    sent = {"authorization": family.bearer, family.header: family.key}
    return sent.get(call.key.header) or None


def _base(call: FirstCall, family: _Family) -> str:
    """The beginning of the path, which the variable of a family wants."""
    return call.path.partition(family.end)[0] if family.end in call.path else ""


def _value(key: Key) -> str:
    if not (key.header or key.query):
        return "any"
    return f'"${key.variable}"' if key.variable else "KEY"


def _openai(call: FirstCall, url: str) -> str:
    """Writes the call with OpenAI's SDK."""
    key = call.key
    secret = f'os.environ["{key.variable}"]' if key.variable else json.dumps("KEY")
    headers = {json.dumps(name): json.dumps(value) for name, value in call.headers.items()}
    if key.header and not key.is_bearer:
        headers[json.dumps(key.header)] = secret
    given = {
        "base_url": json.dumps(url + call.path.removesuffix(_OPENAI.end)),
        "api_key": secret if key.is_bearer else json.dumps("any"),
        "default_headers": _dict(headers),
        "default_query": _dict({json.dumps(key.query): secret}) if key.query else "",
    }
    said = ", ".join(f"{name}={value}" for name, value in given.items() if value)
    asked = f'model={json.dumps(call.model or PLACEHOLDER)}, messages=[{{"role": "user", "content": "Hello!"}}]'
    return "\n".join(
        [
            *(["import os"] if "os.environ" in said else []),
            "from openai import OpenAI",
            f"client = OpenAI({said})",
            f"print(client.chat.completions.create({asked}))",
        ]
    )


def _dict(items: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in items.items()) + "}" if items else ""
