"""Gets access tokens of Google Cloud for a service account, with Google's own library for the signature.

https://developers.google.com/identity/protocols/oauth2/service-account"""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlencode, urlsplit

from msgspec import Struct
from multidict import CIMultiDict

from aigw.clients.callout import CalloutError, StatusError, fetch_json
from aigw.core.authority import origin_of
from aigw.core.env import Env
from aigw.core.errors import GatewayError
from aigw.core.extras import to_install
from aigw.core.model import Request, Target, Timeouts

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFE = 3600
"""Seconds for which a token is asked for, the most that Google gives."""
TIMEOUT = 10.0
REFRESH_AHEAD = 60
"""Seconds before the end of a token when a new one is fetched, if the configuration does not say."""
_ISSUER = "https://oauth2.googleapis.com/token"


class _Given(Struct):
    access_token: str
    expires_in: int = LIFE


class ServiceAccount:
    """Gets access tokens for a service account. `key` is the JSON of a service account's key. A token is fetched when
    it is needed, once for all who wait for it, and again `ahead` seconds before it ends."""

    def __init__(self, key: str, ahead: float, env: Env) -> None:
        """Raises ValueError for a key that cannot be used, ConfigError if `services:` maps the token's host to
        something that is not HTTP."""
        self._key = read_key(key)
        self._signer = signer_of(key)
        self._ahead = ahead
        self._env = env
        url = urlsplit(self._key.get("token_uri") or _ISSUER)
        origin = env.services.locate_callout(url.scheme, url.netloc, "")
        self._target = Target(origin, url.netloc, Timeouts(TIMEOUT, TIMEOUT, TIMEOUT))
        self._url = url
        self._token, self._until = "", 0.0
        self._fetching: asyncio.Task[None] | None = None

    async def token(self) -> str:
        """Raises GatewayError with status 502 if none can be had."""
        if self._env.clock.time() >= self._until:
            if self._fetching is None:
                self._fetching = asyncio.create_task(self._fetch())
                self._fetching.add_done_callback(self._fetched)
            await asyncio.shield(self._fetching)  # if this request is cancelled, others still wait for the token
        return self._token

    def _fetched(self, task: asyncio.Task[None]) -> None:
        self._fetching = None
        if not task.cancelled():
            task.exception()  # those who wait were told

    async def _fetch(self) -> None:
        now = self._env.clock.time()
        body = urlencode({"grant_type": GRANT, "assertion": self._assertion(int(now))}).encode()
        headers = CIMultiDict({"content-type": "application/x-www-form-urlencoded"})
        request = Request("POST", self._url.path or "/", self._url.query, headers, body)
        try:
            given = await fetch_json(self._env.upstream, request, self._target, TIMEOUT, _Given)
        except StatusError as error:
            said = error.said.decode("utf-8", "replace")
            raise _failed(f"{error}: {_words(said)}") from None
        except CalloutError as error:
            raise _failed(str(error)) from None
        self._token, self._until = given.access_token, now + given.expires_in - self._ahead

    def _assertion(self, now: int) -> str:
        from google.auth import jwt

        claims = {
            "iss": self._key["client_email"],
            "scope": SCOPE,
            "aud": self._key.get("token_uri") or _ISSUER,
            "iat": now,
            "exp": now + LIFE,
        }
        encode: Any = jwt.encode
        return str(encode(self._signer, claims), "ascii")


def read_key(key: str) -> dict[str, str]:
    """Raises ValueError if the text is no key of a service account. The message does not quote it."""
    try:
        found = json.loads(key)
    except ValueError:
        raise ValueError("is not the JSON of a service account's key") from None
    if not isinstance(found, dict) or not all(
        isinstance(found.get(name), str) for name in ("client_email", "private_key")
    ):
        raise ValueError("is no key of a service account: it needs client_email and private_key")
    url = urlsplit(str(found.get("token_uri") or _ISSUER))
    origin_of(url.scheme, url.netloc)
    return found


def signer_of(key: str) -> Any:
    """Returns what signs for the account. Raises ValueError for a key that cannot be used, and if the library is not
    installed."""
    account = read_key(key)
    try:
        from google.auth import crypt
    except ImportError:
        raise ValueError(f"needs a package that is not installed: {to_install('vertex')}") from None
    read: Any = crypt.RSASigner.from_string
    try:
        return read(account["private_key"], account.get("private_key_id"))
    except ValueError:
        raise ValueError("has a private_key that cannot be read") from None


def _words(said: str) -> str:
    """Returns Google's message about a refusal, shortened."""
    try:
        told = json.loads(said)
    except ValueError:
        return said[:200]
    return str(told.get("error_description") or told.get("error") or "")[:200] if isinstance(told, dict) else ""


def _failed(why: str) -> GatewayError:
    message = f"no access token of Google Cloud for vertexAuthKey: {why}"
    return GatewayError(502, message, kind="upstream_error", code="no_access_token")
