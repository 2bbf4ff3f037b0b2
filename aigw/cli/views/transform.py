"""Shows HTTP messages, for `aigw transform`."""

from __future__ import annotations

import base64
import sys
from http import HTTPStatus
from typing import Any

from aigw.cli.sources.transform import Transformed
from aigw.core.plain import plain_lines
from aigw.plugins.ai_transformer.message import Message

_REASONS = {str(status.value): status.phrase for status in HTTPStatus}


def data(told: Transformed) -> dict[str, Any]:
    """A body that is no text is in base64."""
    message = told.message
    try:
        body = {"body": message.body.decode()}
    except UnicodeDecodeError:
        body = {"base64": base64.b64encode(message.body).decode()}
    start = {name.removeprefix(":"): value for name, value in message.start.items()}
    headers = [[name, value] for name, value in _headers(message)]
    return {"transformed": not told.reason, "reason": told.reason, **start, "headers": headers, **body}


def print_message(message: Message) -> None:
    """Prints it as it would be sent, with the ends of lines of a text; on a terminal in colours."""
    head = "\n".join([_first_line(message), *(f"{name}: {value}" for name, value in _headers(message)), "", ""])
    if not sys.stdout.isatty():
        sys.stdout.flush()
        sys.stdout.buffer.write(head.encode("utf-8", "surrogateescape") + message.body)
        sys.stdout.buffer.flush()
        return
    from rich.console import Console
    from rich.syntax import Syntax

    text = plain_lines(head + message.body.decode("utf-8", "replace"))
    Console().print(Syntax(text, "http", background_color="default", word_wrap=True))


def _first_line(message: Message) -> str:
    start = message.start
    if ":status" in start:
        return f"HTTP/1.1 {start[':status']} {_REASONS.get(start[':status'], '')}".rstrip()
    return f"{start[':method']} {start[':path']} HTTP/1.1"


def _headers(message: Message) -> list[tuple[str, str]]:
    """Returns the headers of the message, with the length of its body."""
    others = [(name, value) for name, value in message.headers.items() if name.lower() != "content-length"]
    return [*others, ("content-length", str(len(message.body)))]
