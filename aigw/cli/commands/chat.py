"""`aigw chat`: a conversation on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aigw.cli.options import Config, GatewayKey, GatewayUrl, RouteName, ServedRecipe, System
from aigw.cli.sources.completion import complete_model
from aigw.cli.terminal.output import USAGE, fail, say_sentence

if TYPE_CHECKING:
    from aigw.cli.sources.chat import Chat


def chat(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="Default: the first of the configuration.", autocompletion=complete_model),
    ] = "",
    named: Annotated[
        str, typer.Option("--model", "-m", metavar="MODEL", help="The same.", autocompletion=complete_model)
    ] = "",
    system: System = "",
    route: RouteName = None,
    url: GatewayUrl = None,
    key: GatewayKey = None,
    config: Config = None,
    recipe: ServedRecipe = None,
) -> None:
    """Talk with a model.

    It goes through the gateway that runs with the configuration here or, if none does, through one of its own.
    /help lists what can be typed, Ctrl-C stops an answer, Ctrl-D leaves. Nothing that is said is kept by this command.

    Example: aigw chat qwen-max --system "Answer in one sentence."
    """
    import sys

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        fail("chat", "it needs a terminal; `aigw ask` answers what comes through a pipe", USAGE)
    from aigw.cli.sources.chat import Chat
    from aigw.cli.sources.chat_requests import chat_call, model_of
    from aigw.cli.sources.conversation import conversation, note_if_built_in
    from aigw.cli.terminal.input import edited

    with conversation("chat", config, recipe, url, key) as gateway:
        chosen = model or named or model_of(gateway, route)
        chat_call(gateway, chosen, [], route)  # what is wrong is said before somebody has typed
        note_if_built_in("chat", gateway)
        say_sentence(f"{chosen} through {'a gateway of its own' if gateway.own else gateway.url}; /help for help")
        edited()
        _talk(Chat(gateway, chosen, system, route, say_sentence))


def _talk(chat: Chat) -> None:
    """Talks with the user until he leaves."""
    from aigw.cli.terminal.input import typed

    while True:
        try:
            line = typed(input)
        except EOFError:
            typer.echo()
            return
        except KeyboardInterrupt:
            typer.echo()
            say_sentence("Ctrl-D or /bye leaves.")
            continue
        if line.strip() and not _answered(chat, line):
            return


def _answered(chat: Chat, line: str) -> bool:
    """Does what a line says, or asks it. False if the user wants to leave."""
    from aigw.cli.sources.template_send import SendError
    from aigw.cli.terminal.streamed_text import Written

    written = Written()
    try:
        done = chat.command(line)
        if done is None:
            chat.ask(line, written.add)
    except KeyboardInterrupt:
        written.end()
        say_sentence("(stopped)")
        return True
    except (SendError, OSError) as error:
        written.end()
        say_sentence(f"aigw chat: {error}", err=True)
        return True
    written.end()
    return done is not False
