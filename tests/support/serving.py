"""`aigw serve` as processes of a test, in an empty folder, and a client of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from children import children

Serve = Callable[..., tuple["subprocess.Popen[str]", str]]
PATIENCE = 30


@contextmanager
def serving(folder: Path) -> Iterator[Serve]:
    """Gives a function that starts `aigw serve` there, with these words and variables. It returns the process and its
    URL, "" if it does not start."""
    with children() as start:

        def serve(*words: object, **environment: str) -> tuple[subprocess.Popen[str], str]:
            env = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "TMPDIR") if name in os.environ}
            command = [sys.executable, "-m", "aigw", "serve", "--port", "0", "--json", *map(str, words)]
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            env |= {"HOME": str(folder), "OLLAMA_HOST": "127.0.0.1:9", **environment}
            process = start(command, cwd=folder, env=env, **pipes)
            assert process.stdout is not None
            line = process.stdout.readline()
            return process, json.loads(line)["url"] if line else ""

        yield serve


def chat(url: str, text: str = "Hello!", model: str = "echo", **fields: object) -> tuple[int, bytes]:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": text}], **fields}).encode()
    request = urllib.request.Request(f"{url}/v1/chat/completions", body, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def stopped(process: subprocess.Popen[str]) -> str:
    """Ends it as Ctrl-C does. Returns what it wrote to stderr."""
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    return err
