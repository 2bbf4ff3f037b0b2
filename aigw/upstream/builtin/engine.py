"""What the APIs of the built-in models share: ids, timelines and the counting of tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from multidict import CIMultiDict

from aigw.core.dialect import Asked
from aigw.core.env import Clock, Tokenizer
from aigw.core.errors import GatewayError
from aigw.core.model import Request, Timeouts
from aigw.core.retrieval import Embedder
from aigw.dialects.openai_chat_check import check
from aigw.dialects.table import dialect_of
from aigw.upstream.builtin.delivery import Delivery, Sleep
from aigw.upstream.builtin.mock import Mock
from aigw.upstream.builtin.settings import Fault, MockSettings
from aigw.upstream.local import LocalBody, LocalResponse

MODELS = ("echo", "mock")
PREFIX = "builtin/"
"""Before the names of the embedders of this machine."""
INLINE = 32_768
"""How many characters are counted on the event loop. A longer text is counted in a thread."""

T = TypeVar("T")
_FAULTLESS = MockSettings()


@dataclass(slots=True)
class Engine:
    """Answers one request. `mock` is the model `mock` of its provider."""

    mock: Mock
    tokenizer: Tokenizer
    clock: Clock
    sleep: Sleep
    new_id: Callable[[], str]
    embedders: Callable[[], Mapping[str, Embedder]]
    """Returns the embedders of this machine, by the names of their models without the prefix."""

    @property
    def settings(self) -> MockSettings:
        return self.mock.settings

    def delivery(self, model: str, tokens: int, timeouts: Timeouts) -> Delivery:
        """The timeline of an answer. It draws the faults of `mock`. Raises GatewayError for a fault that refuses."""
        if model != "mock":
            return Delivery(_FAULTLESS, None, tokens, timeouts, self.clock, self.sleep)
        fault = self.mock.draw()
        if fault and fault.kind in ("status", "rate-limit"):
            raise _refusal(fault)
        return Delivery(self.settings, fault, tokens, timeouts, self.clock, self.sleep)

    async def tally(self, characters: int, job: Callable[..., T], *args: Any) -> T:
        """Runs a job of the tokenizer: at once if it is short and nothing must be loaded, otherwise in a thread."""
        if characters <= INLINE and self.tokenizer.ready():
            return job(*args)
        return await asyncio.to_thread(job, *args)

    async def plain(self, delivery: Delivery, body: bytes) -> LocalResponse:
        """Returns a complete JSON answer, which arrives when the delivery says."""
        await delivery.head(whole=True)
        return LocalResponse(200, self.headers("application/json"), LocalBody(delivery.plain(body)))

    def headers(self, content_type: str) -> CIMultiDict[str]:
        return CIMultiDict({"content-type": content_type, "x-request-id": "req_" + self.new_id()})


def known_model(model: str) -> None:
    """Raises GatewayError if there is no such model, or if none is named."""
    if not model:
        message = "Missing required parameter: 'model'."
        raise GatewayError(400, message, code="missing_required_parameter", param="model")
    if model not in MODELS:
        there_are = ", ".join(MODELS)
        message = (
            f"The model '{model}' does not exist. The built-in models are: {there_are}. For those of a provider set "
            "its key (OPENAI_API_KEY, ...) or configure it."
        )
        raise GatewayError(404, message, code="model_not_found")


def checked(request: Request, api: str) -> Asked:
    """Returns what a request asks for. Raises GatewayError for a model that there is not, whatever else is wrong, and
    for a body that no model could answer."""
    asked = dialect_of(api).asked(request, api)
    if asked.model:
        known_model(asked.model)
    check(api, request.body)
    known_model(asked.model)
    return asked


def _refusal(fault: Fault) -> GatewayError:
    if fault.kind == "status":
        message = "The built-in model failed, as it is told to."
        return GatewayError(
            fault.status, message, kind="server_error" if fault.status >= 500 else "invalid_request_error"
        )
    message = f"Rate limit reached, as the built-in model is told to. Please try again in {fault.retry_after:g}s."
    headers = {"retry-after": f"{fault.retry_after:g}"}
    return GatewayError(429, message, kind="requests", code="rate_limit_exceeded", headers=headers)
