"""Which bodies Higress's plugins see."""

from __future__ import annotations

from collections.abc import Mapping


def is_unseen(headers: Mapping[str, str]) -> bool:
    """Whether Higress's plugins do not see a body with these headers, of a request or an answer: it has a content
    coding, or is no text. Such a body is not read, logged, stored, counted or charged."""
    kind = headers.get("content-type", "")
    return bool(headers.get("content-encoding")) or "octet-stream" in kind or "grpc" in kind
