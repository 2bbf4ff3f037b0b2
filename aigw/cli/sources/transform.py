"""Reads an HTTP message from a file, and transforms it as ai-transformer would.

Rule: without a prompt nothing is started, and nothing is read but the message."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import yaml
from multidict import CIMultiDict

from aigw.books.books import Books
from aigw.cli.sources.changed_config import at_free_port
from aigw.cli.sources.chat_requests import answers_itself
from aigw.cli.sources.config_choice import ConfigChoice
from aigw.cli.sources.configuration import as_served
from aigw.config.load import Loaded, load
from aigw.core.env import Env
from aigw.core.errors import ConfigError
from aigw.plugins.ai_transformer.config import Config, Part, Provider
from aigw.plugins.ai_transformer.http_text import NotHttpError, read
from aigw.plugins.ai_transformer.message import Message, UnchangedError
from aigw.plugins.ai_transformer.models import OwnModel
from aigw.plugins.ai_transformer.plugin import model_of, transformation
from aigw.plugins.ai_transformer.steps import YAML
from aigw.server.first_call import models_to_name
from aigw.server.gateway import run
from aigw.upstream.proxied import upstream_for

PLUGIN = "ai-transformer"
_BLANK = re.compile(rb"\r?\n\r?\n")
_HEAD = re.compile(rb"(?:HTTP/\d|[A-Z]+ /\S* HTTP/\d|:[a-z]+:|[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^/])")
"""Matches the beginning of a whole message. A body without a head does not begin so, unless it is YAML."""
_SURE = re.compile(rb"HTTP/\d|[A-Z]+ /\S* HTTP/\d|:[a-z]+:|(?:[^\r\n]+\r?\n)*?(?i:content-type):")
"""Matches the beginning of a whole message that cannot be YAML."""

_NO_MODEL = (
    "no provider is configured, and the built-in model `echo` leaves a message as it is; set a key such as "
    "OPENAI_API_KEY, or name a provider in the file that `aigw init` writes"
)
_BY = ", with --rules or --prompt"


class TransformOptions(NamedTuple):
    """The options of `aigw transform`. `rules` is YAML."""

    rules: str
    prompt: str
    route: str
    model: str
    choice: ConfigChoice


class Transformed(NamedTuple):
    """The result of a transformation. `reason` says why the message is as it was, "" if it was transformed. `note` is
    what else to know."""

    message: Message
    reason: str = ""
    note: str = ""


def message_in(data: bytes, rules: str, *, response: bool) -> Message:
    """Reads what `curl -i` prints, or a body alone. The `rules` tell whether this may be YAML, of which a line looks
    like a header. Raises NotHttpError."""
    if not data.strip():
        raise NotHttpError("it is empty")
    start = {":status": "200"} if response else {":method": "POST", ":path": "/"}
    if "yamlToJson" in rules and not _SURE.match(data):
        return Message(start, CIMultiDict({"content-type": YAML}), data)
    if not _HEAD.match(data):
        return Message(start, CIMultiDict(_type_of(data)), data)
    head, blank, body = _split(data)
    text = read(head.decode("utf-8", "replace") + ("\n\n" if blank else ""))
    if ":status" in text.start:
        start = {":status": "200"}
    start = {name: text.start.get(name, value) for name, value in start.items()}
    return Message(start, CIMultiDict(text.headers), body)


def transformed(message: Message, wanted: TransformOptions) -> Transformed:
    """Raises ConfigError."""
    part = _part(wanted, message)
    if not part.prompt:
        return asyncio.run(_by(message, part, None, Provider()))
    return asyncio.run(_asked(message, part, wanted))


def _split(data: bytes) -> tuple[bytes, bool, bytes]:
    found = _BLANK.search(data)
    return (data, False, b"") if found is None else (data[: found.start()], True, data[found.end() :])


def _type_of(body: bytes) -> dict[str, str]:
    kinds = {b"<": "application/xml", b"{": "application/json", b"[": "application/json"}
    kind = kinds.get(body.lstrip()[:1])
    return {"content-type": kind} if kind else {}


def _part(wanted: TransformOptions, message: Message) -> Part:
    """Returns what to do with a message: what was typed, or else what is configured for messages of this kind."""
    if wanted.rules or wanted.prompt:
        return Part(enable=True, prompt=wanted.prompt, rules=_rules(wanted.rules))
    if not wanted.choice.is_given:
        raise ConfigError([f"say what shall be done{_BY}"])
    configured = _plugin(asyncio.run(as_served(wanted.choice, os.environ)))
    name = "response" if ":status" in message.start else "request"
    part: Part | None = None if configured is None else getattr(configured, name)
    if part is None or not (part.prompted or part.ruled):
        raise ConfigError([f"{PLUGIN} is not configured for a {name}; say what shall be done{_BY}"])
    return part


def _rules(text: str) -> list[Any]:
    """Raises ConfigError, with the place in the option."""
    try:
        given = yaml.safe_load(text) if text else []
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError([f"--rules is no YAML: {' '.join(str(error).split())}"]) from None
    given = given if isinstance(given, list) else [given]
    checked = json.dumps({"plugins": {PLUGIN: {"response": {"rules": given}}}}, default=str).encode()
    try:
        config = _plugin(load(None, {}, text=checked))
    except ConfigError as error:
        start = re.compile(r"^.*? plugins\.ai-transformer\.response\.rules")
        raise ConfigError([start.sub("--rules", finding) for finding in error.findings]) from None
    return [] if config is None else config.response.rules


def _plugin(loaded: Loaded) -> Config | None:
    """Returns the first configuration of ai-transformer, None if there is none."""
    found = loaded.plugins.get(PLUGIN)
    configs = [] if found is None else [each for each in found.rules.configs if each is not None]
    return configs[-1] if configs else None


async def _asked(message: Message, part: Part, wanted: TransformOptions) -> Transformed:
    loaded = await as_served(wanted.choice, os.environ)
    provider = _provider(loaded, wanted)
    async with _gateway(loaded) as env:
        told = await _by(message, part, env, provider)
    unnamed = not wanted.model and provider == Provider(model="echo")
    return told._replace(note=_NO_MODEL) if unnamed and answers_itself(loaded) else told


@asynccontextmanager
async def _gateway(loaded: Loaded) -> AsyncIterator[Env]:
    books = Books(loaded.state_dir, shared=loaded.config.usage)
    async with run(at_free_port(loaded), upstream_for(os.environ), grace=0.0, books=books) as own:
        yield own.env


def _provider(loaded: Loaded, wanted: TransformOptions) -> Provider:
    """Who is asked: what was typed, else what is configured, else the best model that there is."""
    names = [route.name for route in loaded.config.routes]
    if wanted.route and wanted.route not in names:
        raise ConfigError([f"--route: there is no route {wanted.route!r}; there are {', '.join(names) or 'none'}"])
    if wanted.route or wanted.model:
        return Provider(route=wanted.route, model=wanted.model)
    configured = _plugin(loaded)
    if configured is not None:
        return configured.provider
    models = models_to_name(loaded)
    if not models:
        raise ConfigError(["say with --model which model shall be asked; the configuration names none"])
    return Provider(model=models[0])


async def _by(message: Message, part: Part, env: Env | None, provider: Provider) -> Transformed:
    model = OwnModel(None, "", "", 0.0) if env is None else model_of(provider, env)
    work = transformation(part, model)
    try:
        return Transformed(message if work is None else (await work(message)).message)
    except UnchangedError as error:
        return Transformed(message, str(error))
