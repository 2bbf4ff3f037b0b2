"""What `aigw run` gives a client that it knows, such as `claude`, so that its calls come to the gateway.

Rule: settings of the user stay, unless they lead past the gateway: then they do not count for this run, and a note says
so. No file of the user is changed. Clients also read settings of their own, so these are checked, too
(`child_settings`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import PurePath

from aigw.cli.sources.child import Child
from aigw.cli.sources.child_settings import OF_CLIENTS
from aigw.cli.sources.clients import CLIENTS, Client, misplaced
from aigw.cli.sources.private_gateway import PrivateGateway
from aigw.config.automatic import BUILTIN
from aigw.dialects import apis
from aigw.providers.base_url import ANY_KEY
from aigw.server.first_call import call_of, models_to_name

_LAUNCHERS = ("npx", "bunx", "pnpm", "yarn")
_OFF = ("", "0", "false", "no", "off")


@contextmanager
def child_client(command: Sequence[str], given: Mapping[str, str], gateway: PrivateGateway) -> Iterator[Child]:
    """The command as it is started behind this gateway, as long as the block lasts. `given` is the environment of the
    user."""
    child = Child(list(command), {**given, **gateway.variables}, [])
    place, client = _find_client(command)
    if client is None:
        yield child
        return
    fill = partial(_filled, url=gateway.url, key=gateway.key or ANY_KEY, model=_model(gateway))
    _set_variables(client, child, given, gateway, fill)
    _leave_out(client, child)
    child.notes.extend(_about_key(client, given, gateway))
    child.command[place + 1 : place + 1] = [fill(word) for word in client.arguments]
    with ExitStack() as stack:
        if client.name in OF_CLIENTS:
            OF_CLIENTS[client.name](child, place, gateway.url, fill(client.text), stack)
        child.notes.extend(_about_models(client, gateway))
        yield child


def remedy(command: Sequence[str]) -> str:
    """Says how to install a known client that is missing. Returns "" for any other command."""
    _, client = _find_client(command)
    return f": npm install -g {client.package}" if client is not None and command[0] == client.program else ""


def _find_client(command: Sequence[str]) -> tuple[int, Client | None]:
    """Finds a known client in a command: the place of its program in the command, and the client."""
    if PurePath(command[0]).stem in _LAUNCHERS:
        packages = {each.package: each for each in CLIENTS if each.package}
        for place, word in enumerate(command):
            name = word if word in packages else word.rpartition("@")[0]  # @openai/codex@latest
            if name in packages:
                return place, packages[name]
    name = PurePath(command[0]).stem
    return 0, next((each for each in CLIENTS if each.program == name), None)


def _set_variables(
    client: Client, child: Child, given: Mapping[str, str], gateway: PrivateGateway, fill: Callable[[str], str]
) -> None:
    has_key = any(given.get(name) for name in client.keys)
    for name, value in client.variables.items():
        if value == "{key}":
            wanted = not given.get(name) and (bool(gateway.key) or not has_key)
        elif value == "{model}":
            wanted = not given.get(name)
        else:
            wanted = name not in given or "{" in value
        if wanted:
            child.env[name] = fill(value)
    for name in client.keys:  # two keys confuse a client
        if name not in given and name not in client.variables:
            child.env.pop(name, None)


def _about_key(client: Client, given: Mapping[str, str], gateway: PrivateGateway) -> Iterator[str]:
    if gateway.key_places and not gateway.key and not any(given.get(name) for name in client.keys):
        yield f"the gateway asks for a key, and nobody has told {client.title} one: set AIGW_KEY"
    if gateway.key_places and client.sends_key_in not in gateway.key_places:
        yield misplaced(client, gateway.key_places)


def _about_models(client: Client, gateway: PrivateGateway) -> Iterator[str]:
    """Says what to do if no provider answers the models that a client names, because the client does not show the
    message of our 404."""
    proxy = gateway.loaded.plugins.get("ai-proxy")
    configs = [each for each in proxy.rules.configs if each is not None] if proxy is not None else []
    providers = [provider for config in configs for provider in config.active()]
    maps = "model-mapper" in gateway.loaded.plugins or any(provider.model_mapping for provider in providers)
    if not gateway.replays and not maps and {provider.type for provider in providers} == {BUILTIN}:
        recipe = f"choose a recipe ({client.recipe})" if client.recipe else "choose a recipe"
        yield (
            f"only the built-in models answer here, and {client.title} names others: set the key of a provider, "
            f"{recipe}, or let one answer them all: --model echo"
        )


def _leave_out(client: Client, child: Child) -> None:
    """Leaves out the variables that lead past the gateway."""
    for name in client.elsewhere:
        if child.env.get(name, "").lower() not in _OFF:
            child.notes.append(f"{name} is left out: the calls of {client.title} would not come here")
            del child.env[name]


def _model(gateway: PrivateGateway) -> str:
    """A model that answers here."""
    call = call_of(gateway.loaded, apis.CHAT)
    return (call.model if call is not None else "") or next(iter(models_to_name(gateway.loaded)), "echo")


def _filled(text: str, url: str, key: str, model: str) -> str:
    return text.replace("{url}", url).replace("{base}", f"{url}/v1").replace("{key}", key).replace("{model}", model)
