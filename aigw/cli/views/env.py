"""Shows what a client needs to come to a gateway: lines of a shell, lines of a file, and sentences about them.

Rule: a line that is there to be pasted has nothing else in it, and no key: a shell gets the variable that has it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from aigw.cli.sources.clients import Client, misplaced
from aigw.cli.sources.entrance import Entrance


def exports(client: Client, entrance: Entrance) -> list[str]:
    """The lines by which a shell sets its variables."""
    return [f"export {name}={_word(value, entrance)}" for name, value in client.variables.items()]


def command(client: Client, entrance: Entrance) -> str:
    """Returns the command to type after the lines are pasted, "" if there is none."""
    key = f'"${entrance.variable}"' if entrance.variable else entrance.key
    return filled(client.command.replace("{key}", key), entrance)


def filled(text: str, entrance: Entrance) -> str:
    """A text of the table with what its placeholders stand for."""
    values = {
        "{url}": entrance.url,
        "{base}": f"{entrance.url}/v1",
        "{key}": entrance.key,
        "{model}": entrance.model,
    }
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _word(value: str, entrance: Entrance) -> str:
    return f'"${entrance.variable}"' if value == "{key}" and entrance.variable else shlex.quote(filled(value, entrance))


def remarks(client: Client, entrance: Entrance) -> Iterator[str]:
    """Yields further hints, a sentence each."""
    if client.note:
        yield filled(client.note, entrance)
    if entrance.note:
        yield entrance.note
    elif entrance.variable and "{key}" in client.text:
        yield f"{entrance.key} is what the variable {entrance.variable} has"
    if entrance.headers and client.sends_key_in not in entrance.headers:
        yield misplaced(client, entrance.headers)
    if not entrance.runs:
        yield f"nothing answers at {entrance.url} yet: `aigw serve`"


def listing(clients: Sequence[Client], entrance: Entrance) -> Iterator[str]:
    """A line a client, and the address for all others."""
    longest = max(len(each.name) for each in clients)
    for each in clients:
        yield f"{each.name:<{longest}}  {each.title}"
    yield ""
    yield f"Any other client: base URL {entrance.url}/v1, key {entrance.key}."
    yield "aigw env CLIENT prints the lines to paste."


def data(client: Client, entrance: Entrance) -> dict[str, Any]:
    """Returns what a client needs as plain data, for `--json`."""
    return {
        "client": client.name,
        "title": client.title,
        "variables": {name: filled(value, entrance) for name, value in client.variables.items()},
        "command": filled(client.command, entrance),
        "file": client.file,
        "text": filled(client.text, entrance),
        "key": {"placeholder": entrance.key, "variable": entrance.variable},
        "notes": list(remarks(client, entrance)),
    }
