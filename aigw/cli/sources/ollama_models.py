"""The models that a running Ollama has, for those who cannot wait."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping

from aigw.providers.ollama import ollama_address

SECONDS = 0.15
MOST_BYTES = 1 << 20


def installed(env: Mapping[str, str]) -> list[str]:
    """Returns the names of Ollama's models, an empty list if no Ollama answers at once."""
    try:
        connection = http.client.HTTPConnection(*ollama_address(env), timeout=SECONDS)
    except (ValueError, http.client.InvalidURL):
        return []
    try:
        connection.request("GET", "/v1/models")
        with connection.getresponse() as response:
            listed = json.loads(response.read(MOST_BYTES))["data"]
        return [str(each["id"]) for each in listed]
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        return []
    finally:
        connection.close()
