"""`aigw init`: writes a commented aigw.yaml to start from.

Comments begin with `# `. A setting that is commented out begins with `#` alone: it is valid when that is removed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from aigw.cli.default_file import DEFAULT_FILE
from aigw.cli.options import Json
from aigw.cli.terminal.output import fail, say_json, say_sentence

TEMPLATE = """\
# The configuration of aigw. Start with `aigw serve`, check with
# `aigw config check`, and see what is in force and where it comes from with
# `aigw config show`.
#
# Every key may be left out; but without `plugins`, or a route with an
# `upstream`, nothing is answered. `${NAME}` and `${NAME:-default}` are taken
# from the environment, or from a file `.env` beside this one; inside {} and []
# put them in quotes. Editors complete and check this file with the schema that
# `aigw config schema > aigw.schema.json` writes, if its first line is
# "# yaml-language-server: $schema=aigw.schema.json".

# The address that clients use: http://127.0.0.1:4700/v1
listen: 127.0.0.1:4700

# What a request passes through: the name of a Higress plugin, and its
# configuration as in a WasmPlugin's defaultConfig, with _rules_ as Higress has
# them.
plugins:
  # Counts requests and tokens: /-/metrics, and the ai_log in
  # .aigw/access.jsonl.
  ai-statistics: {}
  ai-proxy:
    # The built-in models `echo` and `mock` need no account and no network.
    provider:
      type: builtin
    # A provider with a key:
#    provider:
#      type: openai
#      apiTokens: ["${OPENAI_API_KEY}"]
    # Several, one of them by default, others by the name of the model or when
    # one fails:
#    providers:
#      - {id: openai, type: openai, apiTokens: ["${OPENAI_API_KEY}"]}
#      - id: qwen
#        type: qwen
#        apiTokens: ["${DASHSCOPE_API_KEY}"]
#        modelMapping: {"gpt-*": qwen-max}
#    activeProviderId: openai
#    byModel: {"qwen*": qwen}
#    fallback: [qwen]
  # Who may call, what was answered before, and what each may use and spend.
  # More: `aigw recipes`.
#  key-auth:
#    keys: [Authorization]
#    consumers: [{name: ann, credential: "${ANN_KEY}"}]
#  ai-cache: {cache: {type: redis, serviceName: redis.static, cacheTTL: 3600}}
#  ai-token-ratelimit:
#    rule_name: fair
#    rule_items:
#      - limit_by_per_consumer: ""
#        limit_keys: [{key: "*", token_per_minute: 10000}]
#    redis: {service_name: redis.static}
#  ai-budget: {budgets: [{name: team, per: [consumer, day], usd: 5}]}

# Parts of the traffic that are treated differently. The first route that
# matches takes a request; none: no answer. A mapping under `plugins` is a rule
# of that plugin for this route, false switches it off here.
#routes:
#  - name: llm
#    match: {path: /v1/*}
#  - name: app
#    match:
#      path: /app/*
#      methods: [GET, POST]
#      hosts: [localhost]
#      headers: {x-stage: dev}
#    upstream: http://127.0.0.1:8000
#    plugins: {ai-proxy: false}

# Where a host or a Higress service name really is. Only the address changes:
# path, Host and all else stay.
#services:
#  dashscope.aliyuncs.com: http://127.0.0.1:9100
#  redis.static: redis://127.0.0.1:6379/0

# The order in which plugins see a request, all that are configured. Without it:
# Higress's phases and priorities.
#order:
#  [key-auth, ai-statistics, ai-cache, ai-budget, ai-token-ratelimit, ai-proxy]

# higress: do exactly as Higress does also where aigw is deliberately safer.
#fidelity: safe

# Where aigw keeps what it writes, seen from this file.
#state_dir: .aigw

# How much of what plugins keep, such as the answers of ai-cache, may stay
# there, and in the memory of each worker.
#cache: {size: 1GiB, memory: 64MiB}

# How long, and how many for each consumer, the responses of clients of
# OpenAI's Responses API are kept here where their provider keeps none, so that
# previous_response_id finds them, and reasoning that clients leave out and
# providers want back; `store: false` keeps none.
#responses: {store: true, ttl: 24h, most: 1000}

# A Redis that the usage of many gateways goes to, for
# `aigw top --url redis://...`.
#usage: redis://127.0.0.1:6379/0

