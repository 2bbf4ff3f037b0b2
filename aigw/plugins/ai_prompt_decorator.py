"""ai-prompt-decorator: puts messages before and behind those of the client, and replaces words in all of them.

Rule: it knows messages by their roles only; the dialect of the request says where they stand in its format."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Annotated, cast
from urllib.parse import unquote_plus

from msgspec import Meta, Struct

from aigw.core.aside import aside
from aigw.core.dialect import Said
from aigw.core.env import Env
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.plugin import About, Difference, Next, Place, Plugin, Problem
from aigw.core.reply import Reply
from aigw.higress.bodies import is_unseen
from aigw.higress.prompts import decorate
from aigw.higress.re2 import GoRegex

VARIABLES = ("geo-country", "geo-province", "geo-city", "geo-isp")
HEADER = "x-higress-"
"""Higress's geo-ip puts what it finds into headers that begin so, encoded as in a query, too."""
ROLES = ("system", "developer", "user", "assistant", "tool")
_VARIABLE = re.compile(r"\$\{(" + "|".join(VARIABLES) + r")\}")
_LIKE_VARIABLE = re.compile(r"\$\{(geo-[^{}]*)\}")
_SAME: Mapping[str, str] = {"developer": "system", "model": "assistant", "function": "tool", "": "user"}
"""Roles that other formats name otherwise. A prompt without roles is the user's."""


class Message(Struct, frozen=True, kw_only=True):
    """A message that is added."""

    role: Annotated[str, Meta(description="system, user or assistant")] = ""
    content: Annotated[
        str,
        Meta(
            description="its text; `${geo-country}`, `${geo-province}`, `${geo-city}` and `${geo-isp}` stand for the "
            "place of the client"
        ),
    ] = ""


class ReplaceRule(Struct, frozen=True, kw_only=True):
    """Replaces a text in all messages."""

    pattern: Annotated[str, Meta(description="the text to find, or a regular expression (RE2)")] = ""
    replacement: Annotated[
        str, Meta(description="the text in its place; with `regex`, `$1` or `${name}` is a group of the pattern")
    ] = ""
    on_role: Annotated[str, Meta(description="only in messages of this role; empty: in all")] = ""
    regex: Annotated[bool, Meta(description="true: the pattern is a regular expression")] = False


class Config(Struct, frozen=True, kw_only=True):
    """Puts messages before and behind those of the client, and replaces words in all of them.

    It works for chats, text completions, Messages, Responses and Gemini alike: a system message goes where the API has
    its instructions. To append one, it is added to the end of the instructions of Messages; for Gemini it becomes the
    user's last turn. A text completion gets the texts before and behind its prompt. A request without a conversation
    is left alone.

    The variables are read from the headers X-Higress-Geo-Country, -Province, -City and -Isp. geo-ip sets them, here or
    in a Higress in front of aigw; without it, any client may send its own."""

    prepend: Annotated[list[Message], Meta(description="put before the client's messages, in this order")] = []
    append: Annotated[list[Message], Meta(description="put behind the client's messages, in this order")] = []
    replace: Annotated[list[ReplaceRule], Meta(description="used in this order, also on what was added")] = []


def check(config: Config) -> list[Problem]:
    problems = []
    for key, messages in (("prepend", config.prepend), ("append", config.append)):
        for index, added in enumerate(messages):
            if added.role not in ROLES:
                told = f"{added.role!r} is not a role" if added.role else "is missing"
                remedy = "write system, user or assistant"
                problems.append(Problem((key, index, "role"), f"{told}; {remedy}", quirk=True))
            if others := set(_LIKE_VARIABLE.findall(added.content)) - set(VARIABLES):
                message = f"{', '.join(sorted(others))} is no variable; there are {', '.join(VARIABLES)}"
                problems.append(Problem((key, index, "content"), message, note=True))
    for index, rule in enumerate(config.replace):
        if not rule.pattern:
            problems.append(Problem(("replace", index, "pattern"), "must not be empty"))
        elif rule.regex:
            try:
                _regex(rule.pattern)
            except ValueError as error:
                message = f"is not a valid regex that Go and aigw both read: {error}"
                problems.append(Problem(("replace", index, "pattern"), message))
        if rule.on_role and _same(rule.on_role) not in ROLES:
            message = f"{rule.on_role!r} is not a role, so that this rule replaces nothing"
            problems.append(Problem(("replace", index, "on_role"), message, quirk=True))
    return problems


def _regex(pattern: str) -> GoRegex:
    return GoRegex.longest(pattern)


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    safe: Plugin = _Safe(config)
    yield env.choose(safe=safe, higress=_Higress(config))


