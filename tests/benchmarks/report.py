"""The report: a table for each part, then the aims beside what was reached."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.benchmarks import beside, comparison, first_request, gateways, traffic
from tests.benchmarks.growth import table as growth

Figures = dict[str, Any]
NAMES = {row.name for row in gateways.ROWS}


class Aim(NamedTuple):
    name: str
    part: str
    reached: Callable[[Figures], float]
    aim: float
    at_least: bool = False
    unit: str = ""

    def line(self, figures: Figures) -> str:
        try:
            value = self.reached(figures)
        except KeyError:  # a gateway that did not answer
            return f"{self.name:44}{'nothing':>15}"
        met = value >= self.aim if self.at_least else value <= self.aim
        sign = "≥" if self.at_least else "≤"
        return f"{self.name:44}{f'{value:.4g} {self.unit}':>15}{f'{sign} {self.aim:g} {self.unit}':>17}  {'yes' if met else 'NO'}"


def cpu(shape: str, row: str) -> tuple[str, Callable[[Figures], float]]:
    """The floor's processor time as a multiple of this row's."""
    assert row in NAMES, row
    return shape, lambda figures: float(figures[row]["cpu_ratio"])


def alone(shape: str, row: str, figure: str = "total_p50") -> tuple[str, Callable[[Figures], float]]:
    """The row's latency at one connection as a multiple of the floor's."""
    assert row in NAMES, row
    return shape, lambda figures: float(figures[row][f"{figure}_ratio"])


def while_recording(figures: Figures) -> float:
    at = figures["c32"]
    return float(at["record"]["per_second"]) / float(at["aigw"]["per_second"])


def of_most(figures: Figures, name: str) -> float:
    """The figure of the largest collection."""
    return float(list(figures.values())[-1][name])


def worst_wait(figures: Figures) -> float:
    return max(float(row["p99"]) for row in figures.values())


def harmless_found(figures: Figures) -> float:
    return float(figures["own: benign found, of 30"] + figures["more: benign found, of 30"])


AIMS = (
    Aim("CPU, plain", *cpu("plain", "aigw: ai-proxy"), 1.2, True, "floor/it"),
    Aim("CPU, plain, with ai-statistics", *cpu("plain", "aigw: and ai-statistics"), 0.95, True, "floor/it"),
    Aim("CPU, burst", *cpu("burst", "aigw: ai-proxy"), 1.1, True, "floor/it"),
    Aim("CPU, burst, with ai-statistics", *cpu("burst", "aigw: and ai-statistics"), 0.9, True, "floor/it"),
    Aim("CPU, slow stream", *cpu("slow", "aigw: ai-proxy"), 1.15, True, "floor/it"),
    Aim("CPU, slow stream, with ai-statistics", *cpu("slow", "aigw: and ai-statistics"), 1.0, True, "floor/it"),
    Aim("CPU, cache hit from memory", *cpu("plain", "aigw: hit of ai-cache, memory"), 2.0, True, "floor/it"),
    Aim("CPU, cache hit from disk", *cpu("plain", "aigw: hit of ai-cache, disk"), 1.3, True, "floor/it"),
    Aim("CPU, cache hit from Redis", *cpu("plain", "aigw: hit of ai-cache, Redis"), 1.5, True, "floor/it"),
    Aim(
        "CPU, statistics, cache (miss) and limit", *cpu("plain", "aigw: statistics, miss, limit"), 0.5, True, "floor/it"
    ),
    Aim("CPU, all nine plugins, cache missing", *cpu("plain", "aigw: all nine plugins, miss"), 0.3, True, "floor/it"),
    Aim("CPU, replay", *cpu("plain", "aigw: replay"), 1.7, True, "floor/it"),
    Aim("p50, plain, c=1", *alone("plain", "aigw: ai-proxy"), 1.0, False, "it/floor"),
    Aim("p50 to the last event, burst, c=1", *alone("burst", "aigw: ai-proxy"), 1.0, False, "it/floor"),
    Aim("p50 to the first event, drip, c=1", *alone("drip", "aigw: ai-proxy", "first_p50"), 1.0, False, "it/floor"),
    Aim("Python calls a request, plain", "calls", lambda f: f["aigw"]["plain"], 320),
    Aim("Python calls a request, with ai-statistics", "calls", lambda f: f["statistics"]["plain"], 380),
    Aim("idle memory", "memory", lambda f: f["idle_mib"], 60, False, "MiB"),
    Aim("growth of memory", "memory", lambda f: f["growth_percent"], 1, False, "%"),
    Aim("ready", "start", lambda f: f["ready_s"], 0.35, False, "s"),
    Aim("first request, plain, beyond the floor's", "first", first_request.beyond_floor, 1, False, "ms"),
    Aim("aigw --help", "start", lambda f: f["help_ms"], 100, False, "ms"),
    Aim("search of most vectors, p50", "vectors", lambda f: of_most(f, "search_p50_ms"), 5, False, "ms"),
    Aim("recall@10 of it", "vectors", lambda f: of_most(f, "recall_at_10"), 0.95, True),
    Aim("memory of it", "vectors", lambda f: of_most(f, "memory_mib"), 1024, False, "MiB"),
    Aim("an open page, of each second", "page", lambda f: f["plain_ms_a_second"], 30, False, "ms"),
    Aim("throughput while recording", "recordings", while_recording, 0.9, True, "x aigw"),
    Aim("10,000 recordings are loaded", "recordings", lambda f: f["load_s"], 1, False, "s"),
    Aim("memory of that", "recordings", lambda f: f["load_mib"], 100, False, "MiB"),
    Aim("time between replayed events, p99", "pacing", lambda f: f["streams1_p99_ms"], 5, False, "ms off"),
    Aim("the same for 16 streams", "pacing", lambda f: f["streams16_p99_ms"], 5, False, "ms off"),
    Aim("XML to JSON by a rule", "transforming", lambda f: f["demonstration_us"], 100, False, "µs"),
    Aim("translated stream, one by one, c=32", "translation", lambda f: f["messages_drip_share"], 0.5, True, "x chat"),
    Aim("translated stream in one piece, c=32", "translation", lambda f: f["messages_share"], 0.5, True, "x chat"),
    Aim("harmless texts with a finding, both sets", "guard", harmless_found, 0),
    Aim("screening of English text", "guard", lambda f: f["µs a KB, 64 KB English"], 500, False, "µs/KB"),
    Aim("ingest", "ingest", lambda f: f["share"], 0.9, True, "x encoder"),
    Aim("p99 of small requests beside large things", "large", worst_wait, 5, False, "ms"),
    Aim("concurrent streams that are not whole", "streams", lambda f: f["not_whole"], 0),
    Aim("first token of 2,000 streams, p50, added", "streams", lambda f: f["added_p50_ms"], 1, False, "ms"),
    Aim("a request of two workers, CPU", "workers", lambda f: f["two_to_one"], 1.05, False, "x one's"),
)


def machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}, {cores} cores"


def text(parts: dict[str, Figures], described: str) -> str:
    lines = [f"aigw beside the floor, a bare aiohttp proxy ({described})"]
    if any(shape in parts for shape in traffic.SHAPES):
        lines += ["", *comparison.overview(parts)]
    for name, figures in parts.items():
        lines += ["", *_table(name, figures)(name, figures)]
    lines += ["", f"{'':44}{'reached':>15}{'aim':>17}"]
    lines += [aim.line(parts[aim.part]) for aim in AIMS if aim.part in parts]
    return "\n".join(lines)


def _table(name: str, figures: Figures) -> Callable[[str, Figures], list[str]]:
    if "exponents" in figures:
        return growth.lines
    if name in traffic.SHAPES:
        return comparison.details
    tables = {"recordings": _throughput, "vectors": _columns, "calls": _columns}
    tables |= {"large": beside.lines, "first": first_request.lines}
    return tables.get(name, _plain)


def _throughput(name: str, figures: Figures) -> list[str]:
    columns = [column for column in figures["c1"]["floor"] if column != "requests"]
    titles = [column.replace("per_second", "requests/s").replace("_", " ") for column in columns]
    lines = [f"{name + ' (times in µs)':30}" + "".join(f"{title:>14}" for title in titles)]
    for connections, measured in figures.items():
        if not isinstance(measured, dict):
            lines.append(f"  {connections:28}{measured:>14,}")
            continue
        for who, found in measured.items():
            lines += [f"  {connections} {who:24}" + "".join(f"{found[column]:>14,.0f}" for column in columns)]
        for who in [each for each in measured if each != "floor"]:
            ratios = [measured[who][column] / measured["floor"][column] for column in columns]
            lines += [f"  {connections} {who + ' / floor':24}" + "".join(f"{value:>14.2f}" for value in ratios)]
    return lines


def _columns(name: str, figures: Figures) -> list[str]:
    """A column for each size."""
    rows = next(iter(figures.values()))
    lines = [f"{name:30}" + "".join(f"{size:>18}" for size in figures)]
    return lines + [f"  {row:28}" + "".join(f"{each[row]:>18}" for each in figures.values()) for row in rows]


def _plain(name: str, figures: Figures) -> list[str]:
    return [name, *(f"  {key:36}{value:>14,}" for key, value in figures.items())]
