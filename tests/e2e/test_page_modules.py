"""The page's modules that need no browser, run by Node.js: the parser of events, differences, filters, what is shown."""

import asyncio
import json
import re
import shutil
from pathlib import Path

import pytest

from aigw.server.page.details import NOT_KEPT, TRACED
from aigw.server.page.inspection import OF_SEVERAL

TESTS = Path(__file__).parent / "page"
STATIC = Path(__file__).parents[2] / "aigw" / "server" / "page" / "static"
MOST_BYTES = 200_000


async def test_modules(tmp_path, node):
    shutil.copytree(STATIC, tmp_path / "static")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    command = [node, "--test", "--test-reporter=tap", *map(str, sorted(TESTS.glob("*.test.mjs")))]
    env = {"PAGE": str(tmp_path / "static"), "LANG": "en_US.UTF-8", "PATH": ""}
    process = await asyncio.create_subprocess_exec(
        *command, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, out.decode()[-4000:]
    assert int(re.search(rb"^# pass (\d+)$", out, re.MULTILINE)[1]) >= 25


def test_nothing_makes_markup_or_runs_text():
    """What others wrote becomes text nodes; nothing is fetched from elsewhere."""
    sources = {path.name: path.read_text(encoding="utf-8") for path in STATIC.iterdir()}
    for name, source in sources.items():
        if name.endswith(".js"):
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser", source
            ), name
        assert not re.search(r"https?://(?!www\.w3\.org|html\.spec\.whatwg\.org|\.\.\.)", source), name
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! type=\"module\" src=)", sources["index.html"])


@pytest.mark.parametrize("note", [NOT_KEPT, TRACED, OF_SEVERAL])
def test_what_the_gateway_says_of_its_details_is_there_in_chinese(note):
    assert f"  {json.dumps(note)}:" in (STATIC / "chinese.js").read_text(encoding="utf-8")


def test_it_is_small():
    assert sum(path.stat().st_size for path in STATIC.iterdir()) < MOST_BYTES


def test_every_file_is_used():
    sources = "\n".join(path.read_text(encoding="utf-8") for path in STATIC.iterdir())
    for path in STATIC.iterdir():
        assert path.name == "index.html" or path.name in sources