# Prices of models (globs) in USD per million tokens, where the list that comes
# with aigw lacks one or is wrong.
#prices:
#  my-model: {input: 0.5, output: 1.5}
#  "qwen-max*": {input: 1.6, output: 6.4, cacheRead: 0.32}

# How `aigw rag` and ai-rag make vectors of texts. auto: a model that comes with
# `pip install '.[rag]'` in the clone of aigw.
#rag:
#  embedder: auto
#  openai: {model: text-embedding-3-small, api_key: "${OPENAI_API_KEY}"}
#  chunks: {size: 0, overlap: 32}

# What the screen for personal data, secrets and attacks on prompts looks for;
# `aigw guard rules` lists its rules.
#guard:
#  off: [email]
#  actions: {prompt_attack: block}
#  rules: [{label: projects, words: [Falcon], regex: ['PRJ-\\d+'], action: mask}]

# Recording what leaves the gateway, and answering from recordings (record,
# auto, replay, refresh), where no option of `aigw serve` or `aigw run` says it.
#record:
#  mode: auto
#  dir: recordings
#  volatile: {rules: [{pointer: /metadata/run}]}

# Cloud services that clients may call here as if this gateway were them, so
# that their SDKs need no network.
#standins: {dashscope: on, dashvector: on}

# Who sends this key as a bearer token may read /-/usage, /-/metrics and
# /-/config from other machines, too.
#admin_key: ${AIGW_ADMIN_KEY}

# The largest request body, decoded.
#max_body: 100MiB

# The largest upload (a form, audio) that is kept, so that it can be sent again:
# with another token or provider.
#max_kept_upload: 16MiB

# How long an upstream may take: to connect, to begin its answer, and between
# two pieces of it; and a client between two pieces of its request's body.
#timeouts: {connect: 10s, first_byte: 15m, idle: 630s, body: 60s}

# Web pages that may call the gateway from a browser.
#cors: {origins: ["http://localhost:3000"]}

# More names by which clients may call the gateway, beside localhost and
# addresses of this machine.
#hosts: [gateway.test]
"""


BUILTIN = """\
    # The built-in models `echo` and `mock` need no account and no network.
    provider:
      type: builtin
"""
FOUND = """\
# What was found when this file was written. Keys are not in it: they are
# read from the environment at each start. `byModel` chooses by the model of
# a request; other models go to activeProviderId. `builtin` has the models
# `echo` and `mock`, which need no account and no network.
"""


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What to write.")] = DEFAULT_FILE,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write a commented configuration to start from.

    It has the providers that a start without a file would use: those whose keys are in the environment, as ${NAME},
    and a running Ollama.

    Example: aigw init && aigw serve
    """
    providers, notes, text = _filled()
    try:
        with file.open("w" if force else "x", encoding="utf-8") as target:
            target.write(text)
    except FileExistsError:
        fail("init", f"{file} is there already; --force overwrites it")
    except OSError as error:
        fail("init", f"{file} cannot be written: {error.strerror}")
    if as_json:
        say_json({"file": str(file), "providers": providers, "notes": notes})
        return
    for note in notes:
        say_sentence(f"note: {note}", err=True)
    found = f" with what was found: {', '.join(providers)}" if providers else ""
    say_sentence(f"{file} is written{found}; next: aigw serve" + ("" if file == DEFAULT_FILE else f" --config {file}"))


def _filled() -> tuple[list[str], list[str], str]:
    """The providers that were found, without the built-in one, what of the environment is not used, and the template
    with the providers."""
    import asyncio
    import json
    import os

    from aigw.server.start import discover, notes_on
    from aigw.upstream.proxied import upstream_for

    async def look() -> str:
        upstream = upstream_for(os.environ)
        try:
            return await discover(os.environ, upstream, None)
        finally:
            await upstream.aclose()

    proxy = json.loads(asyncio.run(look()))["plugins"]["ai-proxy"]
    names = [each["id"] for each in proxy["providers"] if each["type"] != "builtin"]
    return names, notes_on(os.environ), fill(proxy) if names else TEMPLATE


def fill(proxy: dict[str, Any]) -> str:
    """Returns the template, filled with this configuration of ai-proxy."""
    import textwrap

    import yaml

    text = yaml.safe_dump(proxy, sort_keys=False, width=76, allow_unicode=True)
    block = textwrap.indent(f"{FOUND}{text}", "    ")
    return TEMPLATE.replace(BUILTIN, block, 1)
