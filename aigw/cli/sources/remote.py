"""A server to which recorded requests are sent again: its address, the paths there, and the key that it gets.

Rule: keys come from the environment, as SDKs read them, and no public host gets one without TLS. The key of a vendor
goes to that vendor; any other host gets what an SDK with this base URL would send."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from aigw.cli.sources.client_key import KEY_VARIABLE
from aigw.core.authority import is_private, origin_of
from aigw.core.model import DEFAULT_TIMEOUTS, Target
from aigw.core.secrets import without_blanks
from aigw.dialects import apis
from aigw.dialects.model_field import ask_for
from aigw.dialects.openai_chat_request import ask_for_usage
from aigw.providers.catalog import CATALOG
from aigw.providers.environment import ENV_PROVIDERS
from aigw.providers.provider import parse_url
from aigw.traffic.format.call import Sent
from aigw.traffic.runs.resending import api_of

_VERSION = re.compile(r"v\d+(?:alpha|beta)?\d*")
_KEYS = {
    "anthropic": ("ANTHROPIC_API_KEY", "x-api-key", ""),
    "gemini": ("GEMINI_API_KEY", "x-goog-api-key", ""),
    "": ("OPENAI_API_KEY", "authorization", "Bearer "),
}
"""How a server gets its key, by the first word of an API's name: the environment variable with the key, the header, and
the text before the key in that header."""


class Remote(NamedTuple):
    """A server to which calls are sent. `base` is the path of its base URL. `service` is its type in the catalog, or
    else its host."""

    url: str
    target: Target
    base: str
    service: str

    def request(self, sent: Sent, env: Mapping[str, str], model: str = "") -> Sent:
        """Returns a recorded request as it goes to this server: with its path and its key. Streams are asked for their
        usage. Raises ValueError if the key may not go there."""
        api = api_of(sent)[0]
        edited = with_model(sent, model)
        if api in apis.INCLUDE_USAGE:
            edited = _asking_for_usage(edited)
        headers = {**dict(edited.headers), **self._key(api, env)}
        return edited._replace(path=self._path(edited.path), headers=tuple(headers.items()))

    def _path(self, path: str) -> str:
        """A version at the end of the base URL stands in the place of the request's own."""
        first = path.lstrip("/").partition("/")[0]
        if _VERSION.fullmatch(self.base.rpartition("/")[2]) and _VERSION.fullmatch(first):
            path = path.lstrip("/").removeprefix(first)
        return f"{self.base}{path}"

    def _key(self, api: str, env: Mapping[str, str]) -> dict[str, str]:
        variable, header, prefix = _KEYS.get(api.partition("/")[0], _KEYS[""])
        own = [row.variable for row in ENV_PROVIDERS if row.type == self.service]
        names = own or [KEY_VARIABLE, variable]
        key = next(filter(None, (without_blanks(env.get(name, "")) for name in names)), "")
        if not key:
            return {}
        if self.target.origin.scheme == "http" and not is_private(self.target.origin.host):
            raise ValueError(f"{self.url}: a key would go there without TLS; use https://")
        return {header: prefix + key}


def remote(url: str) -> Remote:
    """Raises ValueError if it is no URL."""
    try:
        parts = parse_url(url)
        if not parts.scheme:
            raise ValueError("it has no scheme")
        authority = parts.netloc.rpartition("@")[2]
        origin = origin_of(parts.scheme, authority)
    except ValueError as error:
        raise ValueError(f"--against must be a URL such as https://api.deepseek.com/v1: {error}") from None
    if parts.username or parts.password or parts.query:
        raise ValueError("--against is shown to others, so it takes no user and no query; keys are in the environment")
    service = next((type_ for type_, row in CATALOG.items() if row.host == parts.hostname), parts.hostname or "")
    shown = f"{parts.scheme}://{authority}{parts.path}"
    return Remote(shown, Target(origin, authority, DEFAULT_TIMEOUTS), parts.path.rstrip("/"), service)


def with_model(sent: Sent, model: str) -> Sent:
    """Returns a request for another model, the same one if `model` is "" or the request names none."""
    if not model:
        return sent
    request = sent.request()
    ask_for(request, model)
    return sent._replace(path=request.path, body=request.body)


def _asking_for_usage(sent: Sent) -> Sent:
    request = sent.request()
    try:
        return sent._replace(body=request.document.encode()) if ask_for_usage(request.document) else sent
    except ValueError:
        return sent
