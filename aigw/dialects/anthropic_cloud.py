"""Anthropic's Messages API at Google's Vertex AI: the path has the model, and the body the version of the API, which
the vendor itself has in a header. Source: `AnthropicVertex` of Anthropic's SDK, and Google's pages on Claude."""

from __future__ import annotations

from multidict import CIMultiDict

from aigw.core.document import Document
from aigw.dialects import apis
from aigw.dialects.errors import refuse_threads

_CONTEXT_EDITS = "context-management-2025-06-27"
_BETAS = {
    name: name
    for name in (
        "compact-2026-01-12", "computer-use-2025-01-24", "computer-use-2025-11-24", "context-1m-2025-08-07",
        _CONTEXT_EDITS, "interleaved-thinking-2025-05-14", "tool-search-tool-2025-10-19", "web-search-2025-03-05",
    )
} | {"advanced-tool-use-2025-11-20": "tool-search-tool-2025-10-19"}  # fmt: skip
"""The features that `anthropic-beta` may name, each with its name there. A request with any other name would be
refused."""


def encode(document: Document, api: str, headers: CIMultiDict[str], version: str) -> bytes:
    """Returns the body of a request, and changes its headers. Raises GatewayError for a conversation that it should
    keep."""
    refuse_threads(document)
    headers.popall("anthropic-version", None)
    named = ",".join(headers.popall("anthropic-beta", ())).split(",")
    betas = list(dict.fromkeys(_BETAS[name.strip()] for name in named if name.strip() in _BETAS))
    if betas:
        headers["anthropic-beta"] = ",".join(betas)
    if _CONTEXT_EDITS not in betas:
        document.drop("context_management")
    if api == apis.MESSAGES:  # to count tokens, it stays in the body
        document.drop("model")
    document.set("anthropic_version", version)
    return document.encode()
