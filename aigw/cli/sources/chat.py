"""A conversation on a terminal: what was said so far, and what the commands in it do.

Rule: an answer that was stopped stays as far as it came. A question without any answer is taken back, so that the next
one can be asked."""

from __future__ import annotations

import re
from collections.abc import Callable

from aigw.cli.sources.asked_gateway import AskedGateway
from aigw.cli.sources.chat_requests import chat_call
from aigw.cli.sources.conversation import streamed
from aigw.cli.sources.gateway_client import models_at
from aigw.dialects.chat_request import Said

_COMMAND = re.compile(r"/([a-z]+|\?)(?:\s+(.*))?", re.DOTALL)
HELP = (
    ("/model [NAME]", "ask this one from now on; without a name, list them"),
    ("/system [TEXT]", "how the model shall answer; without a text, nothing"),
    ("/clear", "forget what was said"),
    ("/help", "this list"),
    ("/bye", "leave, as Ctrl-D does"),
    ('"""', "begins and ends a text of several lines"),
    ("Ctrl-C", "stops an answer"),
)
_LEAVING = ("bye", "exit", "quit")


class Chat:
    """`say` gets what is told beside answers, a line each."""

    def __init__(
        self, gateway: AskedGateway, model: str, system: str, route: str | None, say: Callable[[str], None]
    ) -> None:
        self.model = model
        self._system = system
        self._gateway = gateway
        self._route = route
        self._say = say
        self._said: list[Said] = []

    @property
    def said(self) -> list[Said]:
        """The whole conversation."""
        return [*([Said("system", self._system)] if self._system else []), *self._said]

    def ask(self, text: str, write: Callable[[str], None]) -> None:
        """Passes the answer to `write` as it comes. Raises SendError."""
        pieces: list[str] = []

        def piece(text: str) -> None:
            pieces.append(text)
            write(text)

        self._said.append(Said("user", text))
        try:
            streamed(self._gateway, chat_call(self._gateway, self.model, self.said, self._route), piece)
        finally:
            if answer := "".join(pieces):
                self._said.append(Said("assistant", answer))
            else:
                self._said.pop()

    def command(self, line: str) -> bool | None:
        """Does what a line says that begins as a command: True if it was done, False if it wants to leave, None if it
        is no command. Raises OSError if the gateway does not answer."""
        found = _COMMAND.fullmatch(line.strip())
        if found is None:
            return None
        name, text = found[1], (found[2] or "").strip()
        if name in _LEAVING:
            return False
        match name:
            case "help" | "?":
                self._help()
            case "model":
                self._model(text)
            case "system":
                self._instruct(text)
            case "clear":
                self._said.clear()
                self._say("What was said is forgotten.")
            case _:
                self._say(f"There is no /{name}; /help lists what there is.")
        return True

    def _help(self) -> None:
        for name, what in HELP:
            self._say(f"{name:<16}{what}")

    def _model(self, name: str) -> None:
        if name:
            self.model = name
            self._say(f"{name} answers from now on.")
            return
        for each in models_at(self._gateway.url, self._gateway.key) or [self.model]:
            self._say(f"{'*' if each == self.model else ' '} {each}")

    def _instruct(self, text: str) -> None:
        self._system = text
        self._say("That is how it shall answer from now on." if text else "It has no instruction any more.")
