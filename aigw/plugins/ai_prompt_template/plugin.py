"""ai-prompt-template: makes requests from templates that the configuration has, so that a client sends only the name of
a template and the values of its placeholders."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from difflib import get_close_matches
from typing import Annotated, Any

from msgspec import Meta, Struct

from aigw.core.document import Document
from aigw.core.env import Env
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.model import Request
from aigw.core.plugin import About, Difference, Next, Place, Plugin, Problem
from aigw.core.reply import Reply
from aigw.dialects import template_body
from aigw.dialects.template_mistakes import mistakes
from aigw.higress.bodies import is_unseen
from aigw.higress.template import PROPERTIES, TEMPLATE, Call, asks_for_template, call_in, named, pasted
from aigw.plugins.ai_prompt_template.template import Template

SWITCH = "template-enable"
"""A client sends it with the value `false` if a field `template` is its own."""
MOST_NAMES = 50
"""How many names an error lists at most."""


class TemplateConfig(Struct, frozen=True, kw_only=True):
    """A request with placeholders."""

    name: Annotated[str, Meta(description="the name by which clients ask for it")] = ""
    template: Annotated[
        Any,
        Meta(
            description="the body of a request, of a chat or as the client's API has it; `{{name}}` in a text is "
            "replaced by the property of this name"
        ),
    ] = None


class Config(Struct, frozen=True, kw_only=True):
    """Makes requests from templates, so that clients send only a name and the values of placeholders.

    A client sends `{"template": "developer-chat", "properties": {"language": "python"}}` to the path of its API, and
    gets the answer to the request that the template makes of it. The model and the prompt are those of the template;
    of all other fields, such as `stream` or `temperature`, the client's own win. A template with `messages` is for
    chats, and for clients of Messages, Responses, Gemini and text completions, too.

    In the prompt a value is always text. In other fields, a text that is only one placeholder becomes the value itself,
    so that a number stays a number.

    Plugins before this one, such as model-router or ai-cache, see the name and the values, not the prompt. With the
    header `template-enable: false` a request is left as it is. `aigw template render` shows what goes to the
    provider."""

    templates: Annotated[list[TemplateConfig], Meta(description="the templates, each with a name of its own")] = []


def check(config: Config) -> list[Problem]:
    problems = []
    seen: set[str] = set()
    for index, each in enumerate(config.templates):
        if not each.name or each.name in seen:
            message = f"there is a template {each.name!r} already" if each.name else "is missing"
            problems.append(Problem(("templates", index, "name"), message, quirk=True))
        seen.add(each.name)
        if not isinstance(each.template, dict):
            message = "is not an object, and no API takes such a request; write its fields, such as model and messages"
            problems.append(Problem(("templates", index, "template"), message, quirk=True))
            continue
        for place, message in mistakes(each.template):
            problems.append(Problem(("templates", index, "template", *place), message, quirk=True))
    if not config.templates:
        problems.append(Problem(("templates",), "is empty, so that no request is changed", note=True))
    return problems


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    safe: Plugin = _Safe(config)
    yield env.choose(safe=safe, higress=_Higress(config))


def templates_of(config: Config) -> dict[str, Template]:
    """The templates of a configuration by their names."""
    return {each.name: Template(each.template) for each in config.templates if isinstance(each.template, dict)}


class _Safe:
    def __init__(self, config: Config) -> None:
        self._templates = templates_of(config)

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        request = exchange.request
        document = _readable(request) if request.is_json else None
        if document is not None and (call := _call(document)) is not None:
            template = self._find(call)
            if template is not None:
                self._take(exchange, template, call)
                exchange.named = exchange.asked.model
        return await call_next(exchange)

    def _find(self, call: Call) -> Template | None:
        """Returns the template that a request asks for, None if the field `template` means something else to the
        client. Raises GatewayError."""
        if call.name is None:
            if not call.has_properties:
                return None
            raise _refused(f"`{TEMPLATE}` must be the name of a template", "invalid_template", TEMPLATE)
        template = self._templates.get(call.name)
        if template is None:
            raise _refused(unknown(call.name, list(self._templates)), "unknown_template", TEMPLATE)
        return template

    def _take(self, exchange: Exchange, template: Template, call: Call) -> None:
        given = call.properties
        if given is None:
            message = f"`{PROPERTIES}` must be an object with {listed(template.properties) or 'nothing in it'}"
            raise _refused(message, "invalid_properties", PROPERTIES)
        if template.missing(given):
            raise _refused(lacking(call.name or "", template, given), "missing_property", PROPERTIES)
        try:
            template_body.take(exchange.request, exchange.api, template.fill(given))
        except ValueError as error:
            raise _refused(
                f"the template {call.name!r} cannot be used here: {error}", "invalid_template", None
            ) from None


class _Higress:
    def __init__(self, config: Config) -> None:
        self._templates = {
            each.name: "" if each.template is None else json.dumps(each.template, ensure_ascii=False)
            for each in config.templates
        }

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        request = exchange.request
        document = None if is_unseen(exchange.original.headers) else _readable(request)
        if document is not None and asks_for_template(document):
            try:
                call, name = call_in(document), named(document)
            except ValueError:
                return await call_next(exchange)
            filled = pasted(self._templates.get(name, ""), call.properties if call else None)
            request.replace_body(filled.encode("utf-8", "replace"))
        return await call_next(exchange)


def _readable(request: Request) -> Document | None:
    """The body of a request that may name a template, None if there is none."""
    if request.upload is not None or request.headers.get(SWITCH) == "false":
        return None
    try:
        return request.document
    except ValueError:
        return None  # whoever can read it tells the client


def _call(document: Document) -> Call | None:
    try:
        return call_in(document)
    except ValueError as error:
        raise _refused(f"the request body cannot be used: {error}", "invalid_body", None) from None


def unknown(name: str, known: list[str], where: str = "") -> str:
    """Says that there is no template of this name, and which ones there are. `where` is a place, such as ` on the route
    x`."""
    close = get_close_matches(name[:200], known, 1, 0.6)
    hint = f"; did you mean {close[0]!r}?" if close else ";"
    return f"there is no template {name[:80]!r}{where}{hint} known: {listed(known) or 'none'}"


def lacking(name: str, template: Template, given: Mapping[str, Any]) -> str:
    """Says which properties are missing, which the template has, and which of those that were given it does not
    have."""
    message = f"the template {name!r} needs {listed(template.properties)}; missing: {listed(template.missing(given))}"
    others = [each for each in given if each not in template.properties]
    return f"{message}; not in the template: {listed(others)}" if others else message


def listed(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(name[:80] for name in names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _refused(message: str, code: str, param: str | None) -> GatewayError:
    return GatewayError(400, message, code=code, param=param)


ABOUT = About(
    config=Config,
    build=build,
    place=Place("", 500),
    recipe="ai-prompt-template",
    check=check,
    differences=(
        Difference("values with quotes, line breaks and the like", "are escaped", "break the JSON of the request"),
        Difference("a value that has a placeholder in it", "stays as it is", "may be filled again"),
        Difference("an unknown template", "is answered 400 with the known ones", "makes the body empty"),
        Difference("a missing property", "is answered 400 with what is missing", "leaves its placeholder in the text"),
        Difference(
            "no `properties`",
            "is the same as none: an error if the template has placeholders",
            "leaves the request as it is, so that the provider gets the field `template`",
        ),
        Difference("other fields, such as `stream`", "are kept", "are lost"),
        Difference("`{{ name }}` with blanks", "is the property `name`", "is the property ` name `"),
        Difference(
            "a template for Gemini or an Azure deployment that names a model", "sets it in the path", "does not"
        ),
    ),
)
