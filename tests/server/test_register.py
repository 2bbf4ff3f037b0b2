"""The register holds gateways that run, and nothing that others could have put there."""

import os
import stat
import subprocess
import sys
from contextlib import ExitStack

import msgspec
import pytest

from aigw.server.process_start import numbering, start_of
from aigw.server.register import Entry, entered, folders, running
from aigw.stores.private import StrangeFileError


@pytest.fixture
def env(tmp_path):
    return {"XDG_RUNTIME_DIR": str(tmp_path)}


@pytest.fixture
def folder(env):
    return folders(env)[0]


def entry(pid=None, **more):
    pid = pid or os.getpid()
    given = {"start": start_of(pid), "since": 1.0, "url": "http://127.0.0.1:4700", "version": "1"}
    return Entry(pid=pid, **given | {"config": "aigw.yaml", "folder": "/x"} | more)


def of_test(env, folder):
    """Gateways that other tests have started meanwhile may be in the folder of temporary files."""
    return [each for each in running(env) if each.folder == "/x"]


def test_it_stands_there_as_long_as_it_runs(env, folder):
    with entered(entry(), env):
        assert of_test(env, folder) == [entry()]
        (file,) = folder.iterdir()
        assert [stat.S_IMODE(each.stat().st_mode) for each in (folder, file)] == [0o700, 0o600]
    assert of_test(env, folder) == []
    assert list(folder.iterdir()) == []


def test_where_no_file_can_be_written_there_is_no_register(tmp_path):
    """As in a container with a read-only root and no folder of temporary files: the gateway serves all the same."""
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "from aigw.server.register import Entry, entered, running\n"
        "with entered(Entry(pid=1, start='', since=1.0, url='', version='', config='', folder=''), {}): print(running({}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_oldest_comes_first(env, folder, child):
    other = child([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with entered(entry(since=2.0), env), entered(entry(other.pid, since=1.0), env):
        assert [each.since for each in of_test(env, folder)] == [1.0, 2.0]


def test_one_that_was_killed_is_not_shown_and_its_file_is_removed(env, folder, child):
    other = child([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with entered(entry(other.pid), env):
        other.kill()
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert of_test(env, folder) == []
        assert list(folder.iterdir()) == []


def test_another_process_with_its_number_is_not_taken_for_it(env, folder):
    with entered(entry(start="1"), env):
        assert of_test(env, folder) == []


def written(folder, name, data):
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / f"{numbering()}-{name}.json").write_bytes(data)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b"\xff", b'{"pid": "1"}', b"[" * 100_000])
def test_what_is_no_entry_is_passed_over(env, folder, data):
    written(folder, os.getpid(), data)
    assert of_test(env, folder) == []


def test_an_entry_under_the_name_of_another_is_passed_over(env, folder):
    written(folder, os.getppid(), msgspec.json.encode(entry()))
    assert of_test(env, folder) == []


def test_no_link_is_followed(env, folder, tmp_path):
    real = tmp_path / "real.json"
    real.write_bytes(msgspec.json.encode(entry()))
    folder.mkdir(mode=0o700)
    link = folder / f"{numbering()}-{os.getpid()}.json"
    link.symlink_to(real)
    assert of_test(env, folder) == []
    with entered(entry(), env):
        assert not link.is_symlink()
        assert of_test(env, folder) == [entry()]
    assert real.read_bytes() == msgspec.json.encode(entry())


def test_a_folder_that_is_a_link_is_not_used(env, folder, tmp_path, caplog):
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    caplog.set_level("INFO", "aigw")
    with entered(entry(), env):  # it runs all the same
        assert "aigw status` will not show this gateway" in caplog.text
    assert list((tmp_path / "elsewhere").iterdir()) == []
    with pytest.raises(StrangeFileError, match="a symbolic link"):
        running(env)


def test_a_folder_that_others_may_read_becomes_private(env, folder):
    folder.mkdir(mode=0o755)
    with entered(entry(), env):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of another user")
def test_what_belongs_to_another_user_is_not_used(env, folder):
    with ExitStack() as stack:
        folder.mkdir(mode=0o700)
        os.chown(folder, 12345, 12345)
        stack.enter_context(entered(entry(), env))
        assert list(folder.iterdir()) == []
        with pytest.raises(StrangeFileError, match="belongs to another user"):
            running(env)
        os.chown(folder, 0, 0)
        written(folder, os.getpid(), msgspec.json.encode(entry()))
        os.chown(next(folder.iterdir()), 12345, 12345)
        assert of_test(env, folder) == []


@pytest.mark.parametrize("given", ["", "relative", "/does/not/exist"])
def test_without_a_runtime_folder_it_is_below_that_of_temporary_files(given):
    (folder,) = folders({"XDG_RUNTIME_DIR": given})
    assert folder.name == f"aigw-{os.geteuid()}"
