"""`aigw init`: writes a commented aigw.yaml to start from.

Comments begin with `# `. A setting that is commented out begins with `#` alone: it is valid when that is removed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TEMPLATE = """\
# The configuration of aigw. Start with `aigw serve`, check with `aigw config check`, and see what is in force and
# where it comes from with `aigw config show`.
#
# Every key may be left out. `${NAME}` and `${NAME:-default}` are taken from the environment, or from a file `.env`
# beside this one; inside { } and [ ] put them in quotes. Editors complete and check this file with the schema that
# `aigw config schema > aigw.schema.json` writes, if "# yaml-language-server: $schema=aigw.schema.json" is the first
# line.

# The address that clients use: http://127.0.0.1:4700/v1
listen: 127.0.0.1:4700

# What a request passes through: the name of a Higress plugin, and its configuration as in a WasmPlugin's
# defaultConfig, with _rules_ as Higress has them.
plugins:
  # Counts requests and tokens: /-/metrics, and the ai_log in .aigw/access.jsonl.
  ai-statistics: {}
  ai-proxy:
    # The built-in models `echo` and `mock` need no account and no network.
    provider:
      type: builtin
    # A provider with a key:
#    provider:
#      type: openai
#      apiTokens: ["${OPENAI_API_KEY}"]
    # Several, one of them by default, others by the name of the model or when one fails:
#    providers:
#      - {id: openai, type: openai, apiTokens: ["${OPENAI_API_KEY}"]}
#      - {id: qwen, type: qwen, apiTokens: ["${DASHSCOPE_API_KEY}"], modelMapping: {"gpt-*": qwen-max}}
#    activeProviderId: openai
#    byModel: {"qwen*": qwen}
#    fallback: [qwen]
  # Who may call, what was answered before, and what each may use and spend. More: `aigw recipes`.
#  key-auth: {keys: [Authorization], consumers: [{name: ann, credential: "${ANN_KEY}"}]}
#  ai-cache: {cache: {type: redis, serviceName: redis.static, cacheTTL: 3600}}
#  ai-token-ratelimit:
#    rule_name: fair
#    rule_items: [{limit_by_per_consumer: "", limit_keys: [{key: "*", token_per_minute: 10000}]}]
#    redis: {service_name: redis.static}
#  ai-budget: {budgets: [{name: team, per: [consumer, day], usd: 5}]}

# Parts of the traffic that are treated differently. The first route that matches takes a request; none: no answer.
# A mapping under `plugins` is a rule of that plugin for this route, false switches it off here.
#routes:
#  - name: llm
#    match: {path: /v1/*}
#  - name: app
#    match: {path: /app/*, methods: [GET, POST], hosts: [localhost], headers: {x-stage: dev}}
#    upstream: http://127.0.0.1:8000
#    plugins: {ai-proxy: false}

# Where a host or a Higress service name really is. Only the address changes: path, Host and all else stay.
#services:
#  dashscope.aliyuncs.com: http://127.0.0.1:9100
#  redis.static: redis://127.0.0.1:6379/0

# The order in which plugins see a request, all that are configured. Without it: Higress's phases and priorities.
#order: [key-auth, ai-statistics, ai-cache, ai-budget, ai-token-ratelimit, ai-proxy]

# higress: do exactly as Higress does also where aigw is deliberately safer.
#fidelity: safe

# Where aigw keeps what it writes, seen from this file.
#state_dir: .aigw

# How much of what plugins keep, such as the answers of ai-cache, may stay there, and in the memory of each worker.
#cache: {size: 1GiB, memory: 64MiB}

# A Redis that the usage of many gateways goes to, for `aigw top --url redis://...`.
#usage: redis://127.0.0.1:6379/0

# Prices of models (globs) in USD per million tokens, where the list that comes with aigw lacks one or is wrong.
#prices:
#  my-model: {input: 0.5, output: 1.5}
#  "qwen-max*": {input: 1.6, output: 6.4, cacheRead: 0.32}

# Who sends this key as a bearer token may read /-/usage, /-/metrics and /-/config from other machines, too.
#admin_key: ${AIGW_ADMIN_KEY}

# The largest request body, decoded.
#max_body: 100MiB

# The largest upload (a form, audio) that is kept, so that it can be sent again: with another token or provider.
#max_kept_upload: 16MiB

# How long an upstream may take: to connect, to begin its answer, and between two pieces of it.
#timeouts: {connect: 10s, first_byte: 15m, idle: 630s}

# Web pages that may call the gateway from a browser.
#cors: {origins: ["http://localhost:3000"]}

# More names by which clients may call the gateway, beside localhost and addresses of this machine.
#hosts: [gateway.test]
"""


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What to write.")] = Path("aigw.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
) -> None:
    """Write a commented configuration to start from.

    Example: aigw init && aigw serve
    """
    try:
        with file.open("w" if force else "x", encoding="utf-8") as target:
            target.write(TEMPLATE)
    except FileExistsError:
        typer.echo(f"{file} is there already; --force overwrites it", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"{file} cannot be written: {error.strerror}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{file} is written; next: aigw serve" + ("" if file == Path("aigw.yaml") else f" --config {file}"))
