"""`aigw higress import|export`: a configuration from the resources of a Higress, and resources of a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aigw.cli.default_file import DEFAULT_FILE
from aigw.cli.options import Config, Json, ServedRecipe
from aigw.cli.sources.config_choice import config_choice
from aigw.cli.terminal.groups import Commands
from aigw.cli.terminal.output import FAILURE, USAGE, fail, say_json, say_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aigw.resources.report import Findings

app = typer.Typer(
    cls=Commands,
    help="Bring a configuration to Higress, or from there.",
    epilog="Example: aigw higress import wasmplugins.yaml ingresses.yaml --out aigw.yaml",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 if something is lost.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="The report in Markdown, for a pull request.")]
Force = Annotated[bool, typer.Option("--force", help="Write over files that are there.")]


@app.command("import", epilog="Example: kubectl get wasmplugin,ingress,mcpbridge -A -o yaml | aigw higress import -")
def import_(
    sources: Annotated[
        list[Path], typer.Argument(metavar="FILE|DIR|-...", help="Resources, in YAML or JSON; - is the input.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the configuration here.")
    ] = None,
    safe: Annotated[
        bool, typer.Option("--safe", help="With aigw's safer behaviour, instead of exactly Higress's.")
    ] = False,
    force: Force = False,
    strict: Strict = False,
    markdown: Markdown = False,
    as_json: Json = False,
) -> None:
    """Make a configuration of Higress's resources.

    They are WasmPlugins, Ingresses and McpBridges, also in lists; other resources are kept or named.

    Keys and passwords become ${NAME}; the file begins with the names of the variables to set. The report says of each
    field whether it means the same here: exact, approximate, none (lost) or unknown (kept under x-higress).

    Without --out the configuration is printed, and the report goes to stderr."""
    from aigw.cli.sources.resource_files import resources_in, write_new
    from aigw.core.errors import ConfigError
    from aigw.resources.importing.configuration import imported

    _one_of(markdown, as_json, "import")
    try:
        result = imported(resources_in(sources), "safe" if safe else "higress")
        if out is not None:
            write_new({out: result.text()}, force=force)
    except ConfigError as error:
        fail("higress import", error.findings, USAGE)
    if as_json:
        more: dict[str, Any] = {"variables": sorted(result.variables)}
        _say(result.findings, as_json=more if out else {**more, "configuration": result.text()})
    else:
        if out is None:
            _print(result.text())
        _say(result.findings, markdown=markdown, err=out is None, variables=sorted(result.variables))
    _exit(result.findings, strict=strict)


@app.command("export", epilog="Example: aigw higress export --out higress && kubectl apply -f higress")
def export(
    config: Config = None,
    recipe: ServedRecipe = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Write a file for each resource here.")
    ] = None,
    force: Force = False,
    strict: Strict = False,
    markdown: Markdown = False,
    as_json: Json = False,
) -> None:
    """Make resources for Higress 2 of a configuration.

    They are WasmPlugins, Ingresses and a McpBridge.

    Keys and passwords become references to a Secret `aigw` of the cluster, which is not written. The report says of
    each part whether it means the same there: exact, approximate or none (lost). What Higress has no place for is kept
    in a ConfigMap `aigw`, so that an import gives it back.

    Without --out the resources are printed, and the report goes to stderr."""
    import os

    from aigw.cli.sources.resource_files import write_new
    from aigw.core.errors import ConfigError
    from aigw.resources.exporting.resources import exported, files_of
    from aigw.resources.exporting.source import given

    _one_of(markdown, as_json, "export")
    choice = config_choice("higress export", config, recipe)
    file = choice.file or (DEFAULT_FILE if choice.recipe is None else None)
    try:
        result = exported(given(file, os.environ, choice.text.encode()))
        files = files_of(result.resources)
        if out is not None:
            write_new({out / name: text for name, text in files.items()}, force=force)
    except ConfigError as error:
        fail("higress export", error.findings, USAGE)
    if as_json:
        more: dict[str, Any] = {"secrets": sorted(result.secrets)}
        _say(result.findings, as_json=more if out else {**more, "resources": result.resources})
    else:
        if out is None:
            _print("---\n".join(files.values()))
        _say(result.findings, markdown=markdown, err=out is None, keys=sorted(result.secrets))
    _exit(result.findings, strict=strict)


def _one_of(markdown: bool, as_json: bool, command: str) -> None:
    if markdown and as_json:
        fail(f"higress {command}", "choose one of --markdown and --json", USAGE)


def _print(text: str) -> None:
    import sys

    if sys.stdout.isatty():
        say_text(text.rstrip("\n"))
    else:
        typer.echo(text, nl=False)


def _say(
    findings: Findings,
    *,
    markdown: bool = False,
    err: bool = False,
    as_json: dict[str, Any] | None = None,
    keys: Sequence[str] = (),
    variables: Sequence[str] = (),
) -> None:
    from aigw.cli.views.higress import lines, markdown_table, plain, to_create, to_set

    if as_json is not None:
        say_json({**as_json, **plain(findings)})
        return
    for line in markdown_table(findings) if markdown else [*lines(findings), *to_set(variables), *to_create(keys)]:
        say_text(line, err=err)


def _exit(findings: Findings, *, strict: bool) -> None:
    if strict and findings.lost:
        raise typer.Exit(FAILURE)
