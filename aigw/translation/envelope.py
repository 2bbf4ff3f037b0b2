"""The opaque state of one provider on its way through a client of another format, and back.

Clients send a signature, an encrypted text or a thought's signature back as they got it. So an envelope names the maker
of its state: the maker gets the state back as it was, and nobody else gets it. A state without an envelope is from a
provider that speaks the client's own format.

Rule: it is base64 in the standard alphabet, because some clients decode and encode it; either alphabet is read."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode

_HEAD = b"aigw1:"
MARK = b64encode(_HEAD).decode()
"""Every envelope begins with this: the head has six bytes, so that base64 does not mix it with what follows."""
_STANDARD = str.maketrans("-_", "+/")


def sealed(maker: str, state: str = "") -> str:
    """Returns an envelope. `maker` is the type of the provider, without a colon. `state` may be empty where the text of
    the reasoning is all that the maker wants back."""
    return b64encode(_HEAD + maker.encode() + b":" + state.encode("utf-8", "surrogatepass")).decode()


def is_sealed(state: str) -> bool:
    return state.startswith(MARK)


def opened(state: str, maker: str) -> str | None:
    """Returns the state in an envelope of this maker. None if it is not in an envelope, or in another maker's."""
    if not is_sealed(state):
        return None
    text = state.translate(_STANDARD)
    try:
        whole = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    made_by, separator, inner = whole[len(_HEAD) :].partition(b":")
    if not separator or made_by != maker.encode():
        return None
    return inner.decode("utf-8", "replace")
