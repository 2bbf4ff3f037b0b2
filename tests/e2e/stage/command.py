"""`aigw serve` as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

from children import die_with_parent

import aigw as package


def environment_of_tests():
    """Without the user's keys and proxies; aigw is the one that is tested, wherever it runs."""
    env = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_proxy", "_PROXY"))}
    return env | {"OLLAMA_HOST": "127.0.0.1:9", "PYTHONPATH": str(Path(package.__file__).parents[1])}


@asynccontextmanager
async def aigw(folder, *options, config=None, limit="", **environment):
    """`aigw serve` in an empty folder, with no keys but those given. `limit` are arguments of `ulimit`."""
    if config is not None:
        (folder / "aigw.yaml").write_text(config if isinstance(config, str) else json.dumps(config))
    env = environment_of_tests() | environment
    command = [sys.executable, "-m", "aigw", "serve", "--json", *options]
    if limit:
        command = ["sh", "-c", f'ulimit {limit} && exec "$@"', "sh", *command]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=env, stdout=pipe, stderr=pipe, preexec_fn=die_with_parent
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ready(process):
    async with asyncio.timeout(20):
        line = await process.stdout.readline()
        assert line, (await process.stderr.read()).decode()
        return json.loads(line)


async def ended(process):
    """The exit code and what it wrote to stderr."""
    async with asyncio.timeout(20):
        _, errors = await process.communicate()
    return process.returncode, errors.decode()
