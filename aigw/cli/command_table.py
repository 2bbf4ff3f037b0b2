"""All commands of `aigw`: under which heading its help lists them, what they do, and where they are.

Rule: nothing else is loaded until a command is called or asked for its own help, so that `aigw --help` is quick and a
command does not wait for the others. A summary is the first line of what the command's own help says (a test compares
them)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from aigw.cli.terminal.optional_value import with_optional_value


class Entry(NamedTuple):
    """A command. `place` is its file below `cli/commands`, and in that a function, or the `app` of a group."""

    name: str
    place: str
    summary: str
    heading: str = ""
    """The heading in the help. A command without one is not listed."""
    settings: Mapping[str, Any] = MappingProxyType({})
    """Arguments for `typer.Typer.command`, for commands whose words are not read in the usual way."""


SETTINGS = {"help_option_names": ["-h", "--help"]}
ITS_OWN_WORDS = {"context_settings": {**SETTINGS, "allow_interspersed_args": False}}
OPTIONAL_COLLECTION = {"cls": with_optional_value("--rag")}
RUN, ASK, LOOK, CONFIGURE = "Run it", "Ask a model", "See what happens", "Configure and check"

COMMANDS = (
    Entry("serve", "serve:serve", "Serve one address for all providers.", RUN),
    Entry("status", "status:status", "Show the gateways that run here, and since when.", RUN),
    Entry("stop", "stop:stop", "End a gateway as Ctrl-C does, and wait for it.", RUN),
    Entry("run", "run:run", "Run a command behind a gateway of its own: tests and CI.", RUN, ITS_OWN_WORDS),
    Entry("init", "init:init", "Write a commented configuration to start from.", RUN),
    Entry("env", "env:env", "Print what a client needs to call the gateway.", RUN),
    Entry("recipes", "recipes:recipes", "List small configurations to try, or print one.", RUN),
    Entry("chat", "chat:chat", "Talk with a model.", ASK),
    Entry("ask", "ask:ask", "Ask a model, and print its answer as it is written.", ASK, OPTIONAL_COLLECTION),
    Entry("template", "template:app", "Look at the templates of prompts, fill them and send them.", ASK),
    Entry("rag", "rag:app", "Bring documents in, and search them, as ai-rag does.", ASK),
    Entry("logs", "logs:logs", "List the requests that came, the newest last.", LOOK),
    Entry("top", "top:top", "Show requests, tokens, speed and cost, live.", LOOK),
    Entry("usage", "usage:usage", "Report requests, tokens, speed and cost, by day and more.", LOOK),
    Entry("trace", "trace:trace", "Show what each plugin did to a request.", LOOK),
    Entry("diff", "diff:diff", "Compare two folders of recordings.", LOOK),
    Entry("what-if", "what_if:what_if", "Say what a configuration would do to recorded calls.", LOOK),
    Entry("cache", "cache:app", "Look at the answers that ai-cache has stored, and clear them.", LOOK),
    Entry("budget", "budget:app", "See what budgets have left, raise or restart them.", LOOK),
    Entry("replay", "replay:app", "Send recorded requests again, as their clients did.", LOOK),
    Entry("traffic", "traffic:app", "Look at what was recorded, and use it.", LOOK),
    Entry("transform", "transform:transform", "Try rules or a prompt of ai-transformer on a message.", CONFIGURE),
    Entry("models", "models:models", "List the models to ask for, with their prices.", CONFIGURE),
    Entry("plugins", "plugins:plugins", "List the plugins, or show what one does and all of its keys.", CONFIGURE),
    Entry("doctor", "doctor:doctor", "Check keys, port, state folder and the machine.", CONFIGURE),
    Entry("guard", "guard:app", "Screen texts for personal data, secrets and attacks.", CONFIGURE),
    Entry("higress", "higress:app", "Bring a configuration to Higress, or from there.", CONFIGURE),
    Entry("config", "config:app", "Check and look at the configuration.", CONFIGURE),
    Entry("help", "help:help_of", "Show what a command does and its options."),
    Entry("version", "help:version", "Print the version."),
)
