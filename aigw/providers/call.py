"""One request as it is sent to a provider, and what is needed to read its answer."""

from __future__ import annotations

from typing import NamedTuple

from aigw.core.dialect import Asked, Dialect
from aigw.core.model import Request, Target
from aigw.providers.kept_responses import Continued
from aigw.translation.translation import AnyTranslation


class Call(NamedTuple):
    """A call of a provider. `dialect` is the wire format of the request and its answer. `model` is the mapped model.

    `asked` and `spoken` are the request and its format before it was converted into a format that only one vendor has.
    They are the client's own or, with a `translation`, the translated ones. The answer is first converted back into
    that format. `continued` is set if the response is kept here, or continues a kept one."""

    request: Request
    target: Target
    api: str | None
    dialect: Dialect
    asked: Asked
    spoken: Dialect
    model: str = ""
    streaming: bool = False
    translation: AnyTranslation | None = None
    continued: Continued | None = None
