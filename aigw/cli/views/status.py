"""What `aigw status` prints of the gateways that run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from aigw.cli.sources.gateways import GatewayStatus
from aigw.cli.terminal.figures import counted


def lines(gateway: GatewayStatus, now: float) -> Iterator[str]:
    """Yields the three lines of a gateway."""
    entry = gateway.entry
    yield entry.url + ("" if gateway.answers else "  does not answer")
    yield f"  {entry.config or 'no file: from the environment'} in {entry.folder}"
    facts = [f"since {_moment(entry.since, now)} ({_age(now - entry.since)})", f"pid {entry.pid}"]
    facts += ["aigw run"] * (entry.command == "run") + [f"{entry.workers} workers"] * (entry.workers > 1)
    facts += [f"aigw {entry.version}"]
    facts += [counted(gateway.requests, "request")] if gateway.requests is not None else []
    yield f"  {', '.join(facts)}"


def data(gateway: GatewayStatus) -> dict[str, Any]:
    """Returns what `aigw status` prints of a gateway as plain data, for `--json`."""
    entry = gateway.entry
    return {
        "url": entry.url,
        "pid": entry.pid,
        "command": entry.command,
        "since": entry.since,
        "version": entry.version,
        "config": entry.config,
        "folder": entry.folder,
        "state": entry.state,
        "workers": entry.workers,
        "answers": gateway.answers,
        "requests": gateway.requests,
    }


def _moment(at: float, now: float) -> str:
    today = time.localtime(at)[:3] == time.localtime(now)[:3]
    return time.strftime("%H:%M" if today else "%Y-%m-%d %H:%M", time.localtime(at))


def _age(seconds: float) -> str:
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if days:
        return f"{days}d {hours % 24}h"
    if hours:
        return f"{hours}h {minutes % 60}m"
    return f"{minutes}m" if minutes else f"{max(int(seconds), 0)}s"
