"""A service that aigw's own configuration names by its URL, and asks with JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from multidict import CIMultiDict

from aigw.clients.callout import fetch_json
from aigw.core.env import Env
from aigw.core.model import Request, Target, Timeouts


class Service:
    """`url` may end in a path, which goes before that of each request. `api_key` is sent as a bearer token unless it is
    "". `timeout` is in seconds."""

    def __init__(self, env: Env, url: str, api_key: str, timeout: float) -> None:
        """Raises ValueError if `url` is not valid, ConfigError if `services:` maps its host to something that is not
        HTTP."""
        scheme, _, rest = url.partition("://")
        authority, slash, path = rest.partition("/")
        origin = env.services.locate(scheme.lower(), authority)
        self._target = Target(origin, authority, Timeouts(timeout, timeout, timeout))
        self._path = f"{slash}{path}".rstrip("/")
        self._headers = {"content-type": "application/json"}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"
        self._upstream = env.upstream
        self._timeout = timeout

    async def post(self, path: str, body: Any) -> Any:
        """Sends `body` as JSON and returns the decoded answer. Raises CalloutError."""
        request = Request("POST", self._path + path, "", CIMultiDict(self._headers), msgspec.json.encode(body))
        answer: Any = await fetch_json(self._upstream, request, self._target, self._timeout, object)
        return answer
