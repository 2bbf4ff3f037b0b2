"""The errors for requests with which a provider cannot be asked."""

from __future__ import annotations

from aigw.core.errors import GatewayError
from aigw.core.model import Request
from aigw.dialects import apis

NOT_OFFERED = "unsupported_api"
BUILT_IN_OFFERS = (
    "; the built-in models answer at /v1/chat/completions, models of other providers when the key of their provider is "
    "set (ANTHROPIC_API_KEY, OPENAI_API_KEY, ...)"
)


def not_offered(name: str, api: str, request: Request, remedy: str = "") -> GatewayError:
    """The status is final for every client: of 404, Claude Code and Codex say that there is no such model, or repeat
    the request, and statuses from 500 on are repeated by all."""
    return GatewayError(
        400,
        f"the provider '{name}' does not offer {apis.title(api)} ({request.path}){remedy}",
        code=NOT_OFFERED,
        plain=(500, "failed to process request body: unsupported API name"),
    )


def unusable(why: str) -> GatewayError:
    return GatewayError(
        400,
        f"the request body cannot be used: {why}",
        code="invalid_body",
        plain=(500, f"failed to process request body: {why}"),
    )
