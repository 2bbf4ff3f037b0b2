"""State that a vendor gives out and takes back only as it was: it is bound to what it was given for."""

from __future__ import annotations

import base64
import hashlib


def signature(text: str) -> str:
    """What a vendor signs a text with; nobody else can."""
    return base64.b64encode(hashlib.blake2b(text.encode(), key=b"vendor", digest_size=48).digest()).decode()
