"""Whether large things hold up others: how long small requests take while a client sends one large thing again and
again, through the plugins that read the most of it."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import processes
from tests.benchmarks.large import KINDS

if TYPE_CHECKING:
    from tests.benchmarks.measure import Effort, Figures

_USUAL = """\
  ai-statistics: {}
  ai-cache: {cache: {type: redis, serviceName: redis.static}}
  ai-budget: {budgets: [{name: all, tokens: 1000000000000}], repetition: {tool_calls: 100}}
"""
PLUGINS = {
    "usual": _USUAL,
    "claude": _USUAL,
    "guard": _USUAL + "  ai-security-guard: {serviceName: green.dns, servicePort: 443, serviceHost: green,"
    " accessKey: local, secretKey: local, checkRequest: true, checkResponse: true}\n",
    "history": _USUAL + "  ai-history: {redis: {serviceName: redis.static}}\n"
    "  ai-context-limit: {max_context_tokens: 100000000}\n",
    "prompts": _USUAL + "  ai-prompt-decorator: {prepend: [{role: system, content: Be brief.}]}\n"
    "  ai-prompt-template: {templates: []}\n"
    "  ai-transformer: {request: {enable: true, rules: [{set: {user: somebody}}]}}\n",
}


def beside(effort: Effort) -> Figures:
    """Milliseconds at the client of the small requests, and the longest wait of a page of the gateway's own, beside
    nothing and beside each large thing; `large` is the median of the large ones, `sent` how many there were."""
    found: Figures = {}
    with ExitStack() as stack:
        provider = stack.enter_context(processes.python("upstream", "-m", "tests.benchmarks.large_provider"))
        port = int(processes.line_of(provider))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for plugins, kinds in groupby(KINDS, lambda kind: KINDS[kind].plugins):
            with processes.aigw(_config(folder / plugins, port, plugins)) as (server, _):
                _small(server, min(1.0, effort.seconds))  # warms up
                found[f"nothing ({plugins})"] = _small(server, effort.seconds)
                for kind in kinds:
                    found[kind] = _beside(server, kind, effort.seconds)
    return {name: {key: round(value, 1) for key, value in row.items()} for name, row in found.items()}


def lines(name: str, figures: Figures) -> list[str]:
    """A line for each large thing."""
    columns = ("p50", "p99", "max", "blocked", "large", "sent")
    rows = [f"  {what:38}" + "".join(f"{row.get(each, ''):>9}" for each in columns) for what, row in figures.items()]
    return [f"{name + ' (ms, beside it)':40}" + "".join(f"{each:>9}" for each in columns), *rows]


def _small(server: processes.Server, seconds: float) -> dict[str, float]:
    with processes.python("load", "-m", "tests.benchmarks.steady", str(server.port), str(seconds)) as client:
        found: dict[str, float] = json.loads(processes.line_of(client))
    return found


def _beside(server: processes.Server, kind: str, seconds: float) -> dict[str, float]:
    arguments = ("-m", "tests.benchmarks.large", str(server.port), kind, str(seconds + 1))
    with processes.python("load", *arguments) as client:
        processes.line_of(client)
        found = _small(server, seconds)
        large = json.loads(processes.line_of(client))
    return {**found, "large": large["p50_ms"], "sent": large["sent"]}


def _config(folder: Path, provider: int, plugins: str) -> Path:
    folder.mkdir()
    path = folder / "aigw.yaml"
    path.write_text(f"""\
listen: 127.0.0.1:{processes.free_port()}
services:
  api.openai.com: http://127.0.0.1:{provider}
  api.anthropic.com: http://127.0.0.1:{provider}
plugins:
{PLUGINS[plugins]}  ai-proxy: {{provider: {{type: {"claude" if plugins == "claude" else "openai"}, apiTokens: [sk-bench]}}}}
prices:
  bench-mapped: {{input: 1, output: 2}}
  large-*: {{input: 1, output: 2}}
""")
    return path
