"""How the model `mock` behaves: a part of a provider's configuration. The defaults are fast and faultless."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

NotNegative = Annotated[float, Meta(ge=0)]


class Fault(Struct, rename="camel", frozen=True, forbid_unknown_fields=True):
    """Something that goes wrong with a share of the requests.

    `status` and `rate-limit` answer at once: with `status`, or with 429 and Retry-After: `retry_after` seconds. The
    others strike after `after_tokens` tokens: `disconnect` resets the connection, `stall` sends nothing more,
    `malformed` cuts the JSON of one event in half. With 0, the first two strike before the response head; with more
    tokens than the answer has, they strike after the last one. A plain body is cut in half instead."""

    kind: Annotated[
        Literal["status", "disconnect", "malformed", "stall", "rate-limit"],
        Meta(description="answer an error, reset the connection, cut an event, fall silent, or answer 429"),
    ]
    probability: Annotated[float, Meta(ge=0, le=1, description="the share of the requests that it strikes")] = 1.0
    status: Annotated[int, Meta(ge=400, le=599, description="what the kind `status` answers")] = 500
    retry_after: Annotated[NotNegative, Meta(description="what the kind `rate-limit` answers: seconds to wait")] = 1.0
    after_tokens: Annotated[int, Meta(ge=0, description="the other kinds strike after so many tokens")] = 1


class MockSettings(Struct, rename="camel", frozen=True, forbid_unknown_fields=True):
    """How the model `mock` behaves.

    Each request draws once for every fault, in order, from a sequence that `seed` determines; the first drawn
    strikes."""

    first_token_delay: Annotated[NotNegative, Meta(description="milliseconds before the first token")] = 0
    tokens_per_second: Annotated[NotNegative, Meta(description="how fast tokens come; 0: as fast as possible")] = 0
    tokens: Annotated[int, Meta(ge=1, le=1_000_000, description="how many tokens an answer has")] = 32
    tool_steps: Annotated[
        int,
        Meta(
            ge=0,
            description="so many calls of tools, in turn, before it answers a question with text, if the request has "
            "tools and leaves the choice to the model",
        ),
    ] = 0
    seed: Annotated[int, Meta(description="decides which requests the faults strike")] = 0
    faults: Annotated[tuple[Fault, ...], Meta(description="what goes wrong, and how often")] = ()
