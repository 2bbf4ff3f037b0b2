"""Runs real clients, unmodified, with a gateway in front of vendors that speak other dialects:

    python -m tests.clients [NAME...] [--vendor V] [--native] [--folder F] [--json]

Each does a text turn, a round of a tool, an error and an interrupted stream. The exit code is 1 if any of them failed.
Clients are installed below the folder, which may be kept for the next time."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.clients.real.client import Client, Task
from tests.clients.real.matrix import Result, run
from tests.clients.real.table import CLIENTS


def main(arguments: list[str] | None = None) -> int:
    options = _options().parse_args(arguments)
    if unknown := [name for name in options.names if name not in CLIENTS]:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(CLIENTS)}", file=sys.stderr)
        return 2
    clients = [CLIENTS[name] for name in options.names or CLIENTS]
    with tempfile.TemporaryDirectory(prefix="clients-") as temporary:
        folder = Path(options.folder or temporary).absolute()
        results = asyncio.run(_run(clients, folder, options))
    if not options.json:
        _print_table(results)
    return 0 if results and all(result.passed for result in results) else 1


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CLIENTS))
    parser.add_argument(
        "--vendor", action="append", default=[], help="with this vendor instead of the client's own list"
    )
    parser.add_argument("--native", action="store_true", help="with the vendor that speaks the client's dialect")
    parser.add_argument("--folder", help="where clients are installed; a temporary folder if there is none")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each task")
    return parser


async def _run(clients: list[Client], folder: Path, options: argparse.Namespace) -> list[Result]:
    results: list[Result] = []
    for client in clients:
        vendors = [client.native] if options.native else options.vendor
        async for result in run([client], folder, vendors):
            results.append(result)
            if options.json:
                print(json.dumps({**dataclasses.asdict(result), "passed": result.passed}), flush=True)
            else:
                print(_line(result), file=sys.stderr, flush=True)
    return results


def _line(result: Result) -> str:
    verdict = "ok" if result.passed else f"FAILED: {result.why}"
    return f"{result.client} on {result.vendor}, {result.task} ({result.seconds:.1f} s): {verdict}"


def _print_table(results: list[Result]) -> None:
    table = Table("client", "vendor", *(task.value for task in Task))
    for client, vendor in dict.fromkeys((result.client, result.vendor) for result in results):
        row = {r.task: r for r in results if (r.client, r.vendor) == (client, vendor)}
        cells = ["[green]pass[/]" if task.value in row and row[task.value].passed else "[red]fail[/]" for task in Task]
        table.add_row(client, vendor, *cells)
    Console().print(table)
