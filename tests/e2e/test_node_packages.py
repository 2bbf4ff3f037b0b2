"""The npm packages of the tests are installed once, and completely, however many processes of tests want them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from stage.node import NoNodeError, install

NPM = """
import json, pathlib, sys, time
package = pathlib.Path("node_modules/sdk")
package.mkdir(parents=True)  # fails where it is installed twice
(package / "package.json").write_text('{"version": "1.0.0"}')
deadline = time.monotonic() + 20
while len(list(pathlib.Path().glob("started-*"))) < 3 and time.monotonic() < deadline:
    pass
(package / "index.mjs").write_text("")
"""
"""What npm does, as far as it matters: it takes until all three processes are there, and writes package.json first."""

PROCESS = """
import os, sys
from pathlib import Path
from stage.node import install
folder = Path.cwd()
(folder / f"started-{os.getpid()}").touch()
install(folder, [sys.executable, "npm.py"])
assert (folder / "node_modules" / "sdk" / "index.mjs").exists()
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": {"sdk": "1.0.0"}}))
    (tmp_path / "npm.py").write_text(NPM)
    return tmp_path


@pytest.mark.skipif(sys.platform == "win32", reason="its files have no lock of this kind")
def test_processes_that_install_at_once(folder):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", PROCESS]
    started = [
        subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    errors = [process.communicate(timeout=30)[1] for process in started]
    assert errors == ["", "", ""]


def test_an_installation_that_failed_is_repeated(folder):
    """What a failed npm left does not count."""
    (folder / "fails.py").write_text(NPM.replace("deadline =", "sys.exit('no network')\ndeadline ="))
    for _ in range(2):
        with pytest.raises(NoNodeError):
            install(folder, [sys.executable, "fails.py"])
    assert not (folder / "node_modules" / "sdk" / "index.mjs").exists()


def test_other_versions_are_installed(folder):
    """A package.json that has changed."""
    for version in ("1.0.0", "1.0.0", "2.0.0"):
        (folder / "package.json").write_text(json.dumps({"dependencies": {"sdk": version}}))
        (folder / "count.py").write_text("open('count', 'a').write('x')")
        install(folder, [sys.executable, "count.py"])
    assert (folder / "count").read_text() == "xx"
