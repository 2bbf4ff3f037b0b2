"""How the stand-ins read requests and write answers: JSON, and errors as the service has them."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from aigw.core.model import Request
from aigw.upstream.standin import StandinAnswer

T = TypeVar("T")


def read(request: Request, shape: type[T]) -> T:
    """Decodes the body of a request. Raises ValueError that says what is wrong with it."""
    try:
        return msgspec.json.decode(request.body or b"{}", type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def answer(body: Any, status: int = 200) -> StandinAnswer:
    return StandinAnswer(status, {"content-type": "application/json"}, msgspec.json.encode(body))
