"""The options that several commands have, and the file that they use by default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_FILE = Path("aigw.yaml")

Config = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="The configuration; default: aigw.yaml here.")
]
Recipe = Annotated[
    str | None, typer.Option("--recipe", metavar="NAME", help="The recipe that `aigw serve --recipe` runs here.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
By = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="A line for each route, service, provider, model, consumer or day; repeatable."),
]
Since = Annotated[str, typer.Option(metavar="TIME", help="15m, 1h, 7d, all, or an ISO 8601 date or time.")]
Url = Annotated[str | None, typer.Option(metavar="URL", help="Ask a running gateway, or the Redis that many share.")]
Key = Annotated[str | None, typer.Option(metavar="KEY", envvar="AIGW_KEY", help="The key that this gateway asks for.")]
State = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The state folder; default: that of aigw.yaml here, else .aigw.")
]


def configuration(given: Path | None) -> Path | None:
    """The file that is meant, or None if there is none."""
    return given or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
