"""`aigw diff A B`: two recorded runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aigw.cli.options import Config, Json
from aigw.cli.terminal.output import FAILURE, USAGE, fail, say_json, say_text, width


def diff(
    old: Annotated[Path, typer.Argument(metavar="A", help="The recordings of one run, with the folders in it.")],
    new: Annotated[Path, typer.Argument(metavar="B", help="Those of another.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown, for a pull request.")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 if requests or answers differ, as `git diff` does.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Compare two folders of recordings.

    It shows which calls were added (+), removed (-) or moved (>), what differs in prompts, tools and answers (~), and
    how tokens, cost and time have changed. Values that `record.volatile` declares are no difference. The exit code is 0
    whether they differ or not, unless --exit-code is given, and 2 if they cannot be compared.

    Example: aigw diff recordings/main recordings/branch --markdown
    """
    import os

    from aigw.cli.sources.diff import differing
    from aigw.core.errors import ConfigError
    from aigw.traffic.format.folder import RecordingError

    if markdown and as_json:
        fail("diff", "choose one of --markdown and --json", USAGE)
    try:
        found = differing(old, new, config, os.environ)
    except ConfigError as error:
        fail("diff", error.findings, USAGE)
    except RecordingError as error:
        fail("diff", str(error), USAGE)
    if as_json:
        from aigw.cli.views.diff import plain_diff

        say_json(plain_diff(found))
    elif markdown:
        from aigw.cli.views.diff_markdown import markdown as written

        say_text(written(found, str(old), str(new)))
    else:
        from aigw.cli.views.diff import lines

        for line in lines(found, width()):
            say_text(line)
    if exit_code and found.differs:
        raise typer.Exit(FAILURE)
