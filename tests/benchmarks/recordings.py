"""What recording costs beside the floor, and how long many recordings take to be loaded.

The process that writes recordings has the core of the upstream and the load, so that it slows both down a little: look
at the processor time of each process, too."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import processes

if TYPE_CHECKING:
    from tests.benchmarks.measure import Effort, Figures

RECORDINGS = 10_000
_LOADING = """
import resource, sys, time
from pathlib import Path
from aigw.traffic.format.folder import Folder
from aigw.traffic.replay.player import FolderPlayer
from aigw.traffic.settings import RecordSettings
from aigw.traffic.volatility.rules import Rules
settings = RecordSettings(mode="replay")
rules = Rules.of(settings.volatile, folder="/", home="/")
began = time.perf_counter()
FolderPlayer(Folder(Path(sys.argv[1])), settings, rules, ())
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def recordings(effort: Effort) -> Figures:
    """Requests per second and the median latency (us) of the floor, aigw and aigw that records, in turns; the processor
    time (us) of a request in the gateway and in the process that writes; loading many."""
    found: Figures = {}
    with ExitStack() as stack:
        upstream = stack.enter_context(processes.upstream())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = {"floor": stack.enter_context(processes.floor(upstream.port))}
        servers["aigw"], _ = stack.enter_context(
            processes.aigw(processes.write_config(folder / "plain", upstream.port))
        )
        recs = folder / "recs"
        recording = processes.write_config(folder / "record", upstream.port)
        servers["record"], _ = stack.enter_context(processes.aigw(recording, "--record", str(recs)))
        processes.load(servers["record"], "plain", 1, requests=1)
        writer = _to_other_core(servers["record"].pid)
        played = folder / "played"
        once = processes.write_config(folder / "once", upstream.port)
        with processes.aigw(once, "--record", str(played)) as (server, _):
            processes.load(server, "plain", 1, requests=1)
        written: list[float] = []
        for connections in (1, 32):
            runs: dict[str, list[dict[str, float]]] = {name: [] for name in servers}
            for turn in range(effort.rounds + 1):
                for name, server in servers.items():
                    seconds = effort.seconds if turn else min(1.0, effort.seconds)
                    wrote = writer.cpu()
                    run = processes.load(server, "plain", connections, seconds=seconds)
                    if name == "record":
                        _settle(recs)
                        written.append((writer.cpu() - wrote) / run["requests"] * 1e6)
                    if turn:  # the first one warms up
                        runs[name].append(run)
            found[f"c{connections}"] = {
                name: {key: round(statistics.median(run[key] for run in each), 1) for key in each[0]}
                for name, each in runs.items()
            }
        found["writer_us"] = round(statistics.median(written), 1)
        found |= _loading(played)
    return found


def _to_other_core(pid: int) -> processes.Server:
    """Puts the process that writes on another core than the gateway's."""
    (child,) = {int(each) for task in Path(f"/proc/{pid}/task").glob("*/children") for each in task.read_text().split()}
    if "upstream" in processes.CORES:
        os.sched_setaffinity(child, {processes.CORES["upstream"]})
    return processes.Server(0, child)


def _settle(folder: Path) -> None:
    """Waits until nothing more is written."""
    before, now = -1, 0
    while before != now:
        time.sleep(0.5)
        before, now = now, sum(1 for _ in folder.iterdir())


def _loading(played: Path) -> Figures:
    """The time (s) to load many recordings, and the memory (MiB) of the process that has them."""
    (one,) = (path for path in played.iterdir() if path.suffix == ".json")
    recording = json.loads(one.read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, RECORDINGS + 1):
            changed = recording | {"key": f"{number:032x}", "session": {"number": number, "position": 1}}
            Path(folder, f"{number:05}-01-chat.json").write_text(json.dumps(changed))
        command = [sys.executable, "-c", _LOADING, folder]
        out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=processes.ROOT).stdout
    seconds, memory = map(float, out.split())
    return {"recordings": RECORDINGS, "load_s": round(seconds, 2), "load_mib": round(memory, 1)}
