"""`record:` in the configuration, and the options of commands that replace it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from aigw.traffic.volatility.rules import VolatileConfig

Mode = Literal["off", "record", "auto", "replay", "refresh"]
OnError = Literal["continue", "stop"]
Match = Literal["content", "sequence"]


class RecordSettings(Struct, frozen=True, kw_only=True):
    """Recording what leaves the gateway, and answering from recordings."""

    mode: Annotated[
        Mode,
        Meta(
            description="record: every call is added. auto: what is known is replayed, the rest is recorded. "
            "replay: nothing goes upstream. refresh: every call goes upstream, and replaces its recording."
        ),
    ] = "off"
    dir: Annotated[str, Meta(min_length=1, description="The folder, seen from that of this file.")] = "recordings"
    match: Annotated[
        Match,
        Meta(
            description="content: the request finds its recording, whatever came before. sequence: the n-th call of a "
            "session gets the n-th answer, and what differs in the request is reported."
        ),
    ] = "content"
    max_divergence: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="With sequence: so many calls may differ; the next one is a miss. None: any number."),
    ] = None
    strict: Annotated[
        bool, Meta(description="A request that comes more often than it was recorded is a miss, too.")
    ] = False
    speed: Annotated[
        float, Meta(ge=0, description="How many times as fast as recorded answers are played; 0: at once.")
    ] = 0.0
    on_error: Annotated[
        OnError,
        Meta(description="Whether traffic goes on when recordings cannot be written, such as on a full disk."),
    ] = "continue"
    volatile: Annotated[
        VolatileConfig, Meta(description="What varies from run to run and does not make another request.")
    ] = VolatileConfig()
