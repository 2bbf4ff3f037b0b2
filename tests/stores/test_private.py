"""Files that only their user can read: whole lines, also behind a torn one, and a lock that a process takes with it."""

import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from aigw.stores.private import LineFile, identity, locked, make_folder

ROOT = Path(__file__).parents[2]


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_may_look(tmp_path):
    path = tmp_path / "state" / "lines"
    file = LineFile(path)
    file.close()
    assert (mode(path.parent), mode(path)) == (0o700, 0o600)


def test_a_folder_that_is_there_stays(tmp_path):
    (tmp_path / "state").mkdir(mode=0o755)
    make_folder(tmp_path / "state")
    assert mode(tmp_path / "state") == 0o755


def test_git_ignores_what_a_gateway_keeps(tmp_path):
    """In a fresh clone, `git add -A` would commit what was asked and spent."""
    make_folder(tmp_path / "project" / ".aigw" / "metrics")
    assert (tmp_path / "project" / ".aigw" / ".gitignore").read_text() == "*\n"
    assert not (tmp_path / "project" / ".gitignore").exists()
    make_folder(tmp_path / "recordings")
    assert not (tmp_path / "recordings" / ".gitignore").exists()


def test_lines_are_appended(tmp_path):
    path = tmp_path / "lines"
    for batch in ([b"a", b"b"], [], [b""], [b"c"]):
        file = LineFile(path)
        file.write(batch)
        file.close()
    assert path.read_bytes() == b"a\nb\n\nc\n"


TORN = """
import resource, signal, sys
from pathlib import Path
from aigw.stores.private import LineFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
file = LineFile(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
print(file.write([b"whole", b"x" * 20, b"y"]))
for _ in range(2):
    try:
        file.write([b"x" * 20])
    except OSError as error:
        print(type(error).__name__)
resource.setrlimit(resource.RLIMIT_FSIZE, (15, resource.RLIM_INFINITY))
print(file.write([b"fit", b"x"]))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(file.write([b"next", b"last"]))
"""


def test_behind_a_torn_line_the_next_one_begins_anew(tmp_path):
    """A full disk, for which RLIMIT_FSIZE stands, took only a part of a line."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    path = tmp_path / "lines"
    command = [sys.executable, "-c", TORN, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "OSError", "OSError", "1", "2"]
    assert path.read_bytes() == b"whole\nxxxx\nfit\nnext\nlast\n"


def test_a_file_that_was_moved_away_is_another(tmp_path):
    path = tmp_path / "lines"
    file = LineFile(path)
    assert file.is_at(path)
    path.rename(tmp_path / "old")
    assert not file.is_at(path)
    path.touch()
    assert not file.is_at(path)
    file.write([b"a"])
    assert (file.size, path.read_bytes(), (tmp_path / "old").read_bytes()) == (2, b"", b"a\n")
    file.close()


def test_what_is_not_there_has_no_identity(tmp_path):
    assert identity(tmp_path / "nothing") is None


LOCKING = """
import sys
from pathlib import Path
from aigw.stores.private import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_one_processs_until_it_dies(tmp_path, child):
    fcntl = pytest.importorskip("fcntl")
    path = tmp_path / "lock"
    holder = child([sys.executable, "-c", LOCKING, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == "locked\n"
    with path.open("w") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    holder.kill()
    holder.communicate()
    with locked(path), path.open("w") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_folders_above_it_are_private_too(tmp_path):
    make_folder(tmp_path / ".aigw" / "recipes" / "budget")
    made = [tmp_path / ".aigw", tmp_path / ".aigw" / "recipes", tmp_path / ".aigw" / "recipes" / "budget"]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in made] == [0o700] * 3
