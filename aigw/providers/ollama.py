"""Where Ollama is. Loads little."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

OLLAMA_PORT = 11434


def ollama_address(env: Mapping[str, str]) -> tuple[str, int]:
    """Host and port from OLLAMA_HOST, which may be host, host:port or a URL, or Ollama's default. Raises ValueError."""
    given = env.get("OLLAMA_HOST", "")
    url = urlsplit(given if "://" in given else f"//{given}")
    host = url.hostname or "127.0.0.1"
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host, url.port or OLLAMA_PORT  # noqa: S104
