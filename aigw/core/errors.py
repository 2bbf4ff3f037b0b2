"""The errors that aigw raises on purpose. None of them contains a secret.

GatewayError ends one request with an answer in the client's own format (see `dialects.errors`).
ContextTooLongError is one that clients know how to help themselves with.
UpstreamError is raised by the transport. The router makes it a retry or a GatewayError.
ConfigError has all findings of a configuration at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from aigw.core.redaction import shown


class GatewayError(Exception):
    """Ends the request with `status` and a body in the client's format.

    `kind`, `code` and `param` are OpenAI's `error.type`, `error.code` and `error.param` (the type in Anthropic's format
    follows from the status). `plain` is the status and the text/plain body that Higress answers in the same case; it is
    used with `fidelity: higress`. `others` is a second line of the message, about what else was tried. `details` are
    further lines."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        plain: tuple[int, str] | None = None,
        others: str = "",
        details: Sequence[str] = (),
    ) -> None:
        super().__init__("\n".join(map(shown, (message, *((others,) if others else ()), *details))))
        self.status = status
        self.message = str(self)
        self.kind = shown(kind)
        self.code = shown(code) if code else code
        self.param = shown(param) if param else param
        self.headers = dict(headers or {})
        self.plain = plain


class ContextTooLongError(GatewayError):
    """The prompt is too long: it has `tokens` and may have `limit` (0: not known). Each dialect reports this in the
    words by which its clients recognize that they must shorten the conversation.

    `said` is the provider's message, "" if the gateway itself refuses. `answer_tokens` is the limit of the answer if
    the prompt alone would fit."""

    def __init__(self, status: int, tokens: int, limit: int, *, said: str = "", answer_tokens: int = 0) -> None:
        ours = f"This model's maximum context length is {limit} tokens. Your request had approximately {tokens} tokens."
        super().__init__(status, said or ours, code="context_length_exceeded")
        self.tokens = tokens
        self.limit = limit
        self.said = said
        self.answer_tokens = answer_tokens


class UpstreamFault(Enum):
    """How a call to an upstream failed. The whole part of a value is the status that the client gets if there is no
    other upstream to try."""

    CONNECT = 502
    CONNECT_TIMEOUT = 504
    RESET = 502.1
    PROTOCOL = 502.2
    FIRST_BYTE_TIMEOUT = 504.1
    IDLE_TIMEOUT = 504.2
    CUT_OFF = 502.3
    LOOP = 508

    @property
    def status(self) -> int:
        return int(self.value)

    @property
    def code(self) -> str:
        """The `error.code` of the answer: upstream_connect, upstream_reset, ..."""
        return f"upstream_{self.name.lower()}"


class UpstreamError(Exception):
    """The transport failed. `str(error)` names the address and what happened, never a header or a body."""

    def __init__(self, fault: UpstreamFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault

    @property
    def status(self) -> int:
        """The status that the client gets if there is no other upstream to try."""
        return self.fault.status

    def answer(self) -> GatewayError:
        """Returns the error that the client gets if there is no other upstream to try."""
        headers = {"x-should-retry": "false"} if self.fault is UpstreamFault.LOOP else None
        return GatewayError(self.fault.status, str(self), kind="upstream_error", code=self.fault.code, headers=headers)


class FailedAnswerError(UpstreamError):
    """The provider answered with a status of success, but its answer has failed. `kind` and `code` are the provider's
    own words, as in OpenAI's errors. `others` is a line on what else was tried."""

    def __init__(self, status: int, message: str, *, kind: str = "", code: str = "", others: str = "") -> None:
        super().__init__(UpstreamFault.PROTOCOL, f"{message}\n{others}" if others else message)
        self._message = message
        self._others = others
        self._status = status
        self._kind = kind or "upstream_error"
        self._code = code or "upstream_failed"

    @property
    def status(self) -> int:
        return self._status

    def answer(self) -> GatewayError:
        return GatewayError(self._status, self._message, kind=self._kind, code=self._code, others=self._others)


class AddressError(Exception):
    """The gateway cannot listen on its configured address. `str(error)` says why and what to do. `taken` is the host
    and port if another program has them."""

    def __init__(self, message: str, taken: tuple[str, int] | None = None) -> None:
        super().__init__(message)
        self.taken = taken


class ConfigError(Exception):
    """The configuration cannot be used. `findings` are complete lines, each with its place and remedy."""

    def __init__(self, findings: Sequence[str]) -> None:
        super().__init__("\n".join(findings))
        self.findings = list(findings)
