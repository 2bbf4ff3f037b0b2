"""Calls that the gateway makes by itself: it asks a service and reads the whole answer, with limits on time and size.

Rule: only status 200 is a success. Every failure is a CalloutError."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
from multidict import CIMultiDict

from aigw.core.document import encoded
from aigw.core.env import Ask, Env, Services
from aigw.core.errors import UpstreamError
from aigw.core.headers import ID_HEADER
from aigw.core.model import Origin, Request, Target, Timeouts
from aigw.core.upstream import Upstream, UpstreamBody
from aigw.upstream.body import arrived

MAX_BYTES = 16 * 1024 * 1024
"""The size of the largest answer that is read."""
REASON_BYTES, REASON_SECONDS = 2048, 1.0
"""How many bytes of an unsuccessful answer are read, and for how many seconds."""
TLS_PORT = 443
"""A service with this port is called with https, any other with http."""

T = TypeVar("T")


class CalloutError(Exception):
    """The call failed. `str(error)` names the service and says what happened."""


class StatusError(CalloutError):
    """The service answered with a status other than 200. `said` is the beginning of what it said."""

    def __init__(self, service: str, status: int, said: bytes = b"") -> None:
        super().__init__(f"{service} answered {status}")
        self.status = status
        self.said = said


async def fetch(upstream: Upstream, request: Request, target: Target, seconds: float, most: int = MAX_BYTES) -> bytes:
    """Returns the body of the answer. Raises CalloutError, also if it takes more than `seconds` or has more than `most`
    bytes."""
    service = target.authority
    try:
        async with asyncio.timeout(seconds):
            return await _read(upstream, request, target, most)
    except TimeoutError:
        raise _silent(service, seconds) from None
    except UpstreamError as error:
        raise CalloutError(f"{service}: {error}") from None


def _silent(service: str, seconds: float) -> CalloutError:
    return CalloutError(f"{service}: no answer within {seconds:g} s")


async def fetch_json(upstream: Upstream, request: Request, target: Target, seconds: float, shape: type[T]) -> T:
    """Returns the decoded answer. Raises CalloutError, also if it is not JSON of the type `shape`."""
    body = await fetch(upstream, request, target, seconds)
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CalloutError(f"{target.authority}: the answer is not the expected JSON: {error}") from None


async def _read(upstream: Upstream, request: Request, target: Target, most: int) -> bytes:
    response = await upstream.send(request, target)
    try:
        if response.status == 508 and ID_HEADER in response.headers:
            raise CalloutError(f"{target.authority} leads back to this gateway (services: in aigw.yaml)")
        if response.status != 200:
            raise StatusError(target.authority, response.status, await _beginning(response.body))
        body = await _whole(response.body, most)
        if body is None:
            raise CalloutError(f"{target.authority} answered more than {most} bytes")
        return body
    finally:
        await response.body.aclose()


async def _whole(body: UpstreamBody, most: int) -> bytes | None:
    """The whole body, None if it has more than `most` bytes."""
    if (whole := arrived(body)) is not None:
        return whole if len(whole) <= most else None
    read = bytearray()
    async for piece in body:
        read += piece
        if len(read) > most:
            return None
    return bytes(read)


async def _beginning(body: UpstreamBody) -> bytes:
    """Returns as much of a service's error message as arrives at once."""
    said = b""
    with suppress(UpstreamError, TimeoutError):
        async with asyncio.timeout(REASON_SECONDS):
            async for piece in body:
                said += piece
                if len(said) >= REASON_BYTES:
                    break
    return said[:REASON_BYTES]


def located(services: Services, service: str, port: int, host: str, standin: str = "") -> Origin:
    """Returns the origin to which a callout goes. Raises the same errors as `Callout`."""
    scheme = "https" if port == TLS_PORT else "http"
    authority = f"{host or service or standin}:{port}"
    return services.locate_callout(scheme, authority, f"{service}:{port}" if service else "", standin)


def is_local(origin: Origin) -> bool:
    return origin.scheme == "standin"


class Callout:
    """A service that a plugin's configuration names. `service` and `port` are as in Higress's YAML. `host` is for the
    Host header. `timeout` is in seconds."""

    def __init__(self, env: Env, service: str, port: int, host: str, timeout: float, standin: str = "") -> None:
        """`standin` is the name of the stand-in that answers if the service is not mapped. Raises ValueError if `host`
        is not valid, ConfigError if `services:` maps the service to something that is not HTTP."""
        origin = located(env.services, service, port, host, standin)
        self._target = Target(origin, host or service, Timeouts(timeout, timeout, timeout))
        self._upstream = env.upstream
        self._timeout = timeout
        self.beside = env.beside.get(origin.host) if is_local(origin) else None
        """The stand-in, if it may be asked without a request."""

    @property
    def local(self) -> bool:
        """Whether a stand-in in this process answers."""
        return is_local(self._target.origin)

    @property
    def authority(self) -> str:
        """The Host header of its requests."""
        return self._target.authority

    async def ask(self, beside: Ask, service: str, text: str, goes_on: bool) -> Any:
        """Asks a stand-in that is `beside`. Raises CalloutError."""
        try:
            return await beside(service, text, self._timeout, goes_on)
        except TimeoutError:
            raise _silent(self.authority, self._timeout) from None

    async def post(self, path: str, headers: Mapping[str, str], body: Any) -> Any:
        """Sends `body` as JSON and returns the decoded answer. Raises CalloutError."""
        fields = {"content-type": "application/json", **headers}
        answer: Any = await self.send(path, fields, encoded(body), object)
        return answer

    async def send(self, target: str, headers: Mapping[str, str], body: bytes, shape: type[T]) -> T:
        """Posts `body` to a path with its query, and returns the decoded answer. Raises CalloutError."""
        return await fetch_json(self._upstream, _post(target, headers, body), self._target, self._timeout, shape)

    async def fetch(self, target: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """Like `send`, but returns the answer as it is."""
        return await fetch(self._upstream, _post(target, headers, body), self._target, self._timeout)


def _post(target: str, headers: Mapping[str, str], body: bytes) -> Request:
    path, _, query = target.partition("?")
    return Request("POST", path, query, CIMultiDict(headers), body)
