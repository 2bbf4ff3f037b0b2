"""What `aigw ask` and `aigw chat` share: the gateway that is meant, one answer of it, and what is said if it fails."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import typer

from aigw.books.usage_row import UsageRow
from aigw.cli.sources.asked_gateway import AskedGateway, GatewayOptions, asked_gateway
from aigw.cli.sources.chat_requests import answers_itself
from aigw.cli.sources.config_choice import config_choice
from aigw.cli.sources.gateway_client import HTTP_OK, AnswerSummary, refusal, stream_of, whole_of
from aigw.cli.sources.template_send import SendError, reaching
from aigw.cli.sources.templates import TemplateCall
from aigw.cli.terminal.failures import failing
from aigw.cli.terminal.figures import count, money
from aigw.cli.terminal.log import LogThread
from aigw.cli.terminal.output import fail, say_sentence
from aigw.server.first_call import Key

INTERRUPTED = 130
UNAUTHORIZED = 401


class Answered(NamedTuple):
    """An answer that was printed. `body` is the whole answer, b"" of a stream."""

    told: AnswerSummary
    text: str
    body: bytes


@contextmanager
def conversation(
    command: str, config: Path | None, recipe: str | None, url: str | None, key: str | None
) -> Iterator[AskedGateway]:
    """The gateway, until the block ends. If anything fails, says what went wrong and exits."""
    logging.basicConfig(level=logging.ERROR, handlers=[LogThread()])
    options = GatewayOptions(config_choice(command, config, recipe), url, key or "")
    try:
        with failing(command), asked_gateway(options, os.environ) as gateway:
            yield gateway
    except SendError as error:
        fail(command, error.lines)
    except BrokenPipeError:  # nobody reads on: typer ends quietly
        raise
    except OSError as error:
        fail(command, str(error))
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def note_if_built_in(command: str, gateway: AskedGateway) -> None:
    """Tells the user if nothing is configured, so that only the built-in models can answer."""
    if not gateway.configured and answers_itself(gateway.loaded):
        say_sentence(
            f"aigw {command}: note: no provider is configured, so only built-in models answer (`echo` repeats the"
            " question); set a key such as OPENAI_API_KEY, or name a provider in the file that `aigw init` writes",
            err=True,
        )


def streamed(gateway: AskedGateway, call: TemplateCall, say: Callable[[str], None]) -> Answered:
    """Passes the answer on as it comes. Raises SendError."""
    pieces: list[str] = []

    def piece(text: str) -> None:
        pieces.append(text)
        say(text)

    with reaching(gateway.url):
        told = stream_of(gateway.url, call.streamed(), piece, gateway.key)
    return Answered(_checked(gateway, call, told), "".join(pieces), b"")


def whole(gateway: AskedGateway, call: TemplateCall) -> Answered:
    """Raises SendError."""
    with reaching(gateway.url):
        told, text, body = whole_of(gateway.url, call, gateway.key)
    return Answered(_checked(gateway, call, told), text, body)


def usage(told: AnswerSummary, row: UsageRow | None) -> str:
    """Says for people how many tokens, how much money and how much time an answer took. `?` is an unknown number."""
    prompt, made = told.tokens.prompt, told.tokens.output
    tokens = f"{'?' if prompt is None else count(prompt)} tokens in, {'?' if made is None else count(made)} out"
    return f"{told.model or '?'}: {tokens}, ${money(row.cost if row is not None else None)}"


def _checked(gateway: AskedGateway, call: TemplateCall, told: AnswerSummary) -> AnswerSummary:
    if told.status != HTTP_OK:
        remedy = _wants_key(gateway, call) if told.status == UNAUTHORIZED else []
        raise SendError(refusal(told.status, told.error.encode("utf-8", "replace")), *remedy)
    if told.error:
        raise SendError(f"the answer failed: {told.error}")
    return told


def _wants_key(gateway: AskedGateway, call: TemplateCall) -> list[str]:
    """The remedy after a 401: who asks for a key is the gateway only if its configuration says so, or is not known."""
    if call.call.key == Key():
        return ["the provider refused the key that it was sent: see the configuration, or the variable that it names"]
    return [] if gateway.key else ["the gateway asks for a key: set AIGW_KEY, or give it with --key"]