class _Added:
    """A message that is added, with its variables."""

    __slots__ = ("_pieces", "role")

    def __init__(self, message: Message) -> None:
        self.role = message.role
        self._pieces = _VARIABLE.split(message.content)

    def text(self, headers: Mapping[str, str]) -> str | None:
        """Returns its text for a request, None if a variable is not known."""
        pieces = self._pieces
        if len(pieces) == 1:
            return pieces[0]
        values = [unquote_plus(headers.get(HEADER + name, "")) for name in pieces[1::2]]
        if not all(values):
            return None
        return "".join(values[index // 2] if index % 2 else piece for index, piece in enumerate(pieces))


class _Rule:
    """A replacement that is ready to be used."""

    __slots__ = ("_find", "_pattern", "_replacement", "role")

    def __init__(self, rule: ReplaceRule) -> None:
        self.role = rule.on_role
        self._pattern = rule.pattern
        self._replacement = rule.replacement
        self._find = _regex(rule.pattern) if rule.regex else None

    def __call__(self, text: str) -> str:
        if self._find is None:
            return text.replace(self._pattern, self._replacement)
        new = self._find.replace_all(text, self._replacement)
        return text if new is None else new


class _Safe:
    def __init__(self, config: Config) -> None:
        self._before = [_Added(message) for message in config.prepend]
        self._behind = [_Added(message) for message in config.append]
        self._rules = [(_same(rule.on_role) if rule.on_role else "", _Rule(rule)) for rule in config.replace]

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        if exchange.request.is_json:
            await aside(len(exchange.request.body), self._edit, exchange)
        return await call_next(exchange)

    def _edit(self, exchange: Exchange) -> None:
        try:
            self._decorate(exchange)
        except ValueError:
            return  # there is no conversation: nothing is decorated
        self._replace(exchange)

    def _decorate(self, exchange: Exchange) -> None:
        headers, document, insert = exchange.request.headers, exchange.request.document, exchange.dialect.insert
        if before := _turns(self._before, headers):
            insert(document, before, "before")
        if behind := _turns(self._behind, headers):
            insert(document, behind, "behind")

    def _replace(self, exchange: Exchange) -> None:
        asked, request = exchange.asked, exchange.request
        if not self._rules or not (asked.generates or not asked.metered):
            return  # texts to embed are no conversation
        changed = []
        for place in asked.places:
            role, text = _same(place.role), place.text
            for wanted, rule in self._rules:
                if wanted in ("", role):
                    text = rule(text)
            if text != place.text:
                changed.append((place, text))
        try:
            if changed:
                exchange.dialect.replace(request.document, changed)
        except ValueError as error:  # what must not be sent is not sent
            message = f"the request body cannot be used: {error}"
            raise GatewayError(400, message, code="invalid_body") from None


class _Higress:
    def __init__(self, config: Config) -> None:
        self._before = [_Added(message) for message in config.prepend]
        self._behind = [_Added(message) for message in config.append]
        self._rules = [_Rule(rule) for rule in config.replace]

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        request = exchange.request
        if request.upload is None and not is_unseen(exchange.original.headers):
            before, behind = (_messages(each, request.headers) for each in (self._before, self._behind))
            if before is not None and behind is not None:
                with suppress(ValueError):  # it is no JSON object
                    decorate(request.document, before, behind, self._rewrite if self._rules else None)
        return await call_next(exchange)

    def _rewrite(self, role: str, text: str) -> str:
        for rule in self._rules:
            if rule.role in ("", role):
                text = rule(text)
        return text


def _same(role: str) -> str:
    return _SAME.get(role, role)


def _turns(added: Sequence[_Added], headers: Mapping[str, str]) -> list[tuple[Said, str]]:
    """The messages without those that need a variable which is not known."""
    texts = ((cast(Said, each.role), each.text(headers)) for each in added)
    return [(role, text) for role, text in texts if text is not None]


def _messages(added: Sequence[_Added], headers: Mapping[str, str]) -> list[tuple[str, str]] | None:
    """The messages, None if a variable is not known."""
    texts = [(each.role, text) for each in added if (text := each.text(headers)) is not None]
    return texts if len(texts) == len(added) else None


ABOUT = About(
    config=Config,
    build=build,
    place=Place("", 450),
    recipe="ai-prompt-decorator",
    check=check,
    differences=(
        Difference(
            "Messages, Responses, Gemini, text completions",
            "are decorated as their API has it",
            "are not, but for what the API has as `messages`",
        ),
        Difference(
            "a `${geo-...}` that is not known", "leaves out the messages that need it", "leaves the request as it is"
        ),
        Difference("texts in several parts (images beside text)", "are searched by `replace`", "are not"),
        Difference("`on_role: system`", "is for developer messages, too", "is for the role as it is written"),
        Difference("a role that does not exist", "is an error at the start", "is written as it is"),
    ),
)
