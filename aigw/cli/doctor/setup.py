"""Checks what the user has set up: the configuration, the keys, the address and the state folder."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from aigw.books.usage_file import FILE_NAME
from aigw.books.usage_query import summarise
from aigw.books.usage_question import parse
from aigw.cli.doctor.check import Check, Level
from aigw.cli.sources.address_probe import aigw_at
from aigw.cli.sources.config_choice import ConfigChoice
from aigw.cli.sources.configuration import examined, of_environment
from aigw.config.automatic import OLLAMA, keyless, unused
from aigw.config.load import Loaded
from aigw.config.services import parse_listen
from aigw.core.errors import ConfigError
from aigw.plugins.ai_proxy import Config as AiProxyConfig
from aigw.providers.base_url import ANY_KEY
from aigw.providers.config import ProviderConfig
from aigw.providers.environment import ENV_PROVIDERS
from aigw.server.listen import bind
from aigw.server.protection import check_address
from aigw.server.start import wrong
from aigw.stores.private import StrangeFileError
from aigw.stores.sqlite_file import FileError
from aigw.stores.state_folder import refuse_strange_state, why_unwritable

MIB = 2**20
LITTLE, TOO_LITTLE = 1024 * MIB, 100 * MIB
"""How many bytes should be free on the disk of the state folder, and how many are too few."""

_PLACEHOLDER = re.compile(
    r"\.{3}|…|\*{3}|x{5}|^<.*>$|your[-_ ]|(change|replace|paste|insert)[-_ ]?(me|here|this|it|key)|placeholder|^todo$",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"\$\{?[A-Za-z_]\w*\}?|%\w+%")


def configuration(choice: ConfigChoice, env: Mapping[str, str]) -> tuple[Loaded | None, list[Check]]:
    """The configuration that was chosen, or the one of a start without a file. Uses no network."""
    if not choice.is_given:
        loaded = of_environment(env)
        checks = [Check("configuration", "ok", "no aigw.yaml here: providers come from the environment")]
        for message, _, remedy in (said.partition("; ") for said in wrong(env)):
            checks.append(Check("environment", "problem", message, remedy or "correct it, or unset it"))
        checks += [Check("environment", "note", said) for said in keyless(env)]
        if Path(".env").is_file():
            remedy = "`aigw init` writes one; or export its variables"
            checks.append(Check("configuration", "note", ".env is read only beside a configuration file", remedy))
        return loaded, checks
    found, report = examined(choice, env)
    remedy = "correct it, then: aigw config check"
    checks = [Check("configuration", "problem", line, remedy) for line in report.format_all(report.errors)]
    checks += [Check("configuration", "note", line) for line in report.format_all(report.notes)]
    if found is not None:
        checks.append(
            Check("configuration", "ok", f"{report.name} is right; plugins: {', '.join(found.plugins) or 'none'}")
        )
    return found, checks


def providers(loaded: Loaded) -> list[ProviderConfig]:
    """The providers that requests can reach, each once, without the built-in models."""
    plugin = loaded.plugins.get("ai-proxy")
    configs = [config for config in plugin.rules.configs if isinstance(config, AiProxyConfig)] if plugin else []
    found = {(each.id, each.type): each for config in configs for each in config.active() if each.type != "builtin"}
    return list(found.values())


def keys(loaded: Loaded, env: Mapping[str, str]) -> Iterator[Check]:
    """Says which keys are used, and which of them cannot be keys, without showing any. Does not repeat what
    `configuration` has said about keys of the environment."""
    named: dict[str, str] = {}
    variables = {row.type: row.variable for row in ENV_PROVIDERS} if loaded.path is None else {}
    for each in providers(loaded):
        at = f"{each.id or each.type} apiTokens"
        tokens = [token for token in each.api_tokens if token != ANY_KEY]
        named |= {variables.get(each.type, f"{at}[{index}]"): token for index, token in enumerate(tokens)}
    for name, value in named.items():
        if fault := key_fault(value):
            yield Check("keys", "problem", f"{name} {fault}", "set it again, as the provider shows it")
    right = [name for name, value in named.items() if not key_fault(value)]
    if right:
        yield Check("keys", "ok", ", ".join(right))
    elif not named and not (variables and (unused(env) or keyless(env))):
        remedy = "export OPENAI_API_KEY=... or another provider's" if loaded.path is None else ""
        message = "no provider key is set: built-in and local models only"
        if any(each.type != OLLAMA for each in providers(loaded)):
            message, remedy = "no provider key is set: clients have to send their own", "set apiTokens in the file"
        yield Check("keys", "note", message, remedy)


def key_fault(value: str) -> str:
    """Says why this cannot be a key; "" if it can be one."""
    if not value.strip():
        return "is empty"
    if value[0] in "\"'`" or value[-1] in "\"'`":
        return "still has its quotes"
    if value.lower().startswith("bearer "):
        return "begins with 'Bearer', which is no part of it"
    if _REFERENCE.fullmatch(value):
        return "is the name of a variable, not its value"
    if _PLACEHOLDER.search(value):
        return "is a placeholder"
    if value != value.strip() or re.search(r"\s", value):
        return "has a space or a line break in it"
    return "" if value.isascii() and value.isprintable() else "has characters that no key has"


def address(listen: str, *, authenticated: bool) -> Check:
    """Says whether a gateway could listen there now, and who listens there if it cannot."""
    try:
        host, port = parse_listen(listen)
        check_address(host, insecure=False, authenticated=authenticated)
    except ConfigError as error:
        return Check("port", "problem", error.findings[0])
    if not port:
        return Check("port", "ok", f"{listen} takes a free one")
    try:
        with bind(host, port) as sock:
            sock.listen()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            remedy = "choose another address: aigw serve --listen 127.0.0.1:4700"
            return Check("port", "problem", f"{listen} cannot be used: {error.strerror or error}", remedy)
        another = f"for another one: aigw serve --port {port % 65535 + 1}"
        if version := aigw_at(host, port):
            return Check("port", "note", f"{listen}: an aigw {version} serves there already", another)
        return Check("port", "problem", f"{listen} is taken by another program", another)
    return Check("port", "ok", f"{listen} is free")


def state_folder(folder: Path) -> Iterator[Check]:
    """Says whether aigw can write to its folder, and whether others can read it."""
    try:
        refuse_strange_state(folder)
    except StrangeFileError as error:
        message, _, remedy = str(error).partition("; ")
        yield Check("state folder", "problem", message, remedy)
        return
    if message := why_unwritable(folder):
        yield Check("state folder", "problem", message, "choose another state_dir in aigw.yaml")
        return
    existing = folder
    while not existing.exists():
        existing = existing.parent
    if existing == folder and os.name == "posix" and (mode := stat.S_IMODE(folder.stat().st_mode)) & 0o077:
        message = f"{folder} has mode {mode:04o}: others may read what passed through"
        yield Check("state folder", "problem", message, f"chmod 700 {folder}")
    free = shutil.disk_usage(existing).free
    if free < LITTLE:
        level: Level = "problem" if free < TOO_LITTLE else "note"
        remedy = "make room, or choose another state_dir in aigw.yaml"
        yield Check("state folder", level, f"{free // MIB} MiB are free on its disk", remedy)
        return
    try:
        if existing == folder:
            summarise(folder / FILE_NAME, parse(["model"], "1s", "", now=time.time()))
    except FileError as error:
        remedy = f"move {folder / FILE_NAME} away, or choose another state_dir in aigw.yaml"
        yield Check("state folder", "problem", str(error).partition(";")[0], remedy)
        return
    shown = f"{folder} is writable" if existing == folder else f"{folder} will be made when it is needed"
    yield Check("state folder", "ok", f"{shown}; {free // (1024 * MIB)} GiB are free")
