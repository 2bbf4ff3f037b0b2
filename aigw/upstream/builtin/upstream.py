"""The transport of the scheme `builtin`: it reads the path, lets the API answer, and writes errors as OpenAI does.

Nothing is loaded before it is needed: the list of models needs no tokenizer, and a stream needs one only for its
usage."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote

import msgspec
from multidict import CIMultiDict

from aigw.core.env import Clock, Tokenizer, new_id
from aigw.core.errors import GatewayError
from aigw.core.model import Request, Target, Timeouts
from aigw.core.retrieval import Embedder
from aigw.dialects import apis
from aigw.dialects.openai_error import JSON, error_body
from aigw.dialects.openai_models import encode_list, model_entry
from aigw.upstream.builtin.delivery import Sleep
from aigw.upstream.builtin.embedders import found
from aigw.upstream.builtin.embeddings import embeddings
from aigw.upstream.builtin.engine import MODELS, PREFIX, Engine, known_model
from aigw.upstream.builtin.generation import generate
from aigw.upstream.builtin.mock import Mock
from aigw.upstream.builtin.settings import MockSettings
from aigw.upstream.local import LocalResponse, whole

CREATED = 1_735_689_600
"""When the models were "created": 2025-01-01, so that the list never changes."""

Handler = Callable[[Engine, Request, str, Timeouts], Awaitable[LocalResponse]]

_HANDLERS: dict[str, Handler] = {apis.CHAT: generate, apis.COMPLETIONS: generate, apis.EMBEDDINGS: embeddings}
_LIST = "/v1/models"


class BuiltinUpstream:
    """An `Upstream`. The model `echo` repeats the last message of the user; `mock` does what the `Mock` of the target
    says. The models `builtin/...` are the embedders of this machine.

    `embedders` gives them by their names, without the prefix. It may be replaced at any time."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        clock: Clock = time,
        sleep: Sleep = asyncio.sleep,
        new_id: Callable[[], str] = new_id,
    ) -> None:
        self._tokenizer = tokenizer
        self._clock = clock
        self._sleep = sleep
        self._new_id = new_id
        self._faultless = Mock(MockSettings())
        self.embedders: Callable[[], Mapping[str, Embedder]] = dict

    async def send(self, request: Request, target: Target) -> LocalResponse:
        mock = target.settings if isinstance(target.settings, Mock) else self._faultless
        engine = Engine(mock, self._tokenizer, self._clock, self._sleep, self._new_id, self.embedders)
        try:
            if request.path == _LIST or request.path.startswith(_LIST + "/"):
                return _models(engine, request)
            api = apis.detect(request.path) or ""
            if api not in _HANDLERS or request.path != apis.PATHS[api]:
                raise GatewayError(404, f"Invalid URL ({request.method} {request.path})")
            _allow(request, "POST")
            return await _HANDLERS[api](engine, await _held(request), api, target.timeouts)
        except GatewayError as error:
            if error.code == "model_not_found" and request.method == "POST":
                error.message += _unmapped(request)
            return _error(engine, error)

    async def aclose(self) -> None:
        """Does nothing: there is nothing to close."""


def _models(engine: Engine, request: Request) -> LocalResponse:
    _allow(request, "GET")
    wanted = unquote(request.path[len(_LIST) + 1 :])
    if not wanted:
        names = [*MODELS, *(PREFIX + name for name in engine.embedders())]
        return _answer(engine, encode_list(_model(name) for name in names))
    if wanted.startswith(PREFIX):
        found(engine.embedders(), wanted)
    else:
        known_model(wanted)
    return _answer(engine, msgspec.json.encode(_model(wanted)))


def _unmapped(request: Request) -> str:
    """Why a modelMapping did not change the model of a body that is labelled as something else than JSON, or ""."""
    labelled = "json" in request.headers.get("content-type", "").lower()
    said = " A modelMapping changes the model only in requests with the header content-type: application/json."
    return "" if labelled else said


def _error(engine: Engine, error: GatewayError) -> LocalResponse:
    response = LocalResponse(error.status, engine.headers(JSON), whole(error_body(error)))
    response.headers.update(error.headers)
    return response


def _answer(engine: Engine, body: bytes) -> LocalResponse:
    return LocalResponse(200, engine.headers(JSON), whole(body))


def _model(name: str) -> dict[str, Any]:
    return model_entry(name, CREATED, "aigw")


def _allow(request: Request, method: str) -> None:
    if request.method != method:
        message = f"Not allowed to {request.method} on {request.path} (HINT: Perhaps you meant to use {method}?)"
        raise GatewayError(405, message, code="method_not_supported", headers={"allow": method})


async def _held(request: Request) -> Request:
    """The request with its body in memory. It counts as JSON whatever its content-type says."""
    body = b"".join([piece async for piece in request.pieces()])
    return Request(request.method, request.path, request.query, CIMultiDict({"content-type": JSON}), body)
