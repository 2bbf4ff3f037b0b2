"""The settings and arguments of clients that lead them past the gateway, and what takes their place for one run.

Claude Code reads variables from its settings, which have precedence over the environment; `--settings` has precedence
over both. Codex takes settings from `-c`, of which the last one counts, but `--oss` has precedence. Gemini CLI signs in
as its settings file says, so it gets a home folder of its own, in which everything but that file is a link to the
user's. The same holds for pi's models. OpenCode has a variable with settings that have precedence over its files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aigw.cli.sources.child import Child
from aigw.cli.sources.clients import client_of

SETTINGS = "settings.json"
GEMINI, SIGNED_IN = ".gemini", "gemini-api-key"
MODELS = "models.json"
_OPENCODE, _PI = "OPENCODE_CONFIG_CONTENT", "PI_CODING_AGENT_DIR"
_PROVIDER = "model_provider="
_OSS = {"--oss": 0, "--local-provider": 1}
"""Arguments by which Codex asks models of this machine, and how many words follow them."""


def _claude(child: Child, place: int, url: str, text: str, stack: ExitStack) -> None:
    """Says again in `--settings` what the user's settings say otherwise."""
    own = Path(child.env.get("CLAUDE_CONFIG_DIR") or _home(child.env) / ".claude")
    project = Path(".claude")
    files = [own / SETTINGS, project / SETTINGS, project / "settings.local.json"]
    words = child.command[place + 1 :]
    given = words.index("--settings") + place + 2 if "--settings" in words[:-1] else 0
    theirs = _settings_of(child.command[given]) if given else {}
    said = dict(item for each in (*map(_read, files), theirs) for item in _object(each, "env").items())
    wanted = {"ANTHROPIC_BASE_URL": url} if said.get("ANTHROPIC_BASE_URL", url) != url else {}
    wanted |= {name: "0" for name in client_of("claude").elsewhere if said.get(name, "0") not in ("0", "")}
    if not wanted:
        return
    child.notes.append(f"Claude Code's settings have another {', '.join(wanted)}: it does not count for this run")
    text = json.dumps({**theirs, "env": {**_object(theirs, "env"), **wanted}})
    if given:
        child.command[given] = text
    else:
        child.command[place + 1 : place + 1] = ["--settings", text]


def _codex(child: Child, place: int, url: str, text: str, stack: ExitStack) -> None:
    """Removes arguments that choose another provider."""
    start = place + 1 + len(client_of("codex").arguments)
    words = child.command[start:]
    end = words.index("--") if "--" in words else len(words)
    kept = list(_of_this_provider(words[:end], child.notes))
    child.command[start:] = [*kept, *words[end:]]


def _of_this_provider(words: list[str], notes: list[str]) -> Iterator[str]:
    skipped = 0
    for word in words:
        name, _, value = word.partition("=")
        option = next((each for each in ("--config=", "-c") if word.startswith(each + _PROVIDER)), "")
        if skipped:
            skipped -= 1
        elif name in _OSS:
            notes.append(f"{name} is left out: the calls of Codex would not come here")
            skipped = 0 if value else _OSS[name]
        elif word.startswith(_PROVIDER) or option:
            notes.append(f"{word.removeprefix(option)} is left out: the calls of Codex would not come here")
            yield f"{option}{_PROVIDER}aigw"
        else:
            yield word


def _gemini(child: Child, place: int, url: str, text: str, stack: ExitStack) -> None:
    """Signs in with the key of the gateway."""
    home = Path(child.env.get("GEMINI_CLI_HOME") or _home(child.env))
    settings = _read(home / GEMINI / SETTINGS)
    selected = _object(_object(settings, "security"), "auth").get("selectedType") or settings.get("selectedAuthType")
    if selected == SIGNED_IN:
        return
    if selected:
        child.notes.append(f"Gemini CLI signs in by {SIGNED_IN} for this run, not by {selected}")
    try:
        folder = _empty("aigw-gemini-", stack)
        _linked(home, folder, GEMINI)
        (folder / GEMINI).mkdir()
        _linked(home / GEMINI, folder / GEMINI, SETTINGS)
        (folder / GEMINI / SETTINGS).write_text(json.dumps(_signed_in(settings)))
        child.env["GEMINI_CLI_HOME"] = str(folder)
    except OSError as error:
        child.notes.append(
            f"Gemini CLI's settings must have security.auth.selectedType {SIGNED_IN}; a copy of them for this run "
            f"cannot be made: {error.strerror or error}"
        )


def _signed_in(settings: Mapping[str, Any]) -> dict[str, Any]:
    security = _object(settings, "security")
    auth = {**_object(security, "auth"), "selectedType": SIGNED_IN}
    others = {name: value for name, value in settings.items() if name != "selectedAuthType"}
    return {**others, "security": {**security, "auth": auth}}


def _opencode(child: Child, place: int, url: str, text: str, stack: ExitStack) -> None:
    """Gives the vendors' providers another address in the variable that has precedence over all files."""
    try:
        given = _mapping(json.loads(child.env.get(_OPENCODE) or "{}"))
    except ValueError:
        child.notes.append(f"{_OPENCODE} is no JSON: it does not count for this run")
        given = {}
    child.env[_OPENCODE] = json.dumps(_merged(given, json.loads(text)))


def _pi(child: Child, place: int, url: str, text: str, stack: ExitStack) -> None:
    """Gives the vendors' providers another address in a copy of the models, beside links to the other settings."""
    own = Path(child.env.get(_PI) or _home(child.env) / ".pi" / "agent")
    try:
        folder = _empty("aigw-pi-", stack)
        _linked(own, folder, MODELS)
        (folder / MODELS).write_text(json.dumps(_merged(_read(own / MODELS), json.loads(text))))
    except OSError as error:
        child.notes.append(f"pi's settings cannot be copied for this run: {error.strerror or error}")
    else:
        child.env[_PI] = str(folder)


def _merged(given: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Both, and of objects that stand in both the fields of both."""
    both = {name: _merged(given[name], more[name]) for name in more if _are_objects(given.get(name), more[name])}
    return {**given, **more, **both}


def _are_objects(*values: object) -> bool:
    return all(isinstance(value, dict) for value in values)


def _empty(prefix: str, stack: ExitStack) -> Path:
    return Path(stack.enter_context(TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)))


def _linked(real: Path, folder: Path, own: str) -> None:
    """Fills a folder with links to all that is in the real one but `own`."""
    for each in real.iterdir() if real.is_dir() else ():
        if each.name != own:
            (folder / each.name).symlink_to(each.absolute())


def _home(env: Mapping[str, str]) -> Path:
    return Path(env.get("HOME") or Path.home())


def _settings_of(given: str) -> dict[str, Any]:
    """Returns the settings that `--settings` gives, as JSON or as a file with JSON."""
    if not given.lstrip().startswith("{"):
        return _read(Path(given))
    try:
        return _mapping(json.loads(given))
    except ValueError:
        return {}


def _read(path: Path) -> dict[str, Any]:
    """The settings in a file, empty if there are none or if they are no JSON."""
    try:
        return _mapping(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _object(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    return _mapping(settings.get(name))


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


OF_CLIENTS: Mapping[str, Callable[[Child, int, str, str, ExitStack], None]] = {
    "claude-code": _claude,
    "codex": _codex,
    "gemini-cli": _gemini,
    "opencode": _opencode,
    "pi": _pi,
}
"""What is changed in the command of a client, by the name of the client. A function gets the command, the place of the
client's program in it, the address of the gateway, what could stand in the client's settings, and an ExitStack for what
must be undone when the command has ended."""
