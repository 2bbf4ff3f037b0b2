"""The transport of the scheme `builtin`: it reads the path, lets the API answer and shapes errors as OpenAI does.

Nothing is loaded before it is needed: the list of models needs no tokenizer, a stream one only for its usage."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import msgspec

from aigw.core.env import Clock, Tokens, new_id
from aigw.core.errors import GatewayError
from aigw.core.model import Request, Target, Timeouts
from aigw.upstream.builtin.chat import chat_completions
from aigw.upstream.builtin.completions import completions
from aigw.upstream.builtin.delivery import Sleep
from aigw.upstream.builtin.embeddings import embeddings
from aigw.upstream.builtin.engine import MODELS, Engine, known_model
from aigw.upstream.builtin.mock import Mock
from aigw.upstream.builtin.settings import MockSettings
from aigw.upstream.local import LocalResponse, whole

CREATED = 1_735_689_600
"""When the models were "created": 2025-01-01, so that the list never changes."""

Api = Callable[[Engine, bytes, Timeouts], Awaitable[LocalResponse]]

_APIS: dict[str, Api] = {
    "/v1/chat/completions": chat_completions,
    "/v1/completions": completions,
    "/v1/embeddings": embeddings,
}
_LIST = "/v1/models"


class BuiltinUpstream:
    """An `Upstream`: the model `echo` says the last user message, `mock` behaves as the `Mock` of the target has it."""

    def __init__(
        self,
        counter: Tokens,
        *,
        clock: Clock = time,
        sleep: Sleep = asyncio.sleep,
        new_id: Callable[[], str] = new_id,
    ) -> None:
        self._counter = counter
        self._clock = clock
        self._sleep = sleep
        self._new_id = new_id
        self._faultless = Mock(MockSettings())

    async def send(self, request: Request, target: Target) -> LocalResponse:
        mock = target.settings if isinstance(target.settings, Mock) else self._faultless
        engine = Engine(mock, self._counter, self._clock, self._sleep, self._new_id)
        try:
            if request.path == _LIST or request.path.startswith(_LIST + "/"):
                return _models(engine, request)
            api = _APIS.get(request.path)
            if api is None:
                raise GatewayError(404, f"Invalid URL ({request.method} {request.path})")
            _allow(request, "POST")
            return await api(engine, await _body(request), target.timeouts)
        except GatewayError as error:
            return _error(engine, error)

    async def aclose(self) -> None:
        """There is nothing to close."""


def _models(engine: Engine, request: Request) -> LocalResponse:
    _allow(request, "GET")
    wanted = unquote(request.path[len(_LIST) + 1 :])
    if not wanted:
        return _json(engine, 200, {"object": "list", "data": [_model(name) for name in MODELS]})
    known_model(wanted)
    return _json(engine, 200, _model(wanted))


def _error(engine: Engine, error: GatewayError) -> LocalResponse:
    what = {"message": error.message, "type": error.kind, "param": error.param, "code": error.code}
    response = _json(engine, error.status, {"error": what})
    response.headers.update(error.headers)
    return response


def _json(engine: Engine, status: int, value: Any) -> LocalResponse:
    return LocalResponse(status, engine.headers("application/json"), whole(msgspec.json.encode(value)))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "aigw"}


def _allow(request: Request, method: str) -> None:
    if request.method != method:
        message = f"Not allowed to {request.method} on {request.path} (HINT: Perhaps you meant to use {method}?)"
        raise GatewayError(405, message, code="method_not_supported", headers={"allow": method})


async def _body(request: Request) -> bytes:
    if request.stream is None:
        return request.body
    return b"".join([piece async for piece in request.stream])
