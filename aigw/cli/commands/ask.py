"""`aigw ask`: one question, one answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aigw.cli.options import Config, GatewayKey, GatewayUrl, Json, RouteName, ServedRecipe, System
from aigw.cli.sources.completion import complete_collection, complete_model, complete_property, complete_template
from aigw.cli.terminal.output import USAGE, fail, say_json, say_sentence

if TYPE_CHECKING:
    from aigw.cli.sources.asked_gateway import AskedGateway
    from aigw.cli.sources.templates import TemplateCall
    from aigw.core.retrieval import Hit

PASSAGES = 5


def ask(
    words: Annotated[list[str] | None, typer.Argument(metavar="QUESTION", help="The question.")] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            help="The model; default: the first of the configuration.",
            autocompletion=complete_model,
        ),
    ] = "",
    system: System = "",
    image: Annotated[
        list[str] | None, typer.Option("--image", metavar="FILE|URL", help="A picture to the question; repeatable.")
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Fill this template instead.", autocompletion=complete_template),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-p",
            metavar="NAME=VALUE",
            help="A property of the template; repeatable.",
            autocompletion=complete_property,
        ),
    ] = None,
    rag: Annotated[
        str | None,
        typer.Option(
            "--rag",
            metavar="[=COLLECTION]",
            help="Put passages of a collection before it.",
            autocompletion=complete_collection,
        ),
    ] = None,
    route: RouteName = None,
    no_stream: Annotated[bool, typer.Option("--no-stream", help="Print the answer when it is whole.")] = False,
    usage: Annotated[bool, typer.Option("--usage", "-u", help="Say on stderr what it took.")] = False,
    url: GatewayUrl = None,
    key: GatewayKey = None,
    config: Config = None,
    recipe: ServedRecipe = None,
    as_json: Json = False,
) -> None:
    """Ask a model, and print its answer as it is written.

    What comes through a pipe stands before the question. It goes through the gateway that runs with the configuration
    here or, if none does, through one of its own. With --template the question is the one property that -p does not
    give. --json prints the whole answer with its usage and cost. In a loop that reads lines, add </dev/null.

    Example: cat app.py | aigw ask "Explain this" -m qwen-max
    """
    text = _asked(words or [])
    if template is None:
        if values:
            fail("ask", "-p is for --template", USAGE)
        if not text and not image:
            fail("ask", 'nothing is asked: aigw ask "What is a gateway?", or `aigw chat`', USAGE)
    elif image or system or rag is not None:
        fail("ask", "--template takes no --image, --system and --rag", USAGE)

    from aigw.cli.sources.conversation import conversation, note_if_built_in, streamed
    from aigw.cli.sources.conversation import usage as used
    from aigw.cli.sources.conversation import whole as whole_answer
    from aigw.cli.terminal.streamed_text import Written
    from aigw.cli.views.answer import data, sources

    hits = _found(text, words or [], rag, config, recipe) if rag is not None else []
    with conversation("ask", config, recipe, url, key) as gateway:
        if template is not None:
            call = _templated(gateway, template, values or [], text, model, route)
        else:
            call = _call(gateway, text, model, system, image or [], hits, route)
        note_if_built_in("ask", gateway)
        if as_json:
            answer = whole_answer(gateway, call)
            say_json(data(gateway.url, answer, gateway.rows.of(answer.told.id), hits))
            return
        written = Written()
        try:
            if no_stream:
                answer = whole_answer(gateway, call)
                written.add(answer.text)
            else:
                answer = streamed(gateway, call, written.add)
        finally:
            written.end()
        for line in sources(hits):
            say_sentence(line, err=True)
        if usage:
            say_sentence(used(answer.told, gateway.rows.of(answer.told.id)), err=True)


def _asked(words: Sequence[str]) -> str:
    import sys

    from aigw.cli.sources.prompts import asked

    try:
        return asked(words, None if sys.stdin.isatty() else sys.stdin.buffer)
    except ValueError as error:
        fail("ask", str(error), USAGE)


def _found(
    question: str, words: Sequence[str], collection: str, config: Path | None, recipe: str | None
) -> Sequence[Hit]:
    """The passages for a question. If it fails, says what went wrong and exits."""
    from aigw.cli.sources.rag import Known, on_collections

    async def work(known: Known) -> Sequence[Hit]:
        for word in set(words) & set(await known.collections.names()) if not collection else ():
            say_sentence(f"aigw ask: note: to search the collection {word!r}, write --rag={word}", err=True)
        return await known.retrieval.search(known.name(collection), question, PASSAGES)

    return on_collections("ask", config, recipe, work)


def _call(
    gateway: AskedGateway,
    text: str,
    model: str,
    system: str,
    images: Sequence[str],
    hits: Sequence[Hit],
    route: str | None,
) -> TemplateCall:
    from aigw.cli.sources.chat_requests import chat_call
    from aigw.cli.sources.prompts import message, with_passages
    from aigw.dialects.chat_request import Said

    said = [Said("system", system)] if system else []
    return chat_call(gateway, model, [*said, message(with_passages(text, hits), images)], route)


def _templated(
    gateway: AskedGateway, name: str, given: Sequence[str], text: str, model: str, route: str | None
) -> TemplateCall:
    from aigw.cli.sources.chat_requests import template_call

    values = {}
    for each in given:
        property_, equals, value = each.partition("=")
        if not equals:
            raise ValueError(f"-p {each!r} must look like NAME=VALUE")
        values[property_] = value
    return template_call(gateway, name, values, text, model, route)
