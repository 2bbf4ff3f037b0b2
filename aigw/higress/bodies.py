"""Which bodies Higress's plugins see."""

from __future__ import annotations

from collections.abc import Mapping


def is_unseen(headers: Mapping[str, str]) -> bool:
    """Whether plugins are not offered a body with these headers, of a request or an answer: one that is encoded, in
    whatever way, or of bytes that are no text. Nothing of it is read, logged, stored, counted or charged."""
    kind = headers.get("content-type", "")
    return bool(headers.get("content-encoding")) or "octet-stream" in kind or "grpc" in kind
