"""How the model `mock` behaves: a part of a provider's configuration. The defaults are fast and faultless."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Fault(msgspec.Struct, rename="camel", frozen=True, forbid_unknown_fields=True):
    """Something that goes wrong with a share of the requests.

    `status` and `rate-limit` answer at once: with `status`, or with 429 and Retry-After: `retry_after` seconds.
    The others strike after `after_tokens` tokens: `disconnect` resets the connection, `stall` sends nothing more,
    `malformed` cuts the JSON of one event in half. With 0 the first two strike before the response head, with more
    tokens than there are after the last one. A plain body is cut in half instead."""

    kind: Literal["status", "disconnect", "malformed", "stall", "rate-limit"]
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 500
    retry_after: NotNegative = 1.0
    after_tokens: Count = 1


class MockSettings(msgspec.Struct, rename="camel", frozen=True, forbid_unknown_fields=True):
    """`first_token_delay` is in milliseconds; `tokens_per_second` 0 is as fast as possible; an answer has `tokens`.

    Each request draws once for every fault, in order, from a sequence that `seed` determines; the first drawn
    strikes."""

    first_token_delay: NotNegative = 0
    tokens_per_second: NotNegative = 0
    tokens: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 32
    seed: int = 0
    faults: tuple[Fault, ...] = ()
